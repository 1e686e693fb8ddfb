"""What an opinion is worth and what a provider's score is: MWSL in integers. (SPEC RP-20 to RP-30)

Identical to ReputationRules.sol to the last bit. All divisions round down; each intermediate fits
128 bits with sign for a history of 100,000 opinions of any fee up to MAX_FEE_UNITS.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from math import isqrt
from typing import NamedTuple

from handfast.errors import InvalidInput
from handfast.protocol.constants import (
    DECAY,
    FINE,
    GAMMA,
    LEVY_FLAT,
    LEVY_SHARE,
    MU_FAMILIARITY,
    MU_FRESHNESS,
    MU_WORTH,
    SCALE,
    WORTH_ONE,
)

GROWTH_BITS = 62
"""A mantissa of `growth` lies in [2^62, 2^63)."""
WORTH_BITS = 38
"""Of these, worth keeps the upper ones: a fee is multiplied by a number in [2^38, 2^39)."""

_FINE_PER_SCALE = FINE // SCALE
_SHARE_DIVISOR = SCALE * WORTH_ONE // FINE
_GROWTH_ONE = 1 << GROWTH_BITS
_MAX_EPOCH = (1 << 32) - 1


class Pair(NamedTuple):
    """What one client holds of one provider. (RP-11)

    epoch, fee   of the newest opinion; fees in FEE_UNIT
    worth        of all others, in grown money: times 2^exponent
    """

    positives: int = 0
    negatives: int = 0
    epoch: int = 0
    fee: int = 0
    worth: int = 0
    exponent: int = 0


class Levels(NamedTuple):
    """Satisfying, unsatisfying and uncertainty levels out of FINE. [prosecutor eq. 7]"""

    s: int
    u: int
    c: int


class Score(NamedTuple):
    """An opinion and the score that follows from it, out of SCALE. [prosecutor eq. 12]"""

    s: int
    u: int
    c: int
    score: int


class Sums(NamedTuple):
    """A fold's partial sum. (RP-30)

    worth     faded worth of the clients so far; in the second pass, of all
    weight    sum of weights
    s, c      sums of weight times level
    """

    worth: int = 0
    weight: int = 0
    s: int = 0
    c: int = 0


class Scene(NamedTuple):
    """What the weight of each of a provider's clients depends on besides the client. (RP-26)

    exponent       largest of the clients that have worth
    interactions   opinions on the provider
    epoch          the present
    """

    exponent: int
    interactions: int
    epoch: int


NEWCOMER = Pair()
STRANGER = Levels(0, 0, FINE)
"""The reference opinion of nobody."""
UNKNOWN = Score(0, 0, SCALE, GAMMA)
"""The score of a provider of whom nothing is known. (RP-31)"""


def levy(fee: int) -> int:
    """What including an opinion of this fee burns, in FEE_UNIT, rounded up. (RP-20)"""
    return LEVY_FLAT - (-fee * LEVY_SHARE // SCALE)


# ---------------------------------------------------------------- time


@lru_cache(maxsize=1 << 16)
def growth(epochs: int) -> tuple[int, int]:
    """θ^-epochs as (mantissa, exponent): mantissa · 2^(exponent - 62). (RP-24)

    epochs   0 to 2^32 - 1
    raises   InvalidInput otherwise
    """
    if not 0 <= epochs <= _MAX_EPOCH:
        raise InvalidInput(f"{epochs} is no number of epochs")
    mantissa, exponent = _GROWTH_ONE, 0
    square, square_exponent = _normal(_GROWTH_ONE * SCALE // DECAY, 0)
    while epochs:
        if epochs & 1:
            mantissa, exponent = _normal(
                mantissa * square >> GROWTH_BITS, exponent + square_exponent
            )
        epochs >>= 1
        if epochs:
            square, square_exponent = _normal(square * square >> GROWTH_BITS, 2 * square_exponent)
    return mantissa, exponent


def _normal(mantissa: int, exponent: int) -> tuple[int, int]:
    while mantissa >> (GROWTH_BITS + 1):
        mantissa, exponent = mantissa >> 1, exponent + 1
    return mantissa, exponent


@lru_cache(maxsize=1 << 16)
def freshness(age: int) -> int:
    """θ^age out of FINE. [prosecutor 5.3.2]"""
    mantissa, exponent = growth(age)
    return _GROWTH_ONE * FINE // mantissa >> exponent


# ---------------------------------------------------------------- opinions


def rate(pair: Pair, satisfied: bool, fee: int, epoch: int) -> Pair:
    """The pair after one more opinion; the newest so far joins its worth. (RP-23, RP-24)

    fee      in FEE_UNIT, > 0
    epoch    not before the pair's
    raises   InvalidInput if it is
    """
    positives, negatives, last, last_fee, worth, exponent = pair
    if positives or negatives:
        if epoch < last:
            raise InvalidInput(f"epoch {epoch} is before {last}, that of the pair's last opinion")
        mantissa, now = growth(last)
        worth = (worth >> now - exponent) + last_fee * (mantissa >> GROWTH_BITS - WORTH_BITS)
        exponent = now
    if satisfied:
        return Pair(positives + 1, negatives, epoch, fee, worth, exponent)
    return Pair(positives, negatives + 1, epoch, fee, worth, exponent)


def local(pair: Pair) -> Levels:
    """A client's own opinion of a provider it has rated. [prosecutor eq. 7]"""
    return _levels(pair.positives, pair.positives + pair.negatives)


@lru_cache(maxsize=1 << 12)
def _levels(positives: int, count: int) -> Levels:
    s = positives * (count - 1) * FINE // (count * count)
    c = FINE // count
    return Levels(s, FINE - s - c, c)


# ---------------------------------------------------------------- folding a provider's clients


def add_worth(sums: Sums, clients: Iterable[Pair], scene: Scene) -> Sums:
    """First pass over some clients: the worth of all, faded to one moment. (RP-30)"""
    latest = scene.exponent
    return sums._replace(worth=sums.worth + sum(pair[4] >> latest - pair[5] for pair in clients))


def add_weights(sums: Sums, clients: Iterable[Pair], scene: Scene) -> Sums:
    """Second pass over some clients: weights, and levels by weight. [prosecutor eq. 8-10] (RP-26)

    sums     its worth is that of all clients, from the first pass
    """
    total, weights, satisfied, uncertain = sums
    latest, interactions, present = scene
    for positives, negatives, epoch, _, worth, exponent in clients:
        count = positives + negatives
        share = (worth >> latest - exponent) * WORTH_ONE // total if total else 0
        share = MU_WORTH * share // _SHARE_DIVISOR
        weight = isqrt(
            _familiarity_square(count, interactions)
            + _recency_square(present - epoch)
            + share * share
        )
        s, _, c = _levels(positives, count)
        weights += weight
        satisfied += weight * s
        uncertain += weight * c
    return Sums(total, weights, satisfied, uncertain)


@lru_cache(maxsize=1 << 12)
def _familiarity_square(count: int, interactions: int) -> int:
    familiarity = MU_FAMILIARITY * (count * FINE // interactions) // SCALE
    return familiarity * familiarity


@lru_cache(maxsize=1 << 16)
def _recency_square(age: int) -> int:
    recency = MU_FRESHNESS * freshness(age) // SCALE
    return recency * recency


def reference(sums: Sums) -> Levels:
    """The average of the folded clients' opinions by weight. [prosecutor eq. 10] (RP-27)"""
    if not sums.weight:
        return STRANGER
    s, c = sums.s // sums.weight, sums.c // sums.weight
    return Levels(s, FINE - s - c, c)


# ---------------------------------------------------------------- scores


def rolled_up(s: int, c: int) -> Score:
    """The score that a row of these levels out of SCALE stands for. (RP-23)

    raises   InvalidInput if they are more than SCALE together
    """
    if not (s >= 0 and c >= 0 and s + c <= SCALE):
        raise InvalidInput(f"levels {s} and {c} are not shares of {SCALE}")
    return Score(s, SCALE - s - c, c, s + GAMMA * c // SCALE)


def neutral(sums: Sums) -> Score:
    """The score of a provider all of whose clients were folded. (RP-28)"""
    levels = reference(sums)
    return rolled_up(levels.s // _FINE_PER_SCALE, levels.c // _FINE_PER_SCALE)


def neutral_score(clients: Iterable[Pair], scene: Scene) -> Score:
    """Both passes over all of a provider's clients. (RP-28)"""
    pairs = list(clients)
    return neutral(add_weights(add_worth(Sums(), pairs, scene), pairs, scene))


def personal_score(
    others: Iterable[Pair], own: Pair | None, scene: Scene, sensitivity: int
) -> Score:
    """A provider's score in the eyes of one client. [prosecutor eq. 10-12] (RP-29)

    others        the provider's other clients
    own           what the client itself holds, None if nothing
    sensitivity   out of SCALE
    raises        InvalidInput if the sensitivity is out of range
    """
    if not 0 <= sensitivity <= SCALE:
        raise InvalidInput(f"sensitivity {sensitivity} is not a share of {SCALE}")
    pairs = list(others)
    worth = add_worth(Sums(), pairs if own is None else [*pairs, own], scene)
    average = reference(add_weights(worth, pairs, scene))
    levels = Levels(
        average.s * (SCALE - sensitivity) // SCALE, average.u * sensitivity // SCALE, average.c
    )
    if own is not None:
        levels = fuse(local(own), levels)
    s, u, c = (level // _FINE_PER_SCALE for level in levels)
    return Score(s, u, c, s + GAMMA * c // SCALE)


def fuse(own: Levels, others: Levels) -> Levels:
    """Join a client's own opinion with the reference opinion. [prosecutor eq. 11] (RP-29)"""
    either = own.c + others.c - own.c * others.c // FINE
    return Levels(
        (own.s * others.c + others.s * own.c) // either,
        (own.u * others.c + others.u * own.c) // either,
        own.c * others.c // either,
    )


def scene_of(clients: Iterable[Pair], epoch: int) -> Scene:
    """The scene of a provider with these clients. A roll-up keeps it in the provider's leaf."""
    exponent = interactions = 0
    for positives, negatives, _, _, _, latest in clients:
        interactions += positives + negatives
        exponent = max(exponent, latest)
    return Scene(exponent, interactions, epoch)
