"""How a client's rounds go on, and how they end. (SPEC PR-6 to PR-10)"""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handfast.protocol.constants import LockMode
from handfast.rounds.client import (
    EMPTY,
    ENDED,
    LEDGER,
    Approved,
    Begun,
    Buy,
    Checked,
    FeeLocked,
    Fetch,
    GaveUp,
    GiveUp,
    Input,
    Judge,
    Judged,
    Ledger,
    Pay,
    Payment,
    RolledBack,
    Round,
    Settled,
    Stage,
    Submit,
    Submitted,
    resume,
    step,
    without,
)
from handfast.rounds.messages import NO_HASH
from tests.core.rounds.parties import DOMAIN, FEE, PLAIN, PROMPT, SEALED, ask

PAYMENT = Payment(4, 1, b"\1" * 65, b"\2" * 32, 0)
UNRECEIPTED = Payment(4, 1, b"", b"\2" * 32, None)
NAME = ask().id(DOMAIN)


def begun(mode: LockMode = LockMode.CLIENT_NUMBER) -> Begun:
    held = mode is LockMode.CLIENT_NUMBER
    request = ask(mode)
    product = PLAIN if held else SEALED
    number, hash_ = (b"\2" * 32, b"\3" * 32) if held else (NO_HASH, SEALED.key_hash)
    url = "http://127.0.0.1:1"
    return Begun(NAME, Round(request, 1, url, PROMPT, FEE, product, number, hash_, Stage.BEGUN))


def play(*inputs: Input) -> Ledger:
    ledger = EMPTY
    for each in inputs:
        ledger, _ = step(ledger, each)
    return ledger


def test_a_client_looks_before_it_pays_with_its_own_number() -> None:
    """SPEC PR-6"""
    ledger, effects = step(EMPTY, begun())
    assert effects == (Buy(NAME),)
    for input_, effect, stage in (
        (FeeLocked(NAME), (Fetch(NAME),), Stage.LOCKED),
        (Checked(NAME, good=True), (Pay(NAME),), Stage.VERIFIED),
        (Settled(NAME, PAYMENT), (Judge(NAME),), Stage.PAID),
        (Judged(NAME, satisfied=True), (Submit(NAME),), Stage.JUDGED),
        (Submitted(NAME, taken=True), (), Stage.RATED),
    ):
        ledger, effects = step(ledger, input_)
        assert effects == effect
        assert ledger.rounds[NAME].stage is stage
        assert LEDGER.decode(LEDGER.encode(ledger)) == ledger
    assert without(ledger, (NAME,)) == EMPTY


def test_under_key_release_the_release_pays() -> None:
    """SPEC PR-7"""
    ledger, _ = step(EMPTY, begun(LockMode.KEY_RELEASE))
    ledger, effects = step(ledger, FeeLocked(NAME))
    assert effects == ()
    _, effects = step(ledger, Settled(NAME, PAYMENT))
    assert effects == (Judge(NAME),)


def test_content_that_is_not_what_was_announced_is_not_paid() -> None:
    """SPEC PR-9"""
    ledger = play(begun(), FeeLocked(NAME))
    ledger, effects = step(ledger, Checked(NAME, good=False))
    assert effects == (GiveUp(NAME),)
    ledger, effects = step(ledger, RolledBack(NAME))
    assert ledger.rounds[NAME].stage is Stage.LOST
    assert effects == ()


def held() -> Begun:
    return replace(begun(), round=replace(begun().round, hold=True))


def test_held_content_is_paid_once_it_is_approved() -> None:
    ledger = play(held(), FeeLocked(NAME))
    verified, effects = step(ledger, Checked(NAME, good=True))
    assert effects == ()
    approved, effects = step(verified, Approved(NAME))
    assert effects == (Pay(NAME),)
    assert resume(approved) == (Pay(NAME),)
    early, effects = step(ledger, Approved(NAME))
    assert effects == ()
    assert step(early, Checked(NAME, good=True))[1] == (Pay(NAME),)


@pytest.mark.parametrize("inputs", [(), (FeeLocked(NAME),), (FeeLocked(NAME), Checked(NAME, True))])
def test_held_content_is_not_paid_by_a_restart(inputs: tuple[Input, ...]) -> None:
    """Nobody is left who could look at it. (SPEC PR-10)"""
    assert resume(play(held(), *inputs)) == (GiveUp(NAME),)


def test_what_was_given_up_is_not_paid_any_more() -> None:
    """SPEC PR-3"""
    for before in (play(begun()), play(begun(), FeeLocked(NAME))):
        ledger, effects = step(before, GaveUp(NAME))
        assert effects == (GiveUp(NAME),)
        assert resume(ledger) == (GiveUp(NAME),)
        for late in (FeeLocked(NAME), Checked(NAME, good=True), Approved(NAME)):
            assert step(ledger, late) == (ledger, ())
        assert step(ledger, RolledBack(NAME))[0].rounds[NAME].stage is Stage.LOST
    revealed = play(begun(), FeeLocked(NAME), Checked(NAME, good=True))
    assert step(revealed, GaveUp(NAME)) == (revealed, ())


def test_without_a_verdict_there_is_no_opinion() -> None:
    ledger = play(begun(), FeeLocked(NAME), Settled(NAME, PAYMENT))
    ledger, effects = step(ledger, Judged(NAME, None))
    assert effects == ()
    assert ledger.rounds[NAME].stage is Stage.UNRATED


def test_without_a_receipt_the_payment_stands_for_it() -> None:
    """SPEC RP-5: the opinion goes to a coordinator all the same."""
    ledger = play(begun(), FeeLocked(NAME), Settled(NAME, UNRECEIPTED))
    ledger, effects = step(ledger, Judged(NAME, True))
    assert effects == (Submit(NAME),)
    unproven, _ = step(ledger, Submitted(NAME, taken=False))
    assert unproven.rounds[NAME].stage is Stage.UNRATED


@pytest.mark.parametrize(
    ("inputs", "effect"),
    [
        ((begun(),), Buy(NAME)),
        ((begun(), FeeLocked(NAME)), Fetch(NAME)),
        ((begun(), FeeLocked(NAME), Checked(NAME, good=True)), Pay(NAME)),
        ((begun(), FeeLocked(NAME), Settled(NAME, PAYMENT)), Judge(NAME)),
        (
            (begun(), FeeLocked(NAME), Settled(NAME, PAYMENT), Judged(NAME, satisfied=False)),
            Submit(NAME),
        ),
    ],
)
def test_a_restarted_client_goes_on_where_it_was(inputs: tuple[Input, ...], effect: object) -> None:
    """SPEC PR-10"""
    assert resume(play(*inputs)) == (effect,)


INPUTS = st.sampled_from(
    [
        begun(),
        FeeLocked(NAME),
        Checked(NAME, good=True),
        Checked(NAME, good=False),
        Approved(NAME),
        GaveUp(NAME),
        Settled(NAME, PAYMENT),
        RolledBack(NAME),
        Judged(NAME, satisfied=True),
        Submitted(NAME, taken=True),
    ]
)


@given(st.lists(st.one_of(INPUTS, st.just(held())), max_size=30))
def test_stages_only_rise_and_an_end_is_final(inputs: list[Input]) -> None:
    ledger = EMPTY
    for each in inputs:
        before = ledger.rounds.get(NAME)
        ledger, effects = step(ledger, each)
        after = ledger.rounds.get(NAME)
        if before is not None and after is not None:
            assert after.stage >= before.stage
            assert before.stage not in ENDED or (after == before and effects == ())
        if after == before:
            assert effects == ()
