"""In which order a client asks providers: by score, or drawn by softmax. (SPEC PR-1, PR-2)"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from handfast.errors import InvalidInput
from handfast.protocol.constants import GAMMA, SCALE

UNKNOWN_SCORE = GAMMA
"""Score of a provider that nobody has rated: s + gamma c of total uncertainty (0, 0, 1).
[prosecutor eq. 12]"""


@dataclass(frozen=True, slots=True)
class Ranked:
    """A provider with the score it is chosen by.

    score   out of SCALE
    """

    provider: int
    score: int


def scored(providers: Sequence[int], scores: Mapping[int, int]) -> tuple[Ranked, ...]:
    """Give each provider its score, the unknown one where it has none.

    providers   registry ids, each once
    scores      proven scores by id, out of SCALE
    raises      InvalidInput if an id stands twice or a score is out of range
    """
    if len(set(providers)) != len(providers):
        raise InvalidInput("a provider stands twice among those to choose from")
    for provider, score in scores.items():
        if not 0 <= score <= SCALE:
            raise InvalidInput(f"score {score} of provider {provider} is not in 0 to {SCALE}")
    return tuple(Ranked(provider, scores.get(provider, UNKNOWN_SCORE)) for provider in providers)


def rank(candidates: Sequence[Ranked]) -> tuple[Ranked, ...]:
    """Highest score first, ties by id.  [prosecutor Algorithm 2, line 18]"""
    return tuple(sorted(candidates, key=lambda each: (-each.score, each.provider)))


def draw(
    candidates: Sequence[Ranked], temperature: float, uniforms: Sequence[float]
) -> tuple[Ranked, ...]:
    """An order drawn without replacement, each draw by softmax of score / temperature.

    Adding Gumbel noise to the logits and sorting draws exactly that distribution, and never
    overflows, however small the temperature.  [aigc-lifecycle IV-C]

    temperature   > 0, in units of score; small follows the scores, large ignores them
    uniforms      one independent number in (0, 1) for each candidate, from a good source
    raises        InvalidInput if the temperature or a uniform is out of range
    """
    if not (math.isfinite(temperature) and temperature > 0):
        raise InvalidInput(f"the temperature is {temperature}, must be a number over 0")
    if len(uniforms) != len(candidates) or not all(0 < each < 1 for each in uniforms):
        raise InvalidInput("softmax needs one number between 0 and 1 for each candidate")
    keys = {
        each.provider: each.score / SCALE - temperature * math.log(-math.log(uniform))
        for each, uniform in zip(candidates, uniforms, strict=True)
    }
    return tuple(sorted(candidates, key=lambda each: (-keys[each.provider], each.provider)))
