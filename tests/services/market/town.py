"""A real chain with the protocol on it, accounts with money, and the market's processes."""

from __future__ import annotations

import asyncio
import json
import socket
import time
import urllib.request
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from handfast.chain import deployment as deployments
from handfast.chain.anvil import Anvil
from handfast.chain.channels import ChannelHub, ChannelRecord
from handfast.chain.client import Call, Chain
from handfast.chain.deployment import Deployment, DeploymentParameters
from handfast.chain.outbox import Outbox
from handfast.chain.products import ProductRegistry
from handfast.chain.registry import ParticipantRegistry
from handfast.chain.rules import Policy
from handfast.chain.sender import Sender
from handfast.chain.token import MarketToken
from handfast.channels.rules import id_of
from handfast.channels.state import Book, ChannelId, Parameters
from handfast.client.client import Client
from handfast.client.settings import ClientSettings
from handfast.crypto.keys import Identity
from handfast.database import open_database
from handfast.process import TimingSettings
from handfast.protocol.messages import Domain
from handfast.registry.participants import NO_METADATA, Participant, Role
from handfast.registry.possession import prove_possession
from handfast.storage.cid import Codec
from tests.services.market.actors import HOLD, Process, start

TOKEN = 10**18
BONDS = 20_000 * TOKEN
FEE = 10**15
DEPOSIT = 10**17
CHALLENGE = 5
TIMING = TimingSettings(
    instruction=2,
    patience=4,
    margin=2,
    lifetime=10,
    shortest=4,
    longest=60,
    closing=30,
    retry=1,
)
_READY_SECONDS = 60.0
_TICK_SECONDS = 0.25
_SLACK = 8


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Account:
    """Somebody with a key, money and a folder."""

    key: str
    folder: Path
    port: int = field(default_factory=free_port)

    @property
    def identity(self) -> Identity:
        return Identity.parse(self.key)

    @property
    def address(self) -> str:
        return self.identity.address

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


class Town:
    """The market of one test. Accounts are taken in turn; what was started ends with it.

    folder   of the deployment's file
    rpc      what processes talk to; the chain itself, unless a test puts something between
    """

    def __init__(self, anvil: Anvil, deployment: Deployment, shared: Path, folder: Path) -> None:
        self._anvil = anvil
        self.folder = shared
        self._folder = folder
        self._keys = iter(anvil.keys[1:])
        self._stack = ExitStack()
        self._mining = asyncio.Lock()
        self.deployment = deployment
        self.rpc = anvil.url

    # ------------------------------------------------------------ people

    def account(self) -> Account:
        """Somebody new, with ether and nothing else."""
        key = next(self._keys)
        folder = self._folder / key[-8:]
        folder.mkdir()
        return Account(key, folder)

    async def settle_down(self, role: Role, tokens: int = TOKEN) -> Account:
        """Somebody new, registered and with tokens."""
        account = self.account()
        if tokens:
            call = self._token(self.chain).transfer(account.address, tokens)
            await self._send(self._anvil.keys[0], call)
        registry = self.deployment.participant_registry.address
        identity = account.identity
        keys = prove_possession(
            identity.signing_key(),
            identity.decryption_key(),
            identity.address,
            1,
            Domain(self.deployment.chain_id, registry),
        )
        endpoint = account.url if role is Role.PROVIDER else ""
        contract = ParticipantRegistry(self.chain, registry)
        await self._send(account.key, contract.register(role, NO_METADATA, endpoint, keys, 0))
        return account

    async def _send(self, key: str, call: Call) -> None:
        """By a sender of its own, whose outbox is forgotten: the process of the account has one."""
        account = Identity.parse(key).account()
        database = open_database(self._folder / f"{time.monotonic_ns()}.db")
        outbox = Outbox(database, account.address)
        async with Sender(self.chain, account, outbox, Policy(interval=0.05)) as sender:
            await sender.send("once", call)
        database.dispose()

    # ------------------------------------------------------------ the chain

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[Town]:
        """Talk to the chain from within a test, and let its time pass: it has a block for each
        transaction, and what is tried on it sees the time of its newest block.
        """
        async with Chain(self._anvil.url) as chain:
            self.chain = chain
            ticking = asyncio.create_task(self._tick())
            try:
                yield self
            finally:
                ticking.cancel()
                await asyncio.gather(ticking, return_exceptions=True)

    async def _tick(self) -> None:
        while True:
            async with self._mining:
                # Never more than a block a second: the chain's clock would run ahead of ours, and
                # every challenge period would last the longer by that.
                if (await self.chain.head()).timestamp < int(time.time()):
                    await self.chain.request("evm_mine")
            await asyncio.sleep(_TICK_SECONDS)

    async def until_hub_is_empty(self) -> None:
        """Wait until every channel has paid out all it held."""
        while await self.held_by_hub():
            await asyncio.sleep(_TICK_SECONDS)

    async def bury(self) -> int:
        """Mine so many blocks that what stood before is safe from `reorganise`; the newest one."""
        await self.chain.request("anvil_mine", hex(_SLACK))
        return (await self.chain.head()).number

    async def reorganise(self, kept: int) -> None:
        """Replace the blocks after `kept`, and perhaps a few below it, by empty ones."""
        async with self._mining:
            depth = (await self.chain.head()).number - kept
            await self.chain.request("anvil_reorg", depth + _SLACK // 2, [])

    def _token(self, chain: Chain) -> MarketToken:
        return MarketToken(chain, self.deployment.market_token.address)

    async def tokens(self, who: Account) -> int:
        """What an account holds."""
        return await self._token(self.chain).balance_of(who.address)

    async def held_by_hub(self) -> int:
        """What all channels hold."""
        return await self._token(self.chain).balance_of(self.deployment.channel_hub.address)

    async def products(self, who: Account) -> int:
        """How many products an account owns as tokens."""
        registry = ProductRegistry(self.chain, self.deployment.product_registry.address)
        return await registry.balance_of(who.address)

    async def participant(self, who: Account) -> Participant:
        """What the registry knows of an account."""
        contract = ParticipantRegistry(self.chain, self.deployment.participant_registry.address)
        id_ = await contract.id_of(who.address)
        assert id_ is not None
        return await contract.participant(id_)

    async def register_product(self, who: Account, product: bytes) -> None:
        """Have an account register a product as its creator."""
        registry = ProductRegistry(self.chain, self.deployment.product_registry.address)
        await self._send(who.key, registry.register(product, Codec.RAW))

    async def channel(self, channel: ChannelId) -> ChannelRecord:
        """What the hub knows of a channel."""
        hub = ChannelHub(self.chain, self.deployment.channel_hub.address)
        return await hub.channel(channel)

    async def register_opening(self, who: Account, parameters: Parameters) -> None:
        """A party, which runs no process, begins to end a channel by its opening."""
        hub = ChannelHub(self.chain, self.deployment.channel_hub.address)
        opening = Book(id_of(parameters))
        await self._send(who.key, hub.register_state(parameters, opening, (b"", b"")))

    # ------------------------------------------------------------ processes

    def handfast(self, account: Account, *arguments: str, **options: Any) -> Process:
        """Begin a `handfast` command of an account."""
        environment = {
            "HANDFAST_KEY": account.key,
            "HANDFAST_RPC": self.rpc,
            "HANDFAST_DEPLOYMENTS": str(self.folder),
            "HANDFAST_DATA": str(account.folder / "data"),
            "HANDFAST_POLL": "0.1",
            "HANDFAST_TIMING": TIMING.model_dump_json(),
            "HANDFAST_LOG_FORMAT": "json",
            **options.pop("environment", {}),
        }
        log = account.folder / f"{time.monotonic_ns()}.log"
        log.touch()
        process = start(arguments, environment, log, **options)
        self._stack.callback(process.kill)
        return process

    def provider(self, account: Account, fee: int = FEE, **options: Any) -> Process:
        """Begin a provider, and wait until it serves."""
        environment = {
            "HANDFAST_PORT": str(account.port),
            "HANDFAST_FEE": str(fee),
            "HANDFAST_CHALLENGE": json.dumps([CHALLENGE, 86_400]),
            **options.pop("environment", {}),
        }
        process = self.handfast(account, "provider", "run", environment=environment, **options)
        self._until_served(account, process)
        return process

    async def coordinator(self) -> Account:
        """Begin a coordinator, and wait until it serves."""
        account = await self.settle_down(Role.COORDINATOR, BONDS)
        environment = {
            "HANDFAST_PORT": str(account.port),
            "HANDFAST_BATCH": json.dumps({"age": 0.2}),
        }
        process = self.handfast(account, "coordinator", "run", environment=environment)
        await asyncio.to_thread(self._until_served, account, process)
        return account

    def _until_served(self, account: Account, process: Process) -> None:
        deadline = time.monotonic() + _READY_SECONDS
        while not _answers(account.port):
            # One that is killed early is as its test wants it.
            if not process.is_running:
                break
            assert time.monotonic() < deadline, process.output
            time.sleep(0.02)

    def buyer(self, account: Account, *arguments: str, **options: Any) -> Process:
        """Begin a command of a client."""
        environment = {
            "HANDFAST_CHALLENGE_PERIOD": str(CHALLENGE),
            "HANDFAST_PATIENCE": "[2, 3]",
            **options.pop("environment", {}),
        }
        group = () if arguments[0] == HOLD else ("client",)
        return self.handfast(account, *group, *arguments, environment=environment, **options)

    def client(self, account: Account, **changes: Any) -> AbstractAsyncContextManager[Client]:
        """A client inside this process."""
        settings = ClientSettings(
            **{
                "rpc": self.rpc,
                "deployments": self.folder,
                "data": account.folder / "data",
                "poll": 0.1,
                "challenge_period": CHALLENGE,
                "deposit": DEPOSIT,
                "patience": (2.0, 3.0),
                "timing": TIMING,
                **changes,
            }
        )
        return _client(settings, account.key)

    def health(self, account: Account) -> dict[str, Any]:
        """What a provider says of itself."""
        with urllib.request.urlopen(f"{account.url}/health", timeout=10) as answer:
            told: dict[str, Any] = json.load(answer)
        return told

    def close(self) -> None:
        """End everything that was started."""
        self._stack.close()


@asynccontextmanager
async def _client(settings: ClientSettings, key: str) -> AsyncIterator[Client]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HANDFAST_KEY", key)
        async with Client.open(settings) as client:
            yield client


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


async def deploy(anvil: Anvil, folder: Path) -> Deployment:
    """Put the protocol on a fresh chain."""
    identity = Identity.parse(anvil.keys[0])
    async with Chain(anvil.url) as chain:
        parameters = DeploymentParameters.local(identity.address)
        deployment = await deployments.deploy(chain, identity.account(), parameters)
    await asyncio.to_thread(deployments.save, deployment, folder)
    return deployment
