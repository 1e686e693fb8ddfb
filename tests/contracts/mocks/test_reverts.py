"""`reverts` accepts exactly the expected failure, nothing else; all contract tests rest on it."""

from __future__ import annotations

import pytest

from tests.chain import reverts

REASON = b"\x2a".rjust(32, b"\x00")


@pytest.fixture(scope="module")
def probe(deployer, RevertProbe):
    return deployer.deploy(RevertProbe)


def test_accepts_the_error_of_a_transaction_with_all_its_arguments(probe, client):
    with reverts("Refused", client, 7, REASON):
        probe.refuse(7, REASON, {"from": client})
    with reverts("Refused", client.address, 7, "0x" + REASON.hex()):
        probe.refuse(7, REASON, {"from": client})


def test_accepts_the_error_of_a_call(probe):
    with reverts("Overdrawn", 2**256 - 1):
        probe.overdraw(2**256 - 1)


def test_accepts_any_value_for_an_ellipsis(probe, client):
    with reverts("Refused", client, ..., REASON):
        probe.refuse(9, REASON, {"from": client})


def test_accepts_a_panic_by_its_text_and_a_bare_revert_by_none(probe, client):
    with reverts("Integer overflow"):
        probe.underflow(1, {"from": client})
    with reverts(None):
        probe.failSilently()


@pytest.mark.parametrize(
    "expected",
    [
        ("Refused", 8, 7, REASON),
        ("Refused", ..., 8, REASON),
        ("Refused", ..., 7, bytes(32)),
        ("Refused", ..., 7),
        ("Refused",),
        ("Overdrawn", 7),
        ("Integer overflow",),
        ("NoSuchError",),
        (None,),
    ],
)
def test_refuses_another_error_or_other_arguments(probe, client, stranger, expected):
    wanted = [stranger if value == 8 and at == 1 else value for at, value in enumerate(expected)]
    with pytest.raises(AssertionError), reverts(*wanted):
        probe.refuse(7, REASON, {"from": client})


@pytest.mark.parametrize("expected", [("Refused", ..., ..., ...), ("Integer overflow",)])
def test_refuses_a_bare_revert_where_something_was_expected(probe, expected):
    with pytest.raises(AssertionError), reverts(*expected):
        probe.failSilently()


def test_refuses_a_panic_where_an_error_was_expected(probe, client):
    with pytest.raises(AssertionError), reverts("Overdrawn", 1):
        probe.underflow(1, {"from": client})


@pytest.mark.parametrize("expected", [("Refused", ..., ..., ...), (None,)])
def test_refuses_success(probe, client, expected):
    with pytest.raises(AssertionError), reverts(*expected):
        probe.succeed(1, {"from": client})
