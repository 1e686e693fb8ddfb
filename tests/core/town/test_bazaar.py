"""What the demo of the market expects of its people, and what it reports."""

from __future__ import annotations

import json
from pathlib import Path

from handfast.protocol.constants import SELLER_PENALTY
from handfast.town.bazaar import PRICE, SALES, Account, BazaarReport, Ending, expected, members
from handfast.town.bazaar_commands import draw
from handfast.town.report import Check

ENDINGS = [Ending(sale.title, sale.seller, sale.buyer, "paid", "", True, 1.0) for sale in SALES]


def report(*checks: Check) -> BazaarReport:
    accounts = [Account(member.name, *expected(member.name), 0) for member in members()]
    return BazaarReport(1.0, 5, ENDINGS, accounts, {"Marketplace.buy": [7]}, checks)


def test_prices_only_change_hands_and_penalties_hit_who_cheats() -> None:
    names = [member.name for member in members()]
    assert len(set(names)) == len(names)
    assert sum(expected(name)[0] for name in names) == 0
    losers = {name for name in names if expected(name)[1]}
    proven = {sale.seller for sale in SALES if sale.seller_kind and sale.verdict}
    assert losers == proven
    assert all(expected(name)[1] == SELLER_PENALTY for name in losers)
    liar = next(sale.buyer for sale in SALES if sale.buyer_kind)
    assert expected(liar) == (-PRICE, 0)


def test_one_failed_check_fails_the_demo() -> None:
    good, bad = Check("good", True, ""), Check("bad", False, "")
    assert report(good).passed
    assert not report(good, bad).passed


def test_the_report_is_json_with_amounts_as_text() -> None:
    plain = json.loads(json.dumps(report(Check("good", True, "")).json()))
    assert plain["price"] == str(PRICE)
    assert {each["gained"] for each in plain["accounts"]} == {str(2 * PRICE), "0", str(-PRICE)}
    assert [each["title"] for each in plain["sales"]] == [sale.title for sale in SALES]


def test_the_accounts_are_drawn(tmp_path: Path) -> None:
    draw(report(), tmp_path / "accounts.png")
    assert (tmp_path / "accounts.png").read_bytes().startswith(b"\x89PNG")
