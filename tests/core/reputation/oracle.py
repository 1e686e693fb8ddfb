"""MWSL in real arithmetic (60 digits), from each pair's whole history. [prosecutor eq. 7-12]

Written from the formulas alone, so that the integers of `rules` have something to be wrong against.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal, localcontext
from functools import lru_cache
from typing import NamedTuple

from handfast.reputation.rules import NEWCOMER, Pair, rate

THETA, GAMMA = Decimal("0.99"), Decimal("0.5")
MU = (Decimal("0.4"), Decimal("0.3"), Decimal("0.3"))
DIGITS = 60


class Opinion(NamedTuple):
    """A verdict with its weight's ingredients."""

    satisfied: bool
    fee: int
    epoch: int


class Real(NamedTuple):
    """Levels and score as real numbers."""

    s: Decimal
    u: Decimal
    c: Decimal
    score: Decimal


History = list[Opinion]


def pair_of(history: Iterable[Opinion]) -> Pair:
    """What the rules keep of a history."""
    pair = NEWCOMER
    for opinion in history:
        pair = rate(pair, *opinion)
    return pair


@lru_cache(maxsize=1 << 14)
def _faded(age: int) -> Decimal:
    return THETA**age


@lru_cache(maxsize=1 << 14)
def _levels(positives: int, count: int) -> tuple[Decimal, Decimal, Decimal]:
    c = 1 / Decimal(count)
    return (1 - c) * positives / count, (1 - c) * (count - positives) / count, c


def _local(history: History) -> tuple[Decimal, Decimal, Decimal]:
    return _levels(sum(opinion.satisfied for opinion in history), len(history))


@lru_cache(maxsize=1 << 14)
def _weight(familiarity: Decimal, freshness: Decimal, share: Decimal) -> Decimal:
    factors = zip(MU, (familiarity, freshness, share), strict=True)
    return sum(((mu * factor) ** 2 for mu, factor in factors), Decimal(0)).sqrt()


def _worth(history: History, epoch: int) -> Decimal:
    by_epoch: dict[int, int] = {}
    for opinion in history[:-1]:
        by_epoch[opinion.epoch] = by_epoch.get(opinion.epoch, 0) + opinion.fee
    return sum((fee * _faded(epoch - at) for at, fee in by_epoch.items()), Decimal(0))


def _average(
    histories: list[History], counted: list[bool], epoch: int
) -> tuple[Decimal, Decimal, Decimal]:
    interactions = sum(map(len, histories))
    worths = [_worth(history, epoch) for history in histories]
    total = sum(worths, Decimal(0))
    sums = [Decimal(0)] * 4
    for history, worth, counts in zip(histories, worths, counted, strict=True):
        if not counts:
            continue
        weight = _weight(
            Decimal(len(history)) / interactions,
            _faded(epoch - history[-1].epoch),
            worth / total if total else Decimal(0),
        )
        for at, level in enumerate((1, *_local(history))):
            sums[at] += weight * level
    if not sums[0]:
        return Decimal(0), Decimal(0), Decimal(1)
    return sums[1] / sums[0], sums[2] / sums[0], sums[3] / sums[0]


def neutral(histories: list[History], epoch: int) -> Real:
    """s + gamma c of the weighted average of all clients' opinions."""
    with localcontext() as context:
        context.prec = DIGITS
        s, u, c = _average(histories, [True] * len(histories), epoch)
        return Real(s, u, c, s + GAMMA * c)


def personal(histories: list[History], own: int | None, sensitivity: Decimal, epoch: int) -> Real:
    """The score for the client of `histories[own]`; None for one without an opinion."""
    with localcontext() as context:
        context.prec = DIGITS
        counted = [at != own for at in range(len(histories))]
        s, u, c = _average(histories, counted, epoch)
        s, u = (1 - sensitivity) * s, sensitivity * u
        if own is not None:
            s_own, u_own, c_own = _local(histories[own])
            either = c_own + c - c_own * c
            s, u, c = (
                (s_own * c + s * c_own) / either,
                (u_own * c + u * c_own) / either,
                c * c_own / either,
            )
        return Real(s, u, c, s + GAMMA * c)
