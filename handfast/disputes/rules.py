"""What a panel's votes amount to, who is drawn, and who is paid what. (SPEC OC)

Identical to StakeTree, CourtRules and BlockHeader.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any, Final

from handfast.crypto.keccak import keccak
from handfast.errors import InvalidInput
from handfast.protocol.constants import (
    MAX_SCORES,
    MAX_TRIES,
    SCALE,
    SEAT_FEE,
    SEAT_LOSS,
    SEAT_STAKE,
    STAKE_UNIT,
)

SEAT_PENALTY: Final = SEAT_STAKE * SEAT_LOSS // SCALE
"""What an incoherent seat loses, in smallest units."""

CREDIT_UNIT: Final = 10**9
"""Rewards of seats are whole multiples of this many smallest units."""

_WORD: Final = 32
_SCORE_BITS: Final = 32
_SCORE_BYTES: Final = 4

# Of a block's header as a node names them, in their order; those that a chain has not got yet are
# missing at the end. (EIPs 4399, 1559, 4895, 4844, 4788, 7685)
_FIELDS: Final = (
    "parentHash", "sha3Uncles", "miner", "stateRoot", "transactionsRoot", "receiptsRoot",
    "logsBloom", "difficulty", "number", "gasLimit", "gasUsed", "timestamp", "extraData",
    "mixHash", "nonce", "baseFeePerGas", "withdrawalsRoot", "blobGasUsed", "excessBlobGas",
    "parentBeaconBlockRoot", "requestsHash",
)  # fmt: skip
_NUMBERS: Final = frozenset({
    "difficulty", "number", "gasLimit", "gasUsed", "timestamp", "baseFeePerGas", "blobGasUsed",
    "excessBlobGas",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Ballot:
    """A voter of a panel.

    voter   its number
    word    what the court holds of its vote: see `committed`, `revealed_choice`, `revealed_scores`
    """

    voter: int
    seats: int
    word: int


@dataclass(frozen=True, slots=True)
class Contribution:
    """What somebody paid into a case of choices, in smallest units.

    right    whether the payer's side won; `wrong`: whether another did
    earned   whether some seat of the round earns the fee
    """

    fee: int
    security: int
    right: bool
    wrong: bool
    earned: bool


@dataclass(frozen=True, slots=True)
class Weight:
    """A voter as a draw sees it.

    stake    smallest units; `locked`: what open cases lock of it
    """

    stake: int
    locked: int = 0

    @property
    def weight(self) -> int:
        """By what it is drawn: who can't take one seat has none."""
        return self.stake if self.stake >= SEAT_STAKE else 0


# ---------------------------------------------------------------- the draw


def draw_height(current: int, delay: int) -> int:
    """The block that draws a panel whose evidence is fixed in block `current`. (OC-3)"""
    return -(-(current + delay) // (2 * delay)) * 2 * delay


def point_of(seed: int, case: int, round_: int, seat: int, attempt: int, total: int) -> int:
    """Where in the weights a try for a seat falls. (OC-5)"""
    words = (seed, case, round_, seat, attempt)
    return int.from_bytes(keccak(b"".join(map(_word, words))), "big") % total


def draw(
    seed: int, case: int, round_: int, seats: int, voters: Sequence[Weight]
) -> tuple[int, ...]:
    """Numbers of the voters on the seats, each voter's side by side, zero for empty ones. (OC-5)

    voters   in the order of their numbers, from 1
    """
    ends = [each // STAKE_UNIT for each in accumulate(voter.weight for voter in voters)]
    total = ends[-1] if ends else 0
    taken: dict[int, int] = {}
    for seat in range(seats if total else 0):
        for attempt in range(MAX_TRIES):
            point = point_of(seed, case, round_, seat, attempt, total)
            number = next(i for i, end in enumerate(ends, 1) if point < end)
            voter = voters[number - 1]
            seated = taken.get(number, 0)
            if voter.locked + (seated + 1) * SEAT_STAKE <= voter.stake:
                taken[number] = seated + 1
                break
    panel = [number for number, count in taken.items() for _ in range(count)]
    return (*panel, *[0] * (seats - len(panel)))


def encode_header(block: Mapping[str, Any]) -> bytes:
    """RLP of the header of a block as a node tells it over JSON-RPC, checked against its hash.

    raises   InvalidInput if that is not all that the block's hash is made of
    """
    items = []
    for name in _FIELDS:
        value = block.get(name)
        if value is None:
            continue
        if name in _NUMBERS:
            number = int(value, 16)
            items.append(number.to_bytes((number.bit_length() + 7) // 8, "big"))
        else:
            items.append(bytes.fromhex(value[2:]))
    header = _list(items)
    if keccak(header) != bytes.fromhex(block["hash"][2:]):
        raise InvalidInput(f"the header of block {block['hash']} has unknown fields")
    return header


# ---------------------------------------------------------------- votes


def committed(vote: bytes) -> int:
    """What the court holds of a commitment: its last bit is cleared."""
    return int.from_bytes(vote, "big") & ~1


def revealed_choice(choice: int) -> int:
    """What the court holds of a choice."""
    return choice << 1 | 1


def revealed_scores(words: Sequence[int]) -> int:
    """What the court holds of scores: their hash with its last bit set."""
    return int.from_bytes(hash_of(words), "big") | 1


def is_revealed(word: int) -> bool:
    """Whether the court holds a vote, not a commitment."""
    return word & 1 == 1


def words_of(scores: Sequence[int]) -> tuple[int, ...]:
    """Scores as the eight words of the contract, missing ones zero.

    raises   InvalidInput if there are too many, or one does not take 32 bits
    """
    if len(scores) > MAX_SCORES or not all(0 <= each < 1 << _SCORE_BITS for each in scores):
        raise InvalidInput(f"at most {MAX_SCORES} scores of {_SCORE_BITS} bits each")
    data = b"".join(score.to_bytes(_SCORE_BYTES, "big") for score in scores)
    data = data.ljust(_SCORE_BYTES * MAX_SCORES, b"\0")
    return tuple(int.from_bytes(data[i : i + _WORD], "big") for i in range(0, len(data), _WORD))


def scores_of(words: Sequence[int], size: int) -> tuple[int, ...]:
    """The first entries of eight words."""
    data = b"".join(map(_word, words))
    ends = range(_SCORE_BYTES, _SCORE_BYTES * size + 1, _SCORE_BYTES)
    return tuple(int.from_bytes(data[end - _SCORE_BYTES : end], "big") for end in ends)


def hash_of(words: Sequence[int]) -> bytes:
    """keccak256 of the eight words: a ballot of scores, and what a ruling has of the medians."""
    return keccak(b"".join(map(_word, words)))


def winner_of(ballots: Iterable[Ballot], size: int) -> int:
    """The option with most seats; zero for a tie, or if nobody revealed. (OC-10)"""
    counts = [0] * (size + 1)
    for ballot in ballots:
        if is_revealed(ballot.word):
            counts[ballot.word >> 1] += ballot.seats
    most = max(counts)
    first = counts.index(most)
    return first if most and counts.count(most) == 1 else 0


def medians_of(votes: Sequence[tuple[int, Sequence[int]]], size: int) -> tuple[int, ...]:
    """The lower median of each entry. (OC-10)

    votes   seats and scores of each voter that revealed, at least one
    """
    columns = (
        sorted(scores[entry] for seats, scores in votes for _ in range(seats))
        for entry in range(size)
    )
    return tuple(column[(len(column) - 1) // 2] for column in columns)


def is_near(scores: Sequence[int], medians: Sequence[int], tolerance: int) -> bool:
    """Whether scores are within the tolerance of the medians in every entry. (OC-11)"""
    return all(abs(a - b) <= tolerance for a, b in zip(scores, medians, strict=True))


# ---------------------------------------------------------------- money


def fee_of(seats: int) -> int:
    """What a panel costs who asks for it, in smallest units."""
    return seats * SEAT_FEE


def reward_of(fee: int, coherent: int, others: int) -> tuple[int, int, int]:
    """What each coherent seat is paid, the odd rest for the first, what nobody earned. (OC-13)"""
    lost = others * SEAT_PENALTY
    if coherent == 0:
        return 0, 0, lost
    reward = (fee + lost) // coherent // CREDIT_UNIT * CREDIT_UNIT
    return reward, fee + lost - coherent * reward, 0


def divide(paid: Sequence[Contribution]) -> tuple[tuple[int, ...], int]:
    """What each payer is credited at the end of a case of choices, and what stays owed to those
    whose side won. (OC-13)
    """
    owed = [each.fee if each.earned and each.right else 0 for each in paid]
    pledged = [each.security if each.wrong else 0 for each in paid]
    covered = min(sum(owed), sum(pledged))
    made_good, taken = slices(owed, 0, covered), slices(pledged, 0, covered)
    credited = tuple(
        (0 if each.earned else each.fee) + each.security + made_good[i] - taken[i]
        for i, each in enumerate(paid)
    )
    return credited, sum(owed) - covered


def made_good(paid: Sequence[Contribution], left: int, amount: int) -> tuple[int, ...]:
    """Whom an amount of the costs goes to, of which so much was left. (OC-13)"""
    owed = [each.fee if each.earned and each.right else 0 for each in paid]
    done = sum(owed) - left
    return slices(owed, done, done + amount)


def slices(amounts: Sequence[int], start: int, end: int) -> tuple[int, ...]:
    """How much of each amount lies between two marks, when they are laid end to end."""
    marks = pairwise(accumulate(amounts, initial=0))
    return tuple(max(0, min(high, end) - max(low, start)) for low, high in marks)


# ---------------------------------------------------------------- bytes


def _word(number: int) -> bytes:
    return number.to_bytes(_WORD, "big")


def _list(items: Iterable[bytes]) -> bytes:
    """RLP of a list of strings, all of them shorter than 2^64 bytes."""
    payload = b"".join(map(_string, items))
    return _length(len(payload), 0xC0) + payload


def _string(data: bytes) -> bytes:
    return data if len(data) == 1 and data[0] < 0x80 else _length(len(data), 0x80) + data


def _length(length: int, offset: int) -> bytes:
    if length < 56:
        return bytes([offset + length])
    digits = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([offset + 55 + len(digits)]) + digits
