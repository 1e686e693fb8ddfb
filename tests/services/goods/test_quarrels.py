"""What no hash settles goes to the court: its panel alone gets the key. (SPEC MK-5, SB-5)"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from handfast.chain.anvil import Anvil
from handfast.chain.court import OracleCourt, VoterPool
from handfast.chain.deployment import Deployment
from handfast.chain.marketplace import Marketplace
from handfast.chain.registry import ParticipantRegistry
from handfast.crypto.keys import Identity
from handfast.market.masking import MaskedKey, unmask
from handfast.market.sealing import hash_key
from handfast.protocol.constants import SEAT_FEE, PurchasePhase
from handfast.protocol.messages import Domain, PanelKey
from handfast.registry.participants import Role
from tests.services.coordinator.town import register
from tests.services.disputes.courtroom import STAKE, Courtroom, send, voting
from tests.services.goods.town import FUNDS, PRICE, Bazaar, content_of, found, last_json

Play = Callable[[Callable[[], Awaitable[None]]], None]
SIZE = 10_000
VOTER = Identity(bytes([9]) * 32)


@pytest.fixture(scope="module")
def deployed(anvil: Anvil, tmp_path_factory: pytest.TempPathFactory) -> tuple[Deployment, Path]:
    """Nobody is late here: periods end early, when everybody has acted."""
    folder = tmp_path_factory.mktemp("deployments")
    return asyncio.run(found(anvil, folder, delivery=30, challenge=25, voting=90)), folder


async def seated(bazaar: Bazaar, anvil: Anvil, folder: Path) -> Courtroom:
    """A court with one voter, who will sit on every seat."""
    chain, deployment = bazaar.chain, bazaar.deployment
    owner = Identity.parse(anvil.keys[0]).account()
    registry = ParticipantRegistry(chain, deployment.participant_registry.address)
    court = OracleCourt(chain, deployment.oracle_court.address)
    pool = VoterPool(chain, await court.voters())
    token = bazaar._token(chain)
    await chain.request("anvil_setBalance", VOTER.address, hex(10**19))
    await register(chain, registry, VOTER, Role.VOTER)
    await send(chain, owner, token.transfer(VOTER.address, STAKE))
    await send(chain, VOTER.account(), token.approve(pool.address, STAKE))
    await send(chain, VOTER.account(), pool.stake(STAKE))
    return Courtroom(anvil, folder, folder, deployment, court.address, (VOTER,))


async def key_of_the_panel(bazaar: Bazaar, case: int) -> bytes | None:
    """What the voter reads of what was opened to it; None if nothing was."""
    market = Marketplace(bazaar.chain, bazaar.deployment.marketplace.address)
    head = await bazaar.chain.head()
    for log in await bazaar.chain.logs([market.address], bazaar.deployment.block, head.number):
        event = market.abi.event(log)
        if event is not None and event.name == "KeyOpened":
            domain = Domain(bazaar.deployment.chain_id, market.address)
            context = PanelKey(case, VOTER.address).digest(domain)
            words, masked = event.arguments["ephemeral"], event.arguments["masked"][0]
            return unmask(VOTER.decryption_key(), MaskedKey.parse(words, masked), context)
    return None


@pytest.mark.parametrize(("option", "refunded"), [("1", True), ("2", False)])
def test_a_panel_that_has_the_key_decides_who_gets_the_price(
    bazaar: Bazaar, play: Play, anvil: Anvil, tmp_path: Path, option: str, refunded: bool
) -> None:
    async def scenario() -> None:
        room = await seated(bazaar, anvil, tmp_path)
        court = room.contract(bazaar.chain)
        seller, buyer = await bazaar.seller(), await bazaar.trader()
        listing = await bazaar.publish(seller, content_of(SIZE))
        await bazaar.selling(seller)
        bought = last_json(await bazaar.done(bazaar.buying(buyer, listing)))["purchase"]
        async with voting(room, VOTER, None) as voter:
            disputing = bazaar.market(buyer, "dispute", bought, "--yes")
            while (key := await key_of_the_panel(bazaar, 1)) is None:
                assert disputing.is_running, disputing.output
                await asyncio.sleep(0.2)
            (listed,) = await bazaar.listings()
            assert hash_key(key) == listed.terms.seal.key_hash
            spool = voter._tools.spool
            spool.leave(1, (await court.case(1)).round, option)
            output = await bazaar.done(disputing)
        (ended,) = await bazaar.purchases()
        assert ended.phase is (PurchasePhase.REFUNDED if refunded else PurchasePhase.PAID)
        assert f"is {ended.phase.name.lower()}" in output
        back = PRICE if refunded else 0
        assert await bazaar.tokens(buyer) == FUNDS - PRICE + back - 3 * SEAT_FEE

    play(scenario)
