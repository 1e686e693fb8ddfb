"""Decides what a task's ending makes of scores and money, exactly as TaskRules.sol does.

A set of positions is an integer: bit i stands for position i, in the order of commitments.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from handfast.crypto.keccak import keccak
from handfast.protocol.constants import NO_VALIDATION, DeliveryState


def validation_hash(digest: bytes, codec: int, salt: bytes) -> bytes:
    """What a requester commits to of its validation data. (SPEC MT-1)"""
    return keccak(digest + codec.to_bytes(32, "big") + salt)


def set_of(positions: Iterable[int]) -> int:
    """The set of some positions."""
    found = 0
    for position in positions:
        found |= 1 << position
    return found


def positions_of(members: int) -> tuple[int, ...]:
    """The positions in a set, rising."""
    return tuple(i for i in range(members.bit_length()) if members >> i & 1)


def copies(models: Sequence[bytes | None]) -> int:
    """Set of the revealed models that an earlier commitment has, too: they score zero. (SPEC MT-4)

    models   digest at each position, None where nothing was revealed
    """
    seen: set[bytes] = set()
    found = []
    for position, model in enumerate(models):
        if model is not None and model in seen:
            found.append(position)
        if model is not None:
            seen.add(model)
    return set_of(found)


def is_without_validation(scores: Sequence[int]) -> bool:
    """Whether the panel says that there were no validation data to be had. (SPEC MT-4)"""
    return scores[0] == NO_VALIDATION


def rank(scores: Sequence[int], counted: int, threshold: int) -> tuple[int, int]:
    """Who of `counted` is at or above the threshold, and the best of them. (SPEC MT-5)

    returns   a subset of `counted`, and the lowest position with its highest score, or zero
    """
    passed = [i for i in positions_of(counted) if scores[i] >= threshold]
    best = max(passed, key=lambda i: (scores[i], -i), default=0)
    return set_of(passed), best


def split(reward: int, count: int) -> tuple[int, int]:
    """What the best and each other of `count` that passed get. (SPEC MT-5)

    Half, rounded down, and an equal part of as much, rounded down; count is above zero.
    """
    half = reward // 2
    return half, half // (count - 1) if count > 1 else 0


def left(amount: int, count: int) -> int:
    """What is left of an amount that `count` share equally: all of it, if nobody does."""
    return amount % count if count else amount


def is_eligible(score: int, minimum: int) -> bool:
    """Whether a participation reputation, out of SCALE, is enough for a task. (SPEC MT-2, DT-2)"""
    return score >= minimum


def is_honest(state: DeliveryState) -> bool:
    """Whether a delivery shares the reward once the judging period is over. (SPEC DT-3)"""
    return state in (DeliveryState.DELIVERED, DeliveryState.HONEST)


def suffices(compensation: int, reward: int) -> bool:
    """Whether refusing everybody costs the requester as much as it saves. (SPEC DT-1)"""
    return compensation >= reward


def has(members: int, position: int) -> bool:
    """Whether a position is in a set."""
    return members >> position & 1 == 1
