"""A chain that changes its mind, a node that goes away, strangers that talk nonsense.
(SPEC PR-11, PR-12)
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable

import aiohttp

from handfast.registry.participants import Role
from tests.services.market.town import FEE, TOKEN, Town
from tests.services.proxy import Fault, FaultProxy

DEPTH = 3
"""Blocks that a re-organisation replaces: fewer than the processes wait for."""

Play = Callable[[Callable[[], Awaitable[None]]], None]


def test_rounds_go_on_over_a_reorganisation(town: Town, play: Play) -> None:
    """SPEC PR-12"""

    async def test() -> None:
        seller = await town.settle_down(Role.PROVIDER)
        buyer = await town.settle_down(Role.CLIENT)
        town.provider(seller, environment={"HANDFAST_CONFIRMATIONS": str(DEPTH + 1)})
        async with town.client(buyer, confirmations=DEPTH + 1) as client:
            await client.buy("a seven")
            (live,) = client.channels._peer.channels.values()
            # The opening falls out of the chain, and is sent again by who sent it.
            await town.reorganise(DEPTH)
            while not (await town.channel(live.id)).holdings.client_deposit:
                await asyncio.sleep(0.1)
            await client.buy("a three")
            await client.channels.close_all()
            await town.reorganise(DEPTH)
            # The hub may be empty because the opening fell out too: both come again.
            while await town.tokens(seller) != TOKEN + 2 * FEE:
                await asyncio.sleep(0.1)
        assert await town.held_by_hub() == 0
        assert await town.tokens(buyer) == TOKEN - 2 * FEE

    play(test)


def test_a_node_that_goes_away_delays_and_loses_nothing(town: Town, play: Play) -> None:
    """SPEC PR-10, PR-12"""

    async def test() -> None:
        seller = await town.settle_down(Role.PROVIDER)
        buyer = await town.settle_down(Role.CLIENT)
        direct = town.rpc
        async with FaultProxy(direct) as proxy:
            town.rpc = proxy.url
            provider = await asyncio.to_thread(town.provider, seller)
            async with town.client(buyer) as client:
                await client.buy("a seven")
                proxy.plan = lambda _method, _count: Fault.REFUSE
                bought = await asyncio.gather(
                    *(client.order(f"a {digit}", hold=False) for digit in ("one", "two")),
                    return_exceptions=True,
                )
                assert len(bought) == 2
                closing = asyncio.create_task(client.channels.close_all())
                await asyncio.sleep(2)
                proxy.plan = lambda _method, _count: Fault.NONE
                await closing
                paid = 1 + sum(not isinstance(each, BaseException) for each in bought)
            assert provider.is_running
            await town.until_hub_is_empty()
        assert await town.tokens(seller) == TOKEN + paid * FEE
        assert await town.tokens(buyer) == TOKEN - paid * FEE

    play(test)


def test_nonsense_gets_an_error_and_changes_nothing(town: Town, play: Play) -> None:
    """SPEC PR-11"""

    async def test() -> None:
        seller = await town.settle_down(Role.PROVIDER)
        buyer = await town.settle_down(Role.CLIENT)
        provider = town.provider(seller)
        named = secrets.token_hex(32)
        async with aiohttp.ClientSession() as stranger:
            for path in ("/rounds", f"/rounds/{named}/prompt", "/rounds/zz/prompt"):
                for body in (b"", b"\xc1", secrets.token_bytes(5_000), b"{}"):
                    async with stranger.post(f"{seller.url}{path}", data=body) as answer:
                        assert answer.status in (400, 409), path
                        assert set(await answer.json()) == {"error", "detail"}
            for path in (f"/rounds/{named}/blocks/bafk", f"/rounds/{named}/announcement?wait=x"):
                async with stranger.get(f"{seller.url}{path}") as answer:
                    assert answer.status == 400, path
            async with stranger.post(f"{seller.url}/rounds", data=bytes(2 << 20)) as answer:
                assert answer.status == 413
            for frame in (b"", b"\xc1", secrets.token_bytes(1_000), secrets.token_bytes(1 << 20)):
                async with stranger.ws_connect(f"{seller.url}/channel") as socket:
                    await socket.send_bytes(frame)
                    async with asyncio.timeout(30):
                        async for _ in socket:  # its greeting, perhaps; then it hangs up
                            pass
        told = await asyncio.to_thread(town.health, seller)
        assert (told["rounds"], told["channels"]) == (0, 0)
        assert "Traceback" not in provider.output
        async with town.client(buyer) as client:
            assert (await client.buy("a seven")).fee == FEE

    play(test)
