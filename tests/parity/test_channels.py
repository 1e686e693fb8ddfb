"""The rules of channels are alike in both languages. (SPEC CH-1, CH-5, CH-7, CH-9, CH-15)"""

from __future__ import annotations

from dataclasses import astuple
from typing import Any

import pytest
from brownie import ChannelRulesHarness
from hypothesis import given, settings
from hypothesis import strategies as st

from handfast.channels import rules
from handfast.channels.state import Lock, Parameters
from handfast.protocol.constants import MAX_FUNDS, MAX_VERSION, Direction, LockOutcome
from tests.chain import plain

addresses = st.integers(1, 2**160 - 1).map(lambda number: f"0x{number:040x}")
words = st.binary(min_size=32, max_size=32)
u64, u128 = (st.integers(0, 2**bits - 1) for bits in (64, 128))
funds = st.integers(-MAX_FUNDS, MAX_FUNDS) | st.sampled_from([-MAX_FUNDS, -1, 0, 1, MAX_FUNDS])
moved = st.integers(-(2**127), 2**127 - 1) | st.integers(-MAX_FUNDS, MAX_FUNDS)
seconds = st.integers(0, 9)
CENTURIES = 2**36 - 1


@pytest.fixture(scope="module")
def harness(deployer: Any) -> Any:
    return deployer.deploy(ChannelRulesHarness)


@given(
    parties=st.lists(addresses, min_size=2, max_size=2, unique=True),
    token=st.integers(0, 2**160 - 1).map(lambda number: f"0x{number:040x}"),
    period=u64,
    salt=words,
)
def test_ids_are_alike(
    harness: Any, parties: list[str], token: str, period: int, salt: bytes
) -> None:
    parameters = Parameters(*parties, token, period, salt)
    assert plain(harness.idOf(astuple(parameters))) == rules.id_of(parameters)


@given(
    lock=st.builds(
        Lock,
        st.sampled_from([Direction.TO_PROVIDER, Direction.TO_CLIENT]),
        u128,
        words,
        u64,
        words,
        u64,
    )
)
def test_leaves_are_alike(harness: Any, lock: Lock) -> None:
    assert plain(harness.leafOf(astuple(lock))) == rules.leaf_of(lock)


@given(client=funds, provider=funds, transferred=moved, by_client=u128, by_provider=u128)
@settings(max_examples=100)
def test_divisions_are_alike_and_add_up(
    harness: Any, client: int, provider: int, transferred: int, by_client: int, by_provider: int
) -> None:
    """CH-15, CH-I2: whatever two parties signed, the parts add up to what is held."""
    if client + provider < 0:
        client, provider = -client, -provider
    arguments = (client, provider, transferred, by_client, by_provider)
    expected = rules.divide(*arguments)
    assert plain(harness.divide(*arguments)) == astuple(expected)
    assert sum(astuple(expected)) == client + provider
    assert min(astuple(expected)) >= 0


@given(expiry=seconds, revealed_at=seconds, cancelled=st.booleans(), time=seconds)
@settings(max_examples=100)
def test_outcomes_are_alike(
    harness: Any, expiry: int, revealed_at: int, cancelled: bool, time: int
) -> None:
    arguments = (expiry, revealed_at, cancelled, time)
    assert harness.outcome(*arguments) == rules.outcome(*arguments)


@given(
    phase=st.integers(1, 3),
    end=st.integers(0, CENTURIES) | st.sampled_from([0, CENTURIES]),
    version=st.integers(0, MAX_VERSION) | st.sampled_from([0, MAX_VERSION]),
    client=st.integers(-2 * MAX_FUNDS, MAX_FUNDS)
    | st.sampled_from([-2 * MAX_FUNDS, -1, MAX_FUNDS]),
    provider=st.integers(-2 * MAX_FUNDS, MAX_FUNDS) | st.sampled_from([-1, MAX_FUNDS]),
)
@settings(max_examples=100)
def test_a_head_survives_its_word(
    harness: Any, phase: int, end: int, version: int, client: int, provider: int
) -> None:
    head = (phase, end, version, client, provider)
    assert plain(harness.repack(head)) == head


@given(
    outcomes=st.integers(0, 2**40 - 1),
    index=st.integers(0, 107),
    noted=st.sampled_from([LockOutcome.PAID, LockOutcome.REFUNDED]),
)
def test_an_outcome_is_noted_where_it_belongs(
    harness: Any, outcomes: int, index: int, noted: LockOutcome
) -> None:
    before = outcomes & ~(3 << 2 * index)
    word, found = harness.note(before, index, noted)
    assert found == noted
    assert word ^ before == noted << 2 * index
