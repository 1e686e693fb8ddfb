"""A purchase before the court: the key for its panel, and what it rules. (SPEC MK-5)

Whom silence would lose the case has to act: the buyer, whose process opens the key to every panel.
"""

from __future__ import annotations

from handfast import log
from handfast.chain.court import OracleCourt
from handfast.crypto.bls import PublicKey
from handfast.errors import Rejected
from handfast.market.deeds import do
from handfast.market.state import Purchase
from handfast.market.trader import Trader
from handfast.protocol.constants import CasePeriod, PurchasePhase
from handfast.protocol.messages import Domain
from handfast.tasks.opening import open_to_panel

_log = log.get(__name__)


async def see_through(trader: Trader, purchase: Purchase, key: bytes | None) -> PurchasePhase:
    """Wait for the ruling and do what it says; how the purchase has ended.

    key   of the content, to open it to each panel; None leaves that to the other side
    """
    court = OracleCourt(trader.world.chain, trader.world.deployment.oracle_court.address)
    watch, opened = trader.watch, -1
    while True:
        now = watch.book.purchases.get(purchase.id, purchase)
        if now.phase is not PurchasePhase.DISPUTED:
            return now.phase
        if (await court.ruling(now.case)).is_final:
            await _resolve(trader, now)
        elif key is not None:
            opened = await _open(trader, court, now, key, opened)
        await watch.look()


async def _resolve(trader: Trader, purchase: Purchase) -> None:
    """Do what the court ruled, unless the other side was quicker."""
    call = trader.market.resolve(purchase.terms)
    try:
        await do(trader.world.sender, f"resolve {purchase.id.hex()}", call)
    except Rejected as error:
        _log.info("resolved by somebody else", reason=error.reason)


async def _open(
    trader: Trader, court: OracleCourt, purchase: Purchase, key: bytes, opened: int
) -> int:
    """Open the key to the panel that votes now; the newest round that has it."""
    case = await court.case(purchase.case)
    if case.period is not CasePeriod.COMMIT or case.round <= opened:
        return opened
    seats = [await _seat(trader, voter) for voter in await court.panel_of(purchase.case)]
    domain = Domain(trader.world.chain_id, trader.market.address)
    ephemeral, masked = open_to_panel(key, domain, purchase.case, seats)
    call = trader.market.open_key(purchase.terms, ephemeral, masked)
    await do(trader.world.sender, f"open {purchase.id.hex()} {case.round}", call)
    _log.info("the panel has the key", case=purchase.case, round=case.round)
    return case.round


async def _seat(trader: Trader, voter: str) -> tuple[str, PublicKey] | None:
    id_ = await trader.registry.id_of(voter)
    if id_ is None:  # an empty seat
        return None
    participant = await trader.registry.participant(id_)
    return participant.account, PublicKey.parse(participant.decryption_key)
