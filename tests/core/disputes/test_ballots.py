"""Ballots, salts and notes. (SPEC OC-8, OC-9, EV-8)"""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handfast.crypto.keccak import keccak
from handfast.crypto.keys import Identity
from handfast.disputes.ballots import (
    Ballot,
    BallotBox,
    Choice,
    Polling,
    Scoring,
    ballot_word,
    parse_ballot,
)
from handfast.disputes.rules import scores_of, words_of
from handfast.errors import InvalidInput
from handfast.protocol.constants import MAX_NOTE_BYTES, MAX_SCORES
from handfast.protocol.messages import Domain

ME = Identity(bytes([7]) * 32)
OTHER = Identity(bytes([8]) * 32)
HERE = Polling(Domain(31337, "0x" + "11" * 20), 5, 1)
ELSEWHERE = (
    replace(HERE, case=6),
    replace(HERE, round=2),
    replace(HERE, court=Domain(31337, "0x" + "12" * 20)),
    replace(HERE, court=Domain(31338, "0x" + "11" * 20)),
)

scores = st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=MAX_SCORES).map(tuple)
ballots = st.one_of(st.integers(0, 255).map(Choice), scores.map(Scoring))


@given(ballots)
def test_the_key_alone_brings_salt_and_ballot_back(ballot: Ballot) -> None:
    note = BallotBox(ME).note(HERE, ballot)
    assert len(note) <= MAX_NOTE_BYTES
    again = BallotBox(Identity(ME.secret))
    assert again.read(HERE, note) == ballot
    assert again.vote(HERE, ballot) == BallotBox(ME).vote(HERE, ballot)


def test_salts_differ_by_voter_case_round_court_and_chain() -> None:
    salts = {BallotBox(ME).salt(each) for each in (HERE, *ELSEWHERE)}
    salts.add(BallotBox(OTHER).salt(HERE))
    assert len(salts) == 6


@pytest.mark.parametrize("elsewhere", ELSEWHERE)
def test_a_note_opens_in_its_own_round_alone(elsewhere: Polling) -> None:
    note = BallotBox(ME).note(HERE, Choice(1))
    with pytest.raises(InvalidInput):
        BallotBox(ME).read(elsewhere, note)


@pytest.mark.parametrize("spoil", [lambda n: n[:-1], lambda n: b"", lambda n: n[:3] + b"!" + n[4:]])
def test_another_key_or_an_altered_note_opens_nothing(spoil: object) -> None:
    note = BallotBox(ME).note(HERE, Scoring((1, 2, 3)))
    with pytest.raises(InvalidInput):
        BallotBox(OTHER).read(HERE, note)
    assert callable(spoil)
    with pytest.raises(InvalidInput):
        BallotBox(ME).read(HERE, spoil(note))


def test_a_copied_vote_is_another_voters_nothing() -> None:
    assert BallotBox(ME).vote(HERE, Choice(1)) != BallotBox(OTHER).vote(HERE, Choice(1))


@given(scores)
def test_scores_stand_in_eight_words_from_the_left(given_scores: tuple[int, ...]) -> None:
    words = words_of(given_scores)
    assert len(words) == 8
    assert scores_of(words, len(given_scores)) == given_scores
    assert words[0] >> 224 == given_scores[0]
    packed = b"".join(word.to_bytes(32, "big") for word in words)
    assert ballot_word(Scoring(given_scores)) == keccak(packed)


def test_a_choice_stands_for_itself() -> None:
    assert ballot_word(Choice(2)) == bytes(31) + b"\x02"


@pytest.mark.parametrize(
    ("text", "ballot"),
    [("2", Choice(2)), ("1,2,3", Scoring((1, 2, 3))), ("5,", Scoring((5,)))],
)
def test_a_person_types_an_option_or_scores(text: str, ballot: Ballot) -> None:
    assert parse_ballot(text) == ballot


@pytest.mark.parametrize("text", ["", "yes", "1,,2", "-1", "4294967296", ",".join(["1"] * 65)])
def test_what_is_no_ballot_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        parse_ballot(text)
