"""What a marketplace is deployed with has to fit together. (SPEC MK-3, MK-9)"""

from __future__ import annotations

import pytest

from handfast.protocol.constants import MAX_FIRST_PANEL
from tests.chain import plain, reverts
from tests.contracts.market.conftest import UNBONDING_PERIOD
from tests.market import CHALLENGE_PERIOD, DELIVERY_PERIOD, PANEL


@pytest.fixture
def deploy(deployer, Marketplace, hub, registry, ledger, court):
    def deploy(delivery=DELIVERY_PERIOD, challenge=CHALLENGE_PERIOD, panel=PANEL):
        settings = (delivery, challenge, panel)
        return deployer.deploy(Marketplace, hub, registry, ledger, court, settings)

    return deploy


def test_names_what_it_was_deployed_with(market, hub, registry, ledger, court):
    assert market.HUB() == hub
    assert market.REGISTRY() == registry
    assert market.LEDGER() == ledger
    assert market.COURT() == court
    assert (market.DELIVERY_PERIOD(), market.CHALLENGE_PERIOD()) == (
        DELIVERY_PERIOD,
        CHALLENGE_PERIOD,
    )
    assert plain(market.panelTerms()) == PANEL


def test_unbonding_takes_longer_than_a_purchase_is_open(deploy):
    with reverts("UnbondingTooShort", UNBONDING_PERIOD, UNBONDING_PERIOD):
        deploy(delivery=DELIVERY_PERIOD + 1)
    with reverts("UnbondingTooShort", UNBONDING_PERIOD, 2**32 - 1 + CHALLENGE_PERIOD):
        deploy(delivery=2**32 - 1)


@pytest.mark.parametrize("seats", [0, 2, 14, 16, 17, 101])
def test_the_panel_is_one_that_the_court_seats(deploy, seats):
    with reverts("InvalidPanelTerms", seats, 1, MAX_FIRST_PANEL):
        deploy(panel=(seats, *PANEL[1:]))


@pytest.mark.parametrize("place", [1, 2, 3])
def test_the_periods_are_within_the_courts(deploy, court, place):
    shortest, longest = court.MIN_PERIOD(), court.MAX_PERIOD()
    for value in (shortest - 1, longest + 1):
        panel = (*PANEL[:place], value, *PANEL[place + 1 :])
        with reverts("InvalidPanelTerms", value, shortest, longest):
            deploy(panel=panel)
