"""Amounts as people write them, to the last unit."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from handfast.chain.sending import parse_amount
from handfast.cli import main
from handfast.errors import InvalidInput


@pytest.mark.parametrize(
    ("text", "units"),
    [("0", 0), ("1", 10**18), ("0.5", 5 * 10**17), ("2.000000000000000001", 2 * 10**18 + 1)],
)
def test_an_amount_has_at_most_18_decimals(text: str, units: int) -> None:
    assert parse_amount(text) == units


@pytest.mark.parametrize("text", ["", "-1", "1e3", "0.", ".5", "1,5", "0.0000000000000000001"])
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="is no amount"):
        parse_amount(text)


def test_nothing_is_sent_nowhere() -> None:
    nobody = CliRunner().invoke(main, ["send", "0x12", "--coins", "1"])
    assert (nobody.exit_code, "0x12 is no account" in nobody.output) == (2, True)
    nothing = CliRunner().invoke(main, ["send", "0x" + "11" * 20])
    assert (nothing.exit_code, "say how much" in nothing.output) == (2, True)
