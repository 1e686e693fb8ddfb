"""The supply is allotted in four parts, exactly. (SPEC TK-1, TK-2)"""

from __future__ import annotations

from handfast.protocol.constants import TOKEN_SUPPLY
from tests.chain import reverts

ZERO = "0x" + "00" * 20


def test_each_beneficiary_holds_its_part(token, allotments):
    for beneficiary, amount in allotments:
        assert token.balanceOf(beneficiary) == amount
    assert token.totalSupply() == sum(amount for _, amount in allotments) == TOKEN_SUPPLY


def test_one_account_may_have_all_parts(deployer, MarketToken, client):
    parts = [(client, TOKEN_SUPPLY - 3), (client, 1), (client, 1), (client, 1)]
    token = deployer.deploy(MarketToken, deployer, parts)
    assert token.balanceOf(client) == TOKEN_SUPPLY


def test_reverts_when_the_parts_are_less_or_more_than_the_supply(deployer, MarketToken, client):
    for sum_ in (TOKEN_SUPPLY - 1, TOKEN_SUPPLY + 1):
        parts = [(client, sum_ - 3), (client, 1), (client, 1), (client, 1)]
        with reverts("AllotmentsMismatch", sum_, TOKEN_SUPPLY):
            deployer.deploy(MarketToken, deployer, parts)


def test_reverts_when_a_part_goes_to_nobody(deployer, MarketToken, client):
    parts = [(client, TOKEN_SUPPLY - 1), (ZERO, 1), (client, 0), (client, 0)]
    with reverts("ERC20InvalidReceiver", ZERO):
        deployer.deploy(MarketToken, deployer, parts)


def test_names_itself(token):
    assert (token.name(), token.symbol(), token.decimals()) == ("Handfast", "HAND", 18)
