"""Two peers over a real connection and a real chain. (SPEC CH-12 to CH-14, CH-20 to CH-25)"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from handfast.channels.effects import Offered, Result
from handfast.channels.ends import End
from handfast.channels.handles import ClientChannel, ProviderChannel, Purchase
from handfast.channels.wire import Party, Reason
from handfast.crypto.keccak import keccak
from handfast.errors import InvalidInput, Rejected, Unavailable
from handfast.protocol.constants import ChannelPhase
from tests.services.channels.running import (
    CHALLENGE,
    DEPOSIT,
    FEE,
    TIMING,
    Node,
    Town,
    balance,
    listener,
    open_channel,
    running,
    sent,
    until,
    url_of,
)

Run = Callable[[Coroutine[Any, Any, None]], None]
KEY = b"\7" * 32
salts = count(1)


class Pair:
    """Both ends of a channel that was just opened, connected."""

    def __init__(self, town: Town, client: Node, provider: Node) -> None:
        self.town = town
        self.client = client
        self.provider = provider
        self.buyer: ClientChannel
        self.seller: ProviderChannel
        self.old: End
        self.purchase: Purchase

    async def meet(self) -> None:
        parameters = await open_channel(self.town, next(salts))
        self.buyer = await self.client.client(parameters)
        await until(lambda: self.buyer.id in self.provider.peer.channels)
        self.seller = await self.provider.provider(parameters)


@asynccontextmanager
async def pair(town: Town) -> AsyncIterator[Pair]:
    listening = listener()
    async with (
        running(town, Party.PROVIDER, listening=listening) as provider,
        running(town, Party.CLIENT) as client,
    ):
        await client.network.connect(url_of(listening), town.identity(Party.PROVIDER).address)
        both = Pair(town, client, provider)
        await both.meet()
        yield both
    listening.close()


def product(name: str) -> bytes:
    return keccak(name.encode())


def test_rounds_of_both_modes_and_a_close_in_one_transaction(
    town: Town, home: Path, run: Run
) -> None:
    async def scenario() -> None:
        before = await balance(town, Party.PROVIDER)
        async with pair(town) as both:
            for name, key in (("a", None), ("b", KEY)):
                await both.seller.sell(product(name), FEE, seconds=600, key=key)
            await until(lambda: sum(isinstance(e, Offered) for e in both.client.events) == 2)
            first = await both.buyer.buy(product("a"), FEE)
            second = await both.buyer.buy(product("b"), FEE, key_hash=keccak(KEY))
            assert [each.receipt for each in (first, second)] == [1, 2]
            assert second.preimage == KEY
            await both.buyer.close()
            await both.buyer.over()
            await both.seller.over()
            assert [each.lock.product for each in both.seller.rounds()] == [
                product("a"),
                product("b"),
            ]
        assert await balance(town, Party.PROVIDER) == before + 2 * FEE

    run(scenario())


def test_content_that_does_not_please_is_not_paid(town: Town, home: Path, run: Run) -> None:
    """(SPEC PR-6)"""

    async def scenario() -> None:
        async with pair(town) as both:
            await both.seller.sell(product("a"), FEE, seconds=600)

            async def displeased() -> bool:
                assert both.seller.end.channel.agreed.locked_by_client == FEE
                return False

            ended = await both.buyer.buy(product("a"), FEE, check=displeased)
            assert (ended.result, ended.reason) == (Result.ROLLED_BACK, Reason.CANCELLED)
            with pytest.raises(InvalidInput, match="locked in this channel before"):
                await both.seller.sell(product("a"), FEE, seconds=600)  # (SPEC CH-25)
            refused = await both.buyer.buy(product("never offered"), FEE)
            assert refused.reason is Reason.NO_OFFER
            purchase = await both.buyer.lock(product("nor this"), FEE)
            with pytest.raises(Rejected) as caught:
                await purchase.locked()
            assert caught.value.reason == "no_offer"
            assert not both.buyer.end.channel.agreed.locks

    run(scenario())


def test_money_is_taken_out_and_granted_on_the_way(town: Town, home: Path, run: Run) -> None:
    """(SPEC CH-6)"""

    async def scenario() -> None:
        async with pair(town) as both:
            before = await balance(town, Party.CLIENT), await balance(town, Party.PROVIDER)
            await both.buyer.transfer(3 * FEE)
            await both.buyer.withdraw(10 * FEE)
            await until(lambda: both.buyer.end.channel.holdings.client_withdrawn == 10 * FEE)
            await both.seller.withdraw(FEE)
            await until(lambda: both.seller.end.channel.holdings.provider_withdrawn == FEE)
            await both.seller.grant(FEE, keccak(KEY))
            await until(lambda: bool(both.seller.end.channel.agreed.locks))
            await both.seller.release(KEY)
            await until(lambda: both.buyer.end.channel.agreed.transferred == 2 * FEE)
            await both.seller.close()
            await both.seller.over()
            await both.buyer.over()
        after = await balance(town, Party.CLIENT), await balance(town, Party.PROVIDER)
        assert after == (before[0] + DEPOSIT - 2 * FEE, before[1] + 2 * FEE)

    run(scenario())


def test_a_stale_close_is_answered_and_the_newest_state_paid(
    town: Town, home: Path, run: Run
) -> None:
    """The client restores an old copy of its journal and leaves. (SPEC CH-13)"""

    async def scenario() -> None:
        before = await balance(town, Party.PROVIDER)
        async with pair(town) as both:
            await both.seller.sell(product("a"), FEE, seconds=600)
            await both.buyer.buy(product("a"), FEE)
            live = both.client.peer.find(both.buyer.id)
            old = live.end
            await both.buyer.transfer(4 * FEE)
            await until(lambda: both.seller.end.channel.agreed.transferred == 5 * FEE)
            await until(lambda: both.buyer.end.channel.agreed.transferred == 5 * FEE)
            live.end = old
            await both.buyer.leave()
            version = both.seller.end.channel.agreed.version
            await until(lambda: both.seller.end.channel.exit.registered == version)
            await town.pass_time(CHALLENGE + 5)
            await both.seller.over()
        assert await balance(town, Party.PROVIDER) == before + 5 * FEE

    run(scenario())


@asynccontextmanager
async def deserted(town: Town) -> AsyncIterator[Pair]:
    """Both ends, after the provider has sold one product and its process has ended."""
    listening = listener()
    async with running(town, Party.CLIENT) as client:
        async with running(town, Party.PROVIDER, listening=listening) as provider:
            await client.network.connect(url_of(listening), town.identity(Party.PROVIDER).address)
            both = Pair(town, client, provider)
            await both.meet()
            for name in ("a", "b"):
                await both.seller.sell(product(name), FEE, seconds=600)
            await both.buyer.buy(product("a"), FEE)
            old = both.client.peer.find(both.buyer.id).end
            purchase = await both.buyer.lock(product("b"), FEE)
            await purchase.locked()
            both.old, both.purchase = old, purchase
        yield both
    listening.close()


def test_a_process_that_comes_back_answers_the_stale_close_that_it_finds(
    town: Town, home: Path, run: Run
) -> None:
    """It settles, and resolves what was paid while it was away. (SPEC CH-13, CH-14, CH-28)"""

    async def scenario() -> None:
        before = await balance(town, Party.PROVIDER)
        async with deserted(town) as both:
            await both.purchase.pay()
            both.client.peer.find(both.buyer.id).end = both.old
            await both.buyer.leave()
            await until(lambda: both.buyer.end.channel.exit.challenge_end > 0)
            async with running(town, Party.PROVIDER) as provider:
                seller = ProviderChannel(provider.peer, provider.peer.find(both.buyer.id))
                version = seller.end.channel.agreed.version
                assert version > both.buyer.end.channel.agreed.version
                await until(lambda: seller.end.channel.exit.registered == version)
                await town.pass_time(CHALLENGE + 5)
                await until(lambda: seller.end.channel.exit.phase is ChannelPhase.CLOSED)
                assert await balance(town, Party.PROVIDER) == before + FEE
                await town.pass_time(TIMING.lifetime + TIMING.margin)
                await seller.over()
        assert await balance(town, Party.PROVIDER) == before + FEE

    run(scenario())


def test_a_process_that_comes_back_takes_what_was_paid_on_chain_meanwhile(
    town: Town, home: Path, run: Run
) -> None:
    """(SPEC CH-14, CH-22, CH-28)"""

    async def scenario() -> None:
        before = await balance(town, Party.PROVIDER)
        async with deserted(town) as both:
            await both.purchase.pay()
            await both.buyer.leave()
            await until(lambda: both.buyer.end.channel.revealed != {})
            async with running(town, Party.PROVIDER) as provider:
                await town.pass_time(CHALLENGE + 5)
                await ProviderChannel(provider.peer, provider.peer.find(both.buyer.id)).over()
        assert await balance(town, Party.PROVIDER) == before + 2 * FEE

    run(scenario())


def test_a_connection_that_breaks_is_made_again_and_nothing_is_lost(
    town: Town, home: Path, run: Run
) -> None:
    """(SPEC CH-24)"""

    async def scenario() -> None:
        async with pair(town) as both:
            names = [str(number) for number in range(200)]

            async def break_often() -> None:
                while True:
                    await asyncio.sleep(0.05)
                    session = both.client.peer.find(both.buyer.id).session
                    if session is not None:
                        await session.close()

            for name in names:
                await both.seller.sell(product(name), FEE, seconds=600)
            breaking = asyncio.create_task(break_often())
            bought = asyncio.gather(*(both.buyer.buy(product(name), FEE) for name in names))
            try:
                ended = await bought
            finally:
                breaking.cancel()
            assert sorted(each.receipt for each in ended) == list(range(1, 201))
            assert both.seller.end.channel.agreed.transferred == 200 * FEE

    run(scenario())


def test_one_rated_channel_of_a_pair_after_the_other(town: Town, home: Path, run: Run) -> None:
    """Receipts go on where the last channel ended. (SPEC CH-25)"""

    async def scenario() -> None:
        async with pair(town) as both:
            await both.seller.sell(product("a"), FEE, seconds=600)
            assert (await both.buyer.buy(product("a"), FEE)).receipt == 1
            other = await open_channel(town, next(salts))
            for node in (both.client, both.provider):
                with pytest.raises(Rejected) as caught:
                    await node.peer.take_up(other)
                assert caught.value.reason == "pair_busy"
            await both.buyer.close()
            await both.buyer.over()
            await both.seller.over()
            await both.meet()
            await both.seller.sell(product("b"), FEE, seconds=600)
            assert (await both.buyer.buy(product("b"), FEE)).receipt == 2

    run(scenario())


def test_channels_are_not_taken_up_that_are_not_ours_open_or_wanted(
    town: Town, home: Path, run: Run
) -> None:
    async def scenario() -> None:
        async with running(town, Party.CLIENT) as client:
            with pytest.raises(Rejected, match="not open"):
                await client.peer.take_up(town.parameters(salt=10**6))
            parameters = town.parameters()
            with pytest.raises(Rejected, match="challenge period"):
                await client.peer.take_up(replace(parameters, challenge_period=5))
            with pytest.raises(Rejected, match="no channels in token"):
                await client.peer.take_up(replace(parameters, token="0x" + 40 * "9"))
            wallet = replace(parameters, provider=town.deployment.channel_hub.address)
            with pytest.raises(Rejected, match="contract wallet"):
                await client.peer.take_up(wallet)

    run(scenario())


def test_a_fee_comes_back_unasked_once_the_chains_clock_is_past_the_expiry(
    town: Town, home: Path, run: Run
) -> None:
    """Nothing is sent before that, which the hub would skip. (SPEC CH-14)"""

    async def scenario() -> None:
        before = await balance(town, Party.CLIENT)
        async with pair(town) as both:
            await both.seller.sell(product("a"), FEE, seconds=600)
            await (await both.buyer.lock(product("a"), FEE)).locked()
            await both.seller.leave()
            await until(lambda: both.seller.end.channel.exit.challenge_end > 0)
            await town.pass_time(CHALLENGE + 5)
            await until(lambda: both.buyer.end.channel.exit.phase is ChannelPhase.CLOSED)
            count = await sent(town, Party.CLIENT)
            town.ahead += TIMING.lifetime
            await until(lambda: both.buyer.end.channel.asked_at > 0)
            await asyncio.sleep(2 * TIMING.retry)
            assert await sent(town, Party.CLIENT) == count
            town.ahead -= TIMING.lifetime
            await town.pass_time(TIMING.lifetime)
            await both.buyer.over()
            assert await balance(town, Party.CLIENT) == before

    run(scenario())


def test_nobody_answers_is_a_clear_error(town: Town, home: Path, run: Run) -> None:
    async def scenario() -> None:
        async with running(town, Party.CLIENT) as client:
            with pytest.raises(Unavailable, match="does not answer"):
                await client.network.connect(
                    "ws://127.0.0.1:9/channel", "0x" + 40 * "1", seconds=0.5
                )

    run(scenario())
