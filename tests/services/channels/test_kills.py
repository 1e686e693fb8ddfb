"""Either peer is killed at every write of its journal and started again: nothing is lost, nothing
is paid twice, nobody waits for ever. (SPEC CH-24, CH-I6, PR-10)
"""

from __future__ import annotations

import asyncio
import signal
import socket
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from handfast.channels.client import ClientEnd
from handfast.channels.effects import Concluded, Leaving, Offered, Result
from handfast.channels.ends import CONCLUDED, replay
from handfast.channels.handles import ClientChannel
from handfast.channels.live import ROUNDS
from handfast.channels.rules import id_of
from handfast.channels.state import Parameters
from handfast.channels.wire import Party, Reason
from handfast.crypto.keccak import keccak
from handfast.errors import InvalidInput, Unavailable
from handfast.journal import Journal
from tests.services.channels.dying import Death, Process, Scenario
from tests.services.channels.running import (
    CHALLENGE,
    FEE,
    TIMING,
    Node,
    Town,
    balance,
    listener,
    open_channel,
    running,
    until,
    url_of,
)

GUARD_SECONDS = 60.0
LIKED, KEYED, DISLIKED = (keccak(name) for name in (b"liked", b"keyed", b"disliked"))
KEY = keccak(b"key")
RIGHT = {
    LIKED: Result.SETTLED,
    KEYED: Result.SETTLED,
    DISLIKED: Result.ROLLED_BACK,
}
"""How each round ends, whatever happens."""
MANY = 8
"""Writes that each process makes at least."""
salts = count(1_000)


# ---------------------------------------------------------------- what the two processes do


async def provide(
    town: Town,
    parameters: Parameters,
    listening: socket.socket,
    make_journal: Callable[[Path], Journal],
) -> None:
    """Offer what is not offered or taken yet, until the channel is over."""
    async with running(
        town, Party.PROVIDER, listening=listening, make_journal=make_journal
    ) as node:
        channel = await node.provider(parameters)
        taken = {lock.product for lock in channel.end.channel.agreed.locks}
        taken |= {each.lock.product for each in channel.rounds()}
        for product in RIGHT.keys() - taken:
            key = KEY if product == KEYED else None
            with suppress(InvalidInput):  # on offer since before the restart, or too late
                await channel.sell(product, FEE, seconds=600, key=key)
        await channel.over()


async def consume(
    town: Town,
    parameters: Parameters,
    url: str,
    make_journal: Callable[[Path], Journal],
) -> None:
    """Buy each product once, but for one that does not please; then end the channel."""
    async with running(town, Party.CLIENT, make_journal=make_journal) as node:
        channel = await node.client(parameters)
        with suppress(Unavailable):  # it is dialled on
            await node.network.connect(url, parameters.provider, seconds=5)
        await asyncio.gather(*(buy(node, channel, product) for product in RIGHT))
        if not channel.end.channel.leaving:
            await channel.close()
        await channel.over()


async def buy(node: Node, channel: ClientChannel, product: bytes) -> None:
    """One round, begun or gone on with after a restart."""
    if channel.end.channel.leaving or any(product == each.lock.product for each in locked(channel)):
        return
    assert isinstance(channel.end, ClientEnd)
    known = [each.hash for each in channel.end.rounds.values() if each.product == product]
    if known:
        purchase = next(each for each in channel.purchases() if each.hash == known[0])
    else:
        await until(lambda: is_offered(node, product))
        key_hash = keccak(KEY) if product == KEYED else None
        purchase = await channel.lock(product, FEE, key_hash=key_hash)
    if product != KEYED:
        await purchase.locked()
        await (purchase.pay() if product == LIKED else purchase.cancel())
    await purchase.ended()


def locked(channel: ClientChannel) -> list[Concluded]:
    """The rounds that ended after their fee was locked."""
    return [each for each in channel.rounds() if each.lock.nonce]


def is_offered(node: Node, product: bytes) -> bool:
    return any(isinstance(each, Offered) and each.offer.product == product for each in node.events)


# ---------------------------------------------------------------- the tests


@pytest.mark.parametrize("first", list(Party))
def test_peers_killed_at_every_write_go_on(town: Town, tmp_path: Path, first: Party) -> None:
    """One dies once its n-th write is on disk, the other before its own: for every n."""
    for number in count(1):
        town.folder = tmp_path / str(number)
        deaths = {party: Death(number, after=party is first) for party in Party}
        if not play(town, deaths):
            assert number > MANY
            return


def play(town: Town, deaths: dict[Party, Death]) -> bool:
    """One channel's life with its deaths; whether anybody died, and all came out right."""
    town.folder.mkdir()
    before = asyncio.run(balances(town))
    parameters = asyncio.run(open_channel(town, next(salts)))
    listening = listener()
    scenarios: dict[Party, Scenario] = {
        Party.PROVIDER: partial(provide, town, parameters, listening),
        Party.CLIENT: partial(consume, town, parameters, url_of(listening)),
    }
    processes = {party: Process(scenarios[party], deaths[party]) for party in Party}
    died = False
    try:
        guard = time.monotonic() + GUARD_SECONDS
        while any(process.poll() != 0 for process in processes.values()):
            assert time.monotonic() < guard, "somebody waits for ever"
            for party, process in processes.items():
                if process.poll() == -signal.SIGKILL:
                    died = True
                    processes[party] = process.again()
                else:
                    assert not process.poll(), "see the traceback above"
            time.sleep(0.005)
    finally:
        for process in processes.values():
            process.kill()
        listening.close()
    assert asyncio.run(balances(town)) == (before[0] - 2 * FEE, before[1] + 2 * FEE)
    check(town.folder, id_of(parameters))
    return died


async def balances(town: Town) -> tuple[int, int]:
    return await balance(town, Party.CLIENT), await balance(town, Party.PROVIDER)


def check(folder: Path, channel: bytes) -> None:
    """Both journals tell the same story, and it is the right one."""
    books = set()
    for party in Party:
        with Journal(folder / party.name.lower() / "journal.db") as journal:
            stored = journal.load(channel)
            end, _ = replay(stored.snapshot, stored.lines)
            notes = [CONCLUDED.decode(note) for _, note in journal.notes(channel, ROUNDS)]
        assert end.channel.exit.over
        books.add(end.channel.agreed)
        story = {each.lock.product: each.result for each in notes if each.lock.nonce}
        assert story == RIGHT
        receipted = [each for each in notes if each.receipt]
        assert len(receipted) == 2
        assert all(each.receipt == each.lock.nonce for each in receipted)
    assert len(books) == 1


def test_a_provider_is_paid_on_chain_when_its_client_dies_with_a_lock_pending(
    town: Town, tmp_path: Path, run: Callable[[Coroutine[Any, Any, None]], None]
) -> None:
    """The client is killed as it hears of the agreement, and never comes back. (SPEC CH-22, CH-23,
    CH-I5)
    """
    town.folder = tmp_path
    before = asyncio.run(balances(town))
    parameters = asyncio.run(open_channel(town, next(salts)))
    listening = listener()
    client = Process(
        partial(consume, town, parameters, url_of(listening)), Death(word=b"Agreement", after=False)
    )

    async def scenario() -> None:
        async with running(town, Party.PROVIDER, listening=listening) as node:
            channel = await node.provider(parameters)
            await channel.sell(KEYED, FEE, seconds=600, key=KEY)
            await until(lambda: client.poll() == -signal.SIGKILL)
            await town.pass_time(TIMING.lifetime - TIMING.margin)
            await until(lambda: channel.end.channel.revealed != {})
            await town.pass_time(TIMING.margin + TIMING.patience)
            await until(lambda: channel.end.channel.exit.registered > 0)
            assert Leaving(Reason.SILENT) in node.events
            await town.pass_time(CHALLENGE + 5)
            await channel.over()
            (ended,) = channel.rounds()
            assert (ended.result, ended.preimage) == (Result.SETTLED, KEY)

    try:
        run(scenario())
    finally:
        client.kill()
        listening.close()
    assert asyncio.run(balances(town))[1] == before[1] + FEE
