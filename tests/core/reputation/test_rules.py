"""The integers of MWSL against real arithmetic, and the bounds that they must keep."""

from __future__ import annotations

import itertools
import random
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handfast.errors import InvalidInput
from handfast.protocol.constants import (
    DECAY,
    FEE_UNIT,
    FINE,
    GAMMA,
    LEVY_FLAT,
    LEVY_SHARE,
    MAX_FEE_UNITS,
    SCALE,
    SENSITIVITY,
)
from handfast.reputation import rules
from handfast.reputation.rules import (
    NEWCOMER,
    UNKNOWN,
    Levels,
    Pair,
    Scene,
    Score,
    Sums,
    add_weights,
    add_worth,
    freshness,
    fuse,
    growth,
    levy,
    local,
    neutral,
    neutral_score,
    personal_score,
    rate,
    reference,
    rolled_up,
    scene_of,
)
from tests.core.reputation import oracle
from tests.core.reputation.oracle import History, Opinion, Real, pair_of

TOLERANCE = Decimal("1e-6")


def close(score: Score, real: Real) -> bool:
    return all(
        abs(Decimal(mine) / SCALE - theirs) < TOLERANCE
        for mine, theirs in zip(score, real, strict=True)
    )


def check(histories: list[History], epoch: int) -> None:
    """Both scores of a provider with these clients are within 1e-6 of real arithmetic."""
    pairs = [pair_of(history) for history in histories]
    scene = scene_of(pairs, epoch)
    assert close(neutral_score(pairs, scene), oracle.neutral(histories, epoch))
    sensitivity = Decimal(SENSITIVITY) / SCALE
    first = personal_score(pairs[1:], pairs[0], scene, SENSITIVITY)
    assert close(first, oracle.personal(histories, 0, sensitivity, epoch))


# ---------------------------------------------------------------- worked by hand


def test_the_defaults_are_those_of_the_paper() -> None:
    assert (rules.MU_FAMILIARITY, rules.MU_FRESHNESS, rules.MU_WORTH) == (
        SCALE * 4 // 10,
        SCALE * 3 // 10,
        SCALE * 3 // 10,
    )
    assert (DECAY, GAMMA, SENSITIVITY) == (SCALE * 99 // 100, SCALE // 2, SCALE // 2)


def test_one_opinion_is_all_uncertainty() -> None:
    """[eq. 7] with p + n = 1, and eq. 12 with gamma 0.5."""
    for satisfied in (True, False):
        pair = rate(NEWCOMER, satisfied, 5, 3)
        assert local(pair) == Levels(0, 0, FINE)
        assert neutral_score([pair], scene_of([pair], 3)) == Score(0, 0, SCALE, SCALE // 2)


def test_a_single_client_is_its_own_average() -> None:
    """Three satisfied of four: c = 1/4, s = 3/4 · 3/4, u = 3/4 · 1/4."""
    pair = pair_of([Opinion(at != 2, 10, 0) for at in range(4)])
    assert local(pair) == Levels(FINE * 9 // 16, FINE * 3 // 16, FINE // 4)
    score = neutral_score([pair], scene_of([pair], 0))
    assert score == Score(562_500_000, 187_500_000, 250_000_000, 687_500_000)


def test_worth_holds_all_opinions_but_the_newest() -> None:
    """[eq. 9] RP-24: fees 7 and 11 at epoch 0, then 100 that does not count yet."""
    pair = pair_of([Opinion(True, 7, 0), Opinion(True, 11, 0), Opinion(False, 100, 0)])
    assert pair == Pair(2, 1, 0, 100, 18 << rules.WORTH_BITS, 0)


def test_without_any_worth_shares_are_zero() -> None:
    """Two clients with one opinion each: weights of familiarity 1/2 and freshness 1 alone."""
    pairs = [rate(NEWCOMER, True, 9, 4), rate(NEWCOMER, False, 1, 4)]
    sums = add_weights(add_worth(Sums(), pairs, scene_of(pairs, 4)), pairs, scene_of(pairs, 4))
    assert sums.worth == 0
    assert sums.weight == 2 * int((Decimal("0.13") * FINE * FINE).sqrt())


def test_the_levy_is_a_share_rounded_up_and_a_flat_part() -> None:
    """RP-20"""
    assert levy(1) == LEVY_FLAT + 1
    assert levy(SCALE // LEVY_SHARE) == LEVY_FLAT + 1
    assert levy(SCALE // LEVY_SHARE + 1) == LEVY_FLAT + 2
    assert (FEE_UNIT * MAX_FEE_UNITS) < 2**128


# ---------------------------------------------------------------- time


@given(st.integers(0, 200_000))
def test_growth_is_the_power_that_it_stands_for(epochs: int) -> None:
    """RP-24: relative error below 2^-40 where a history can reach, mantissa normal."""
    mantissa, exponent = growth(epochs)
    assert 1 << 62 <= mantissa < 1 << 63
    with_error = Fraction(mantissa, 1 << 62) * Fraction(2) ** exponent
    with oracle.localcontext() as context:
        context.prec = 100
        exact = Decimal("0.99") ** -epochs
        ratio = Decimal(with_error.numerator) / Decimal(with_error.denominator) / exact
    assert 1 - Decimal(2) ** -40 < ratio <= 1


def test_growth_reaches_to_the_last_epoch_and_no_further() -> None:
    mantissa, exponent = growth(2**32 - 1)
    assert 1 << 62 <= mantissa < 1 << 63
    assert exponent == int((2**32 - 1) * Decimal("0.99").ln() / -Decimal(2).ln())
    for epochs in (-1, 2**32):
        with pytest.raises(InvalidInput):
            growth(epochs)


def test_growth_never_goes_back() -> None:
    values = [growth(epochs) for epochs in range(20_000)]
    for (mantissa, exponent), (next_mantissa, next_exponent) in itertools.pairwise(values):
        assert (next_exponent, next_mantissa) > (exponent, mantissa)


@given(st.integers(0, 10_000))
def test_freshness_is_a_share_that_fades(age: int) -> None:
    """[prosecutor 5.3.2]"""
    with oracle.localcontext() as context:
        context.prec = 60
        exact = Decimal("0.99") ** age * FINE
    assert abs(freshness(age) - exact) <= 1 + exact / 2**38
    assert freshness(0) == FINE


def test_an_opinion_before_the_pairs_last_is_refused() -> None:
    with pytest.raises(InvalidInput):
        rate(rate(NEWCOMER, True, 1, 5), True, 1, 4)


@given(
    st.lists(st.tuples(st.integers(1, MAX_FEE_UNITS), st.integers(0, 400)), min_size=2, max_size=60)
)
def test_worth_is_one_floor_of_the_exact_sum(steps: list[tuple[int, int]]) -> None:
    """RP-24: however many steps it takes, nothing but powers of two is divided out."""
    epoch, history = 0, []
    for fee, gap in steps:
        epoch += gap
        history.append(Opinion(True, fee, epoch))
    pair = pair_of(history)
    exact = sum(
        (
            Fraction(fee * (growth(at)[0] >> 24)) * Fraction(2) ** growth(at)[1]
            for _, fee, at in history[:-1]
        ),
        Fraction(0),
    )
    assert pair.worth == exact // Fraction(2) ** pair.exponent


# ---------------------------------------------------------------- against real arithmetic

opinions = st.builds(
    Opinion,
    st.booleans(),
    st.one_of(st.integers(1, 9), st.integers(1, MAX_FEE_UNITS), st.just(MAX_FEE_UNITS)),
    st.one_of(st.integers(0, 9), st.integers(0, 9_000)),
)
histories = st.lists(opinions, min_size=1, max_size=12).map(
    lambda history: sorted(history, key=lambda opinion: opinion.epoch)
)


@given(st.lists(histories, min_size=1, max_size=12), st.integers(0, 4_000))
def test_any_history_is_within_a_millionth(provider: list[History], later: int) -> None:
    check(provider, max(history[-1].epoch for history in provider) + later)


@settings(max_examples=100)
@given(
    st.lists(histories, min_size=1, max_size=6),
    st.integers(0, SCALE),
    st.one_of(st.none(), st.integers(0, 5)),
)
def test_any_personal_score_is_within_a_millionth(
    provider: list[History], sensitivity: int, chosen: int | None
) -> None:
    """RP-29, with any sensitivity, of a client with an opinion or without."""
    own = None if chosen is None else chosen % len(provider)
    pairs = [pair_of(history) for history in provider]
    epoch = max(pair.epoch for pair in pairs)
    others = [pair for at, pair in enumerate(pairs) if at != own]
    score = personal_score(
        others, None if own is None else pairs[own], scene_of(pairs, epoch), sensitivity
    )
    real = oracle.personal(provider, own, Decimal(sensitivity) / SCALE, epoch)
    assert close(score, real)


def _adversarial() -> dict[str, tuple[list[History], int]]:
    rng = random.Random(7)
    last = 5_000
    flip = [rng.random() < 0.5 for _ in range(100_000)]
    return {
        "one client, one epoch": ([[Opinion(flip[at], 1, 0) for at in range(100_000)]], last),
        "one client, a later epoch each": (
            [[Opinion(flip[at], MAX_FEE_UNITS, at) for at in range(20_000)]],
            20_000,
        ),
        "as many clients as opinions, all long past": (
            [[Opinion(flip[at], 1, 0)] for at in range(100_000)],
            last,
        ),
        "two opinions each, the least of worth, all long past": (
            [[Opinion(flip[at], 1, 0), Opinion(flip[-at], 1, 68)] for at in range(20_000)],
            last,
        ),
        "one giant long ago among dust": (
            [
                [Opinion(True, MAX_FEE_UNITS, 0)] * 1_000,
                *([Opinion(False, 1, at % 3_000)] * 2 for at in range(20_000)),
            ],
            3_000,
        ),
        "dust whose worth is lost bit by bit next to one unit": (
            [
                [Opinion(True, 1, 2_620), Opinion(True, 1, 2_620)],
                *([Opinion(False, 1, 0)] * 2 for _ in range(20_000)),
            ],
            2_620,
        ),
        "the last epochs there are": (
            [
                [
                    Opinion(flip[at], 1 + at % 997, 2**32 - 9_000 + step * (at % 89))
                    for step in range(99)
                ]
                for at in range(500)
            ],
            2**32 - 1,
        ),
        "one who came once and one who came all the time": (
            [[Opinion(True, MAX_FEE_UNITS, 0)], [Opinion(False, 1, 0)] * 99_999],
            0,
        ),
    }


ADVERSARIAL = _adversarial()


@pytest.mark.parametrize("name", ADVERSARIAL)
def test_the_worst_histories_are_within_a_millionth(name: str) -> None:
    check(*ADVERSARIAL[name])


# ---------------------------------------------------------------- bounds and shape


class Watched(int):
    """An integer that fails once a result of its arithmetic needs more than 128 bits with sign."""

    @staticmethod
    def _kept(value: int) -> Watched:
        assert -(2**127) <= value < 2**127
        return Watched(value)

    def __add__(self, other: int) -> Watched:
        return self._kept(int(self) + int(other))

    def __sub__(self, other: int) -> Watched:
        return self._kept(int(self) - int(other))

    def __mul__(self, other: int) -> Watched:
        return self._kept(int(self) * int(other))

    def __floordiv__(self, other: int) -> Watched:
        return self._kept(int(self) // int(other))

    def __rshift__(self, other: int) -> Watched:
        return self._kept(int(self) >> int(other))

    __radd__ = __add__
    __rmul__ = __mul__

    def __rsub__(self, other: int) -> Watched:
        return self._kept(int(other) - int(self))

    def __rfloordiv__(self, other: int) -> Watched:
        return self._kept(int(other) // int(self))


def _watched(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let all constants of the rules be watched, and with them all that is computed."""
    for name in ("FINE", "WORTH_ONE", "SCALE", "_SHARE_DIVISOR", "_FINE_PER_SCALE", "_GROWTH_ONE"):
        monkeypatch.setattr(rules, name, Watched(getattr(rules, name)))
    for name in ("MU_FAMILIARITY", "MU_FRESHNESS", "MU_WORTH", "GAMMA", "DECAY"):
        monkeypatch.setattr(rules, name, Watched(getattr(rules, name)))
    _forget()


def _forget() -> None:
    for cached in (growth, freshness, *map(rules.__dict__.get, CACHED)):
        cached.cache_clear()  # type: ignore[union-attr]


CACHED = ("_levels", "_familiarity_square", "_recency_square")


def test_every_intermediate_fits_128_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    """100,000 opinions of the highest fee, of one client and of two, at the densest mantissas."""
    _watched(monkeypatch)
    densest = max(range(70), key=lambda epoch: growth(epoch)[0])
    count = 100_000
    whole = Pair(
        *map(Watched, (count, 0, densest, MAX_FEE_UNITS)),
        Watched((count - 1) * MAX_FEE_UNITS) * (growth(densest)[0] >> 24),
        Watched(growth(densest)[1]),
    )
    half = whole._replace(
        positives=Watched(0), negatives=Watched(count // 2), worth=whole.worth // 2
    )
    for pairs in ([whole], [half, half]):
        scene = Scene(whole.exponent, Watched(count), Watched(densest + 400))
        assert isinstance(neutral_score(pairs, scene).score, Watched)
        personal_score(pairs[1:], pairs[0], scene, Watched(SENSITIVITY))
    fresh = Pair(*map(Watched, (1, 0, 0, MAX_FEE_UNITS, 0, 0)))
    scene = Scene(Watched(0), Watched(count), Watched(0))
    sums = add_weights(add_worth(Sums(), [fresh], scene), [fresh], scene)
    assert all(-(2**127) <= count * value < 2**127 for value in sums)
    _forget()


@settings(max_examples=40)
@given(st.lists(histories, min_size=1, max_size=8))
def test_levels_and_score_are_shares(provider: list[History]) -> None:
    """RP-I6"""
    pairs = [pair_of(history) for history in provider]
    epoch = max(pair.epoch for pair in pairs)
    score = neutral_score(pairs, scene_of(pairs, epoch))
    assert score.s + score.u + score.c == SCALE
    assert min(score) >= 0
    assert score.score <= SCALE
    for at, own in enumerate(pairs):
        others = pairs[:at] + pairs[at + 1 :]
        for mine in (own, None):
            seen = personal_score(others, mine, scene_of(pairs, epoch), SENSITIVITY)
            assert min(seen) >= 0
            assert max(seen) <= SCALE


@settings(max_examples=40)
@given(st.lists(histories, min_size=2, max_size=9), st.integers(1, 4))
def test_folding_in_chunks_is_folding_at_once(provider: list[History], size: int) -> None:
    """RP-30"""
    pairs = [pair_of(history) for history in provider]
    scene = scene_of(pairs, 9_000)
    chunks = [pairs[at : at + size] for at in range(0, len(pairs), size)]
    sums = Sums()
    for chunk in chunks:
        sums = add_worth(sums, chunk, scene)
    for chunk in chunks:
        sums = add_weights(sums, chunk, scene)
    assert neutral(sums) == neutral_score(pairs, scene)


def test_an_unknown_provider_is_all_uncertainty() -> None:
    """RP-31"""
    assert UNKNOWN == rolled_up(0, SCALE) == neutral(Sums())
    assert reference(Sums()) == Levels(0, 0, FINE)
    scene = scene_of([], 0)
    assert personal_score([], None, scene, SENSITIVITY) == UNKNOWN


def test_a_provider_of_one_client_is_judged_by_it_alone() -> None:
    """RP-29: the reference opinion is (0, 0, 1)."""
    pair = pair_of([Opinion(True, 1, 0)] * 3 + [Opinion(False, 1, 0)])
    own = local(pair)
    assert fuse(own, Levels(0, 0, FINE)) == own
    seen = personal_score([], pair, scene_of([pair], 0), 0)
    assert seen == neutral_score([pair], scene_of([pair], 0))


@pytest.mark.parametrize("sensitivity", [-1, SCALE + 1])
def test_a_sensitivity_out_of_range_is_refused(sensitivity: int) -> None:
    with pytest.raises(InvalidInput):
        personal_score([], None, Scene(0, 0, 0), sensitivity)


@pytest.mark.parametrize(("s", "c"), [(SCALE, 1), (-1, 0), (0, -1)])
def test_levels_above_one_are_no_row(s: int, c: int) -> None:
    with pytest.raises(InvalidInput):
        rolled_up(s, c)
