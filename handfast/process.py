"""What every process that acts on a chain opens, and how it ends. (SPEC PR-10, PR-13)"""

from __future__ import annotations

import asyncio
import getpass
import signal
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from pydantic import ConfigDict, Field

from handfast import log
from handfast.chain import deployment as deployments
from handfast.chain.client import Chain
from handfast.chain.deployment import Deployment
from handfast.chain.outbox import Outbox
from handfast.chain.rules import Policy, default_confirmations
from handfast.chain.sender import Sender
from handfast.channels.terms import Timing
from handfast.crypto import keys
from handfast.crypto.keys import Identity
from handfast.database import open_database
from handfast.errors import InvalidInput
from handfast.journal import Journal, Scribe
from handfast.protocol.messages import Domain
from handfast.settings import Settings, Table
from handfast.storage.local import LocalStore

_IDLE_POLLS = 5
"""How much rarer the chain is looked at for transactions that a re-organisation dropped."""


class TimingSettings(Table):
    """How long an end of a channel waits, in seconds: see `handfast.channels.terms.Timing`."""

    instruction: int = 60
    patience: int = 120
    margin: int = 600
    lifetime: int = 3_600
    shortest: int = 1_200
    longest: int = 86_400
    closing: int = 600
    retry: int = 60

    def timing(self) -> Timing:
        """The same, for the channels."""
        return Timing(**self.model_dump())


class ProcessSettings(Settings):
    """What every process is told.

    rpc              URL of a node
    deployments      folder with <chain id>.json
    keystore         encrypted key file; without one the key is read from HANDFAST_KEY
    password_file    of the keystore; else HANDFAST_PASSWORD, else asked for
    data             folder for journals and content, of this process alone
    confirmations    blocks that make a fact of the chain certain, its own included; without it 1 on
                     a local chain, 12 on any other (SPEC PR-14)
    poll             seconds between looks at the chain
    """

    rpc: str = "http://127.0.0.1:8545"
    deployments: Path = deployments.FOLDER
    keystore: Path | None = None
    password_file: Path | None = None
    data: Path
    confirmations: int | None = Field(None, ge=1)
    poll: float = 1.0
    log_level: log.Level = "info"
    log_format: log.Format = "console"


class AccountSettings(ProcessSettings):
    """What a single deed of an account is told. Its file may be that of the account's process: what
    else stands there does not matter here.
    """

    model_config = ConfigDict(extra="ignore")


@dataclass(frozen=True, slots=True)
class World:
    """Everything a process works with, open.

    confirmations   blocks that make a fact of the chain certain, its own included
    """

    identity: Identity
    chain: Chain
    chain_id: int
    deployment: Deployment
    sender: Sender
    scribe: Scribe
    store: LocalStore
    confirmations: int

    @property
    def hub(self) -> Domain:
        """Where the parties' signatures hold."""
        return Domain(self.chain_id, self.deployment.channel_hub.address)


def process_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The flags of `ProcessSettings`, and `--config`, on a command."""
    path = click.Path(path_type=Path)
    options = (
        click.option("--config", type=path, help="TOML file with settings."),
        click.option("--rpc", help="URL of a node."),
        click.option("--deployments", type=path, help="Folder with <chain id>.json."),
        click.option("--keystore", type=path, help="Encrypted key file; else HANDFAST_KEY."),
        click.option("--password-file", type=path, help="Of the keystore."),
        click.option("--data", type=path, help="Folder for journals and content."),
        click.option(
            "--confirmations",
            type=int,
            help="Blocks that make a fact certain.",
        ),
        click.option("--log-level", type=click.Choice(["debug", "info", "warning", "error"])),
        click.option("--log-format", type=click.Choice(["console", "json"])),
    )
    for option in reversed(options):
        command = option(command)
    return command


def identity_of(settings: ProcessSettings) -> Identity:
    """The key of a process.

    raises   InvalidInput, without secrets, if there is none
    """
    prompt = getpass.getpass if sys.stdin.isatty() else None
    return keys.load(settings.keystore, settings.password_file, prompt=prompt)


@asynccontextmanager
async def open_world(settings: ProcessSettings) -> AsyncIterator[World]:
    """Open all of it, and close it in order.

    raises   InvalidInput or Unavailable in one line if something is missing
    """
    identity = identity_of(settings)
    try:
        settings.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as fault:
        raise InvalidInput(f"data folder {settings.data}: {fault.strerror}") from None
    async with AsyncExitStack() as stack:
        # The journal first: it keeps a second process out of the same folder.
        scribe = Scribe(Journal(settings.data / "journal.db"))
        stack.push_async_callback(scribe.close)
        store = stack.enter_context(LocalStore(settings.data / "blocks"))
        chain = await stack.enter_async_context(Chain(settings.rpc))
        deployment = await deployments.load(chain, settings.deployments)
        database = open_database(settings.data / "outbox.db")
        stack.callback(database.dispose)
        outbox = Outbox(database, identity.address)
        confirmations = settings.confirmations or default_confirmations(deployment.chain_id)
        policy = Policy(
            confirmations=confirmations,
            interval=settings.poll,
            idle_interval=_IDLE_POLLS * settings.poll,
        )
        sender = await stack.enter_async_context(Sender(chain, identity.account(), outbox, policy))
        yield World(
            identity,
            chain,
            deployment.chain_id,
            deployment,
            sender,
            scribe,
            store,
            confirmations,
        )


async def run_until_stopped(*works: Coroutine[Any, Any, None]) -> None:
    """Run until one of these fails, or the process is asked to stop (SIGINT, SIGTERM).

    raises   what the one that failed raised
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    tasks = [asyncio.create_task(work) for work in works]
    stopped = asyncio.create_task(stop.wait())
    everything: set[asyncio.Task[Any]] = {stopped, *tasks}
    try:
        await asyncio.wait(everything, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            if task.done():
                await task
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
        for one in everything:
            one.cancel()
        await asyncio.gather(*everything, return_exceptions=True)


async def joined(task: asyncio.Task[None]) -> None:
    """Wait for a task that was started before; it ends with whoever waits."""
    try:
        await task
    finally:
        task.cancel()
