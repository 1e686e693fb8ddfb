"""Real peers: journals on disk, WebSockets between them, the hub on a real chain."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web

from handfast.chain.anvil import Anvil
from handfast.chain.channels import ChannelHub, PreimageRegistry
from handfast.chain.client import Chain
from handfast.chain.deployment import Deployment, DeploymentParameters, deploy
from handfast.chain.outbox import Outbox
from handfast.chain.port import HubPort
from handfast.chain.rules import Policy as SendingPolicy
from handfast.chain.sender import Sender
from handfast.chain.token import MarketToken
from handfast.channels.effects import Event
from handfast.channels.handles import ClientChannel, ProviderChannel
from handfast.channels.network import Network
from handfast.channels.peer import Peer
from handfast.channels.policy import Policy
from handfast.channels.rules import id_of
from handfast.channels.state import Parameters
from handfast.channels.terms import Timing
from handfast.channels.wire import Party
from handfast.crypto.ecdsa import Signer
from handfast.crypto.keys import Identity
from handfast.database import open_database
from handfast.journal import Journal, Scribe
from handfast.protocol.constants import FEE_UNIT, ChannelPhase
from handfast.protocol.messages import Domain

FEE = 5 * FEE_UNIT
DEPOSIT = 1_000 * FEE
CHALLENGE = 60
TIMING = Timing(
    instruction=60,
    patience=120,
    margin=60,
    lifetime=600,
    shortest=300,
    longest=3_600,
    closing=120,
    retry=1,
)
_SENDING = SendingPolicy(interval=0.02, idle_interval=1.0, hold=100)


@dataclass
class Town:
    """A chain with the protocol, a client with tokens and a provider.

    ahead    seconds that the clocks of chain and peers were moved
    """

    anvil: Anvil
    deployment: Deployment
    folder: Path
    ahead: int = 0

    def clock(self) -> float:
        """The time of the peers."""
        return time.time() + self.ahead

    async def pass_time(self, seconds: int) -> None:
        """Let time pass for everybody."""
        self.ahead += seconds
        async with Chain(self.anvil.url) as chain:
            await chain.request("evm_increaseTime", seconds)
            await chain.request("anvil_mine", "0x1")

    def identity(self, party: Party) -> Identity:
        """A party's key."""
        return Identity.parse(self.anvil.keys[int(party)])

    def domain(self) -> Domain:
        """Where signatures hold."""
        return Domain(self.deployment.chain_id, self.deployment.channel_hub.address)

    def parameters(self, salt: int = 0) -> Parameters:
        """A channel between the two in MarketToken."""
        return Parameters(
            self.identity(Party.CLIENT).address,
            self.identity(Party.PROVIDER).address,
            self.deployment.market_token.address,
            CHALLENGE,
            salt.to_bytes(32, "big"),
        )


async def build(anvil: Anvil, folder: Path) -> Town:
    """Deploy the protocol, and give both parties tokens that the hub may take."""
    owner = Identity.parse(anvil.keys[0]).account()
    async with Chain(anvil.url) as chain:
        deployment = await deploy(chain, owner, DeploymentParameters.local(owner.address))
        town = Town(anvil, deployment, folder)
        token = MarketToken(chain, deployment.market_token.address)
        hub = deployment.channel_hub.address
        async with _sender(chain, Identity.parse(anvil.keys[0]), folder / "owner.db") as sender:
            for party in Party:
                account = town.identity(party).address
                await sender.send(f"fund {party}", token.transfer(account, 10**6 * DEPOSIT))
        for party in Party:
            async with _sender(chain, town.identity(party), folder / f"{party}.db") as sender:
                await sender.send("approve", token.approve(hub, 10**6 * DEPOSIT))
    return town


@asynccontextmanager
async def _sender(chain: Chain, identity: Identity, path: Path) -> AsyncIterator[Sender]:
    database = open_database(path)
    try:
        outbox = Outbox(database, identity.address)
        async with Sender(chain, identity.account(), outbox, _SENDING) as sender:
            yield sender
    finally:
        database.dispose()


async def open_channel(town: Town, salt: int = 0, deposit: int = DEPOSIT) -> Parameters:
    """The client opens a channel with a deposit of its own."""
    parameters = town.parameters(salt)
    async with Chain(town.anvil.url) as chain:
        hub = ChannelHub(chain, town.deployment.channel_hub.address)
        identity = town.identity(Party.CLIENT)
        async with _sender(chain, identity, town.folder / f"{Party.CLIENT}.db") as sender:
            await sender.send(f"open {salt}", hub.open(parameters, deposit, 0, own=deposit))
    return parameters


async def reopen_channel(town: Town, parameters: Parameters) -> None:
    """An opening that fell out of the chain is sent again by the sender that sent it."""
    async with Chain(town.anvil.url) as chain:
        hub = ChannelHub(chain, town.deployment.channel_hub.address)
        path = town.folder / f"{Party.CLIENT}.db"
        async with _sender(chain, town.identity(Party.CLIENT), path), asyncio.timeout(20):
            while (await hub.channel(id_of(parameters))).phase is ChannelPhase.ABSENT:
                await asyncio.sleep(0.02)


async def balance(town: Town, party: Party) -> int:
    """What a party holds of MarketToken outside channels."""
    async with Chain(town.anvil.url) as chain:
        token = MarketToken(chain, town.deployment.market_token.address)
        return await token.balance_of(town.identity(party).address)


async def sent(town: Town, party: Party) -> int:
    """How many transactions of a party the chain holds."""
    async with Chain(town.anvil.url) as chain:
        number = (await chain.head()).number
        return await chain.transaction_count(town.identity(party).address, number)


@dataclass
class Node:
    """A running peer, with what it told since it started."""

    party: Party
    peer: Peer
    network: Network
    scribe: Scribe
    events: list[Event] = field(default_factory=list)

    async def client(self, parameters: Parameters) -> ClientChannel:
        """The client's end of a channel, introduced to the other."""
        live = await self.peer.take_up(parameters)
        await self.network.introduce(live)
        return ClientChannel(self.peer, live)

    async def provider(self, parameters: Parameters) -> ProviderChannel:
        """The provider's end of a channel."""
        return ProviderChannel(self.peer, await self.peer.take_up(parameters))

    async def note_events(self) -> None:
        """Keep what it tells."""
        async for _, event in self.peer.events():
            self.events.append(event)


@asynccontextmanager
async def running(
    town: Town,
    party: Party,
    *,
    listening: socket.socket | None = None,
    timing: Timing = TIMING,
    make_journal: Callable[[Path], Journal] = Journal,
) -> AsyncIterator[Node]:
    """A peer with its own node connection, outbox and journal, as a process would have.

    listening    where others dial it, if they do
    """
    home = town.folder / party.name.lower()
    home.mkdir(parents=True, exist_ok=True)
    identity = town.identity(party)
    async with AsyncExitStack() as stack:
        chain = await stack.enter_async_context(Chain(town.anvil.url))
        sender = await stack.enter_async_context(_sender(chain, identity, home / "outbox.db"))
        hub = ChannelHub(chain, town.deployment.channel_hub.address)
        preimages = PreimageRegistry(chain, town.deployment.preimage_registry.address)
        port = HubPort(chain, sender, hub, preimages, first_block=town.deployment.block, poll=0.05)
        watching = asyncio.create_task(port.watch())
        stack.push_async_callback(_cancel, watching)
        scribe = Scribe(make_journal(home / "journal.db"))
        stack.push_async_callback(scribe.close)
        policy = Policy(town.deployment.market_token.address, timing=timing)
        signer = Signer(identity.secret)
        peer = Peer(signer, town.domain(), scribe, port, policy, clock=town.clock)
        await peer.start()
        stack.push_async_callback(peer.stop)
        network = Network(peer)
        stack.push_async_callback(network.close)
        node = Node(party, peer, network, scribe)
        noting = asyncio.create_task(node.note_events())
        stack.push_async_callback(_cancel, noting)
        if listening is not None:
            application = web.Application()
            application.router.add_get("/channel", network.handle)
            runner = web.AppRunner(application, access_log=None)
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            stack.push_async_callback(network.close)  # or the server waits for its sessions
            await web.SockSite(runner, listening.dup()).start()
        yield node


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def listener() -> socket.socket:
    """A socket that listens on a free port."""
    return socket.create_server(("127.0.0.1", 0))


def url_of(listening: socket.socket) -> str:
    """Where to dial it."""
    return f"ws://127.0.0.1:{listening.getsockname()[1]}/channel"


async def until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    """Wait for something to become true."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)
