"""How many atomic rounds a second do two peers settle, each a process with its journal on disk?

    python -m benchmarks.rounds [--rounds 5000] [--single 300] [--window 192]

A round counts from the client's wish to lock a fee until it holds the provider's signature of the
settled state and the receipt; both ends have everything on disk then (SQLite, synchronous=FULL).
Client's number, one channel, one WebSocket over loopback. Pipelined: so many rounds are wished for
at a time, and the provider makes its offers meanwhile. One at a time: the next begins when the last
has ended. The channel stands open on the model of the hub; no round needs the chain. Processor time
tells what a quiet machine with a core for each process would reach.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import socket
import statistics
import sys
import tempfile
import time
from pathlib import Path

from aiohttp import web

from handfast import log
from handfast.channels.effects import Offered
from handfast.channels.handles import ClientChannel, ProviderChannel
from handfast.channels.model import ModelHub
from handfast.channels.model_chain import ModelChain
from handfast.channels.network import Network
from handfast.channels.peer import Peer
from handfast.channels.policy import Policy
from handfast.channels.state import Holdings, Parameters
from handfast.channels.terms import Timing
from handfast.channels.wire import Party
from handfast.crypto.ecdsa import Signer
from handfast.crypto.keccak import keccak
from handfast.errors import InvariantBroken
from handfast.journal import Journal, Scribe
from handfast.protocol.constants import FEE_UNIT
from handfast.protocol.messages import Domain

FEE = 7 * FEE_UNIT
KEYS = {party: Signer(keccak(party.name.encode())) for party in Party}
TOKEN = "0x" + 40 * "7"
PARAMETERS = Parameters(
    KEYS[Party.CLIENT].address, KEYS[Party.PROVIDER].address, TOKEN, 3_600, bytes(32)
)
OFFERS = 512
WARM_UP = 20
TIMING = Timing(instruction=600, patience=600)


def products(count: int) -> list[bytes]:
    """Digests to be sold."""
    return [keccak(number.to_bytes(8, "big")) for number in range(count)]


async def make_peer(party: Party, folder: Path) -> tuple[Peer, Scribe]:
    """A running peer with its journal in the folder."""
    domain = Domain(31_337, "0x" + 40 * "4")
    hub = ModelHub(domain, PARAMETERS, Holdings(10**9 * FEE, 0))
    scribe = Scribe(Journal(folder / f"{party.name.lower()}.db"))
    chain = ModelChain(hub, party, time.time)
    peer = Peer(KEYS[party], domain, scribe, chain, Policy(TOKEN, timing=TIMING))
    await peer.start()
    return peer, scribe


async def provide(folder: Path, listening: socket.socket, count: int) -> None:
    """The provider's process: offers everything, a part at a time, until it is killed."""
    peer, _ = await make_peer(Party.PROVIDER, folder)
    network = Network(peer)
    application = web.Application()
    application.router.add_get("/channel", network.handle)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.SockSite(runner, listening).start()
    channel = ProviderChannel(peer, await peer.take_up(PARAMETERS))
    waiting = products(count)
    while True:
        room = OFFERS - channel.open_offers
        part, waiting = waiting[:room], waiting[room:]
        await asyncio.gather(*(channel.sell(each, FEE, seconds=10_000) for each in part))
        await asyncio.sleep(0.005)


async def buy(channel: ClientChannel, product: bytes) -> None:
    """One round."""
    ended = await channel.buy(product, FEE)
    if not ended.receipt:
        raise InvariantBroken(f"a round ended with {ended.reason}")


async def buy_pipelined(
    channel: ClientChannel, offered: asyncio.Queue[bytes], count: int, window: int
) -> tuple[float, float]:
    """Seconds, and those of this processor, that so many rounds take, so many at a time."""
    left = iter(range(count))

    async def work() -> None:
        for _ in left:
            await buy(channel, await offered.get())

    start, busy = time.perf_counter(), time.process_time()
    await asyncio.gather(*(work() for _ in range(window)))
    return time.perf_counter() - start, time.process_time() - busy


async def buy_singly(
    channel: ClientChannel, offered: asyncio.Queue[bytes], count: int
) -> list[float]:
    """Seconds of each round, one after the other."""
    taken = []
    for _ in range(count):
        product = await offered.get()
        start = time.perf_counter()
        await buy(channel, product)
        taken.append(time.perf_counter() - start)
    return taken


async def note_offers(peer: Peer, offered: asyncio.Queue[bytes]) -> None:
    """Collect what the provider offers; an offer may be told twice."""
    known: set[bytes] = set()
    async for _, event in peer.events():
        if isinstance(event, Offered) and event.offer.product not in known:
            known.add(event.offer.product)
            offered.put_nowait(event.offer.product)


async def consume(folder: Path, port: int, arguments: argparse.Namespace) -> None:
    """The client's process: buys, and prints the figures."""
    peer, scribe = await make_peer(Party.CLIENT, folder)
    offered: asyncio.Queue[bytes] = asyncio.Queue()
    noting = asyncio.create_task(note_offers(peer, offered))
    network = Network(peer)
    provider = KEYS[Party.PROVIDER].address
    await network.connect(f"ws://127.0.0.1:{port}/channel", provider)
    channel = ClientChannel(peer, await peer.take_up(PARAMETERS))
    await network.introduce(peer.find(channel.id))
    await buy_singly(channel, offered, WARM_UP)
    singly = await buy_singly(channel, offered, arguments.single)
    pipelined = await buy_pipelined(channel, offered, arguments.rounds, arguments.window)
    noting.cancel()
    await network.close()
    await peer.stop()
    await scribe.close()
    report(arguments, singly, pipelined)


def report(
    arguments: argparse.Namespace, singly: list[float], pipelined: tuple[float, float]
) -> None:
    """Print the figures."""
    seconds, busy = (each / arguments.rounds for each in pipelined)
    cuts = statistics.quantiles(singly, n=100)
    print(
        f"pipelined, {arguments.window} at a time: {1 / seconds:,.0f} rounds/s   (> 1,000); "
        f"the client's processor {1e6 * busy:,.0f} us a round"
    )
    print(
        f"one at a time: {len(singly) / sum(singly):,.0f} rounds/s, "
        f"p50 {1e3 * cuts[49]:.1f} ms, p99 {1e3 * cuts[98]:.1f} ms"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="Rounds a second between two peers.")
    parser.add_argument("--rounds", type=int, default=5_000)
    parser.add_argument("--single", type=int, default=300)
    parser.add_argument("--window", type=int, default=192)
    arguments = parser.parse_args()
    log.configure("warning")
    listening = socket.create_server(("127.0.0.1", 0))
    with tempfile.TemporaryDirectory(prefix="handfast-rounds-") as name:
        folder = Path(name)
        child = os.fork()
        if child == 0:
            asyncio.run(provide(folder, listening, WARM_UP + arguments.rounds + arguments.single))
            sys.exit(0)
        port = listening.getsockname()[1]
        listening.close()
        try:
            asyncio.run(consume(folder, port, arguments))
        finally:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


if __name__ == "__main__":
    main()
