"""A voter's ballots: what is committed, and how it comes back from the key alone. (SPEC OC-8, OC-9)

Salt and key of the note derive from the account's secret with chain, court, case and round, so that
nothing has to be kept. The note is AES-SIV, which stays safe should one round ever see two ballots
under one key, and tells nothing but their length.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final, TypeAlias

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from handfast.codec import Size, Uint32
from handfast.crypto.keys import Identity
from handfast.disputes.rules import hash_of, words_of
from handfast.errors import InvalidInput
from handfast.protocol.constants import MAX_SCORES
from handfast.protocol.messages import Domain, Vote

_SALT: Final = b"handfast/v1/vote-salt"
_NOTE: Final = b"handfast/v1/vote-note"
_SCORE_BYTES: Final = 4
_WORD: Final = 32


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a case's options, from 1."""

    option: Uint32


@dataclass(frozen=True, slots=True)
class Scoring:
    """A score for each of a case's entries."""

    scores: Annotated[tuple[Uint32, ...], Size(1, MAX_SCORES)]


Ballot: TypeAlias = Choice | Scoring


def ballot_word(ballot: Ballot) -> bytes:
    """What stands in the signed vote: the choice, or the hash of the eight words."""
    match ballot:
        case Choice(option):
            return option.to_bytes(_WORD, "big")
        case Scoring(scores):
            return hash_of(words_of(scores))


def parse_ballot(text: str) -> Ballot:
    """Read what a person types: an option, or scores with commas between them.

    raises   InvalidInput if it is neither
    """
    several = "," in text
    try:
        numbers = tuple(int(part) for part in text.removesuffix(",").split(","))
    except ValueError:
        raise InvalidInput(f"{text!r} is neither an option nor scores like 1,2,3") from None
    if not 1 <= len(numbers) <= MAX_SCORES or not all(0 <= each < 1 << 32 for each in numbers):
        raise InvalidInput(f"at most {MAX_SCORES} scores of 32 bits each")
    return Scoring(numbers) if several else Choice(numbers[0])


@dataclass(frozen=True, slots=True)
class Polling:
    """A round of a case, before one court on one chain."""

    court: Domain
    case: int
    round: int


class BallotBox:
    """What one voter's key makes of ballots."""

    def __init__(self, identity: Identity) -> None:
        self._identity = identity

    def salt(self, polling: Polling) -> bytes:
        """The salt of the round's vote. (SPEC OC-9)"""
        return self._derive(_SALT, polling, _WORD)

    def vote(self, polling: Polling, ballot: Ballot) -> bytes:
        """What is committed: the digest of the signed-message struct. (SPEC OC-8)"""
        message = Vote(
            polling.case,
            polling.round,
            self._identity.address,
            ballot_word(ballot),
            self.salt(polling),
        )
        return message.digest(polling.court)

    def note(self, polling: Polling, ballot: Ballot) -> bytes:
        """The ballot, for nobody but this key."""
        match ballot:
            case Choice(option):
                plain = b"\x01" + option.to_bytes(_SCORE_BYTES, "big")
            case Scoring(scores):
                body = b"".join(score.to_bytes(_SCORE_BYTES, "big") for score in scores)
                plain = b"\x02" + body
        return self._cipher(polling).encrypt(plain, None)

    def read(self, polling: Polling, note: bytes) -> Ballot:
        """The ballot of a note.

        raises   InvalidInput if this key did not write it for this round
        """
        try:
            plain = self._cipher(polling).decrypt(note, None)
        except (InvalidTag, ValueError):
            raise InvalidInput("the note is none of this voter's") from None
        numbers = tuple(
            int.from_bytes(plain[i : i + _SCORE_BYTES], "big")
            for i in range(1, len(plain), _SCORE_BYTES)
        )
        return Choice(numbers[0]) if plain[0] == 1 else Scoring(numbers)

    def _cipher(self, polling: Polling) -> AESSIV:
        return AESSIV(self._derive(_NOTE, polling, 64))

    def _derive(self, use: bytes, polling: Polling, length: int) -> bytes:
        court = polling.court
        info = use + court.chain_id.to_bytes(_WORD, "big") + bytes.fromhex(court.contract[2:])
        info += polling.case.to_bytes(_WORD, "big") + polling.round.to_bytes(4, "big")
        return HKDF(SHA256(), length, None, info).derive(self._identity.secret)
