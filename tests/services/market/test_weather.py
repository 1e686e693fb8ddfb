"""A chain that changes its mind, a node that goes away, strangers that talk nonsense.
(SPEC PR-11, PR-12)
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress

import aiohttp

from handfast.channels.state import Parameters
from handfast.client.client import Client
from handfast.client.handshake import Caller, Wish
from handfast.crypto.ecdsa import Signer
from handfast.errors import Rejected, Unavailable
from handfast.protocol.constants import LockMode
from handfast.protocol.messages import Domain
from handfast.registry.participants import Role
from handfast.rounds.messages import OpenPrompt
from tests.services.market.town import CHALLENGE, DEPOSIT, FEE, TOKEN, Account, Town
from tests.services.proxy import Fault, FaultProxy

Play = Callable[[Callable[[], Awaitable[None]]], None]


def test_rounds_go_on_over_a_reorganisation(town: Town, play: Play) -> None:
    """Nobody waits for more than one block: first the opening falls out of the chain, then the
    opening and the close of a channel that is over at both ends. (SPEC PR-12, CH-28)
    """

    async def test() -> None:
        seller = await town.settle_down(Role.PROVIDER)
        buyer = await town.settle_down(Role.CLIENT)
        town.provider(seller)
        settled = await town.bury()
        async with town.client(buyer) as client:
            await client.buy("a seven")
            (live,) = client.channels._peer.channels.values()
            await town.reorganise(settled)
            while await town.held_by_hub() != DEPOSIT:
                await asyncio.sleep(0.05)
            await buy_at_last(client, "a three")
            await client.channels.close_all()
            await until_paid(town, seller)
            await town.reorganise(settled)
            await until_paid(town, seller)
            await live.over.wait()
        assert await town.held_by_hub() == 0
        assert await town.tokens(buyer) == TOKEN - 2 * FEE

    play(test)


def test_a_close_that_vanished_after_its_sender_was_gone_is_made_good(
    town: Town, play: Play
) -> None:
    """The opening is in the chain again once its sender is back; the rest is the seller's to do.
    (SPEC PR-12, CH-28)
    """

    async def test() -> None:
        seller = await town.settle_down(Role.PROVIDER)
        buyer = await town.settle_down(Role.CLIENT)
        provider = town.provider(seller)
        settled = await town.bury()
        async with town.client(buyer) as client:
            await client.buy("a seven")
            await client.channels.close_all()
        await town.reorganise(settled)
        assert await town.tokens(seller) == TOKEN
        provider.stop()
        town.provider(seller)
        async with town.client(buyer):
            await until_paid(town, seller, FEE)
        assert await town.held_by_hub() == 0
        assert await town.tokens(buyer) == TOKEN - FEE

    play(test)


async def buy_at_last(client: Client, prompt: str) -> None:
    """Ask until the provider, too, has seen the channel come back."""
    while True:
        with suppress(Unavailable):
            await client.buy(prompt)
            return
        await asyncio.sleep(0.1)


async def until_paid(town: Town, seller: Account, amount: int = 2 * FEE) -> None:
    while await town.tokens(seller) != TOKEN + amount:
        await asyncio.sleep(0.05)


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


def test_keys_that_cost_nothing_keep_no_registered_client_out(town: Town, play: Play) -> None:
    """They fill the places of strangers, and are told so. (SPEC PR-11, PR-15)"""

    async def test() -> None:
        seller = await town.settle_down(Role.PROVIDER)
        buyer = await town.settle_down(Role.CLIENT)
        town.provider(seller)
        told: Counter[str] = Counter()
        async with town.client(buyer) as client:
            rich = await town.settle_down(Role.CLIENT)
            async with town.client(rich) as known:
                await known.buy("a one")
                for _ in range(100):
                    told[await handshake(town, seller, Signer(secrets.token_bytes(32)))] += 1
                assert 0 < told["agreed"] <= 32
                assert told["agreed"] + told["busy"] + told["rate"] == 100
                # Who has a channel is not even delayed; who is registered, by a moment at most.
                await known.buy("a two")
                await buy_at_last(client, "a three")
        assert (await asyncio.to_thread(town.health, seller))["channels"] == 2

    play(test)


async def handshake(town: Town, seller: Account, stranger: Signer) -> str:
    """What a stranger is told that asks for something."""
    parameters = Parameters(
        stranger.address,
        seller.address,
        town.deployment.market_token.address,
        CHALLENGE,
        secrets.token_bytes(32),
    )
    domain = Domain(town.deployment.chain_id, town.deployment.channel_hub.address)
    prompt = OpenPrompt("a seven", secrets.token_bytes(32))
    wish = Wish(prompt, "image", LockMode.CLIENT_NUMBER, FEE)
    async with Caller(stranger, domain) as caller:
        try:
            await caller.request(seller.url, parameters, wish, int(time.time()))
        except Rejected as error:
            return error.reason
    return "agreed"
