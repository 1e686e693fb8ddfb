"""Founds a town: a local chain, the contracts, and every participant in a process of its own.

Nothing here is special to a town: participants are registered as anybody is, and run the commands
that anybody runs, each from a settings file in the town's folder.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import socket
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import aiohttp

from handfast import log
from handfast.chain import deployment as deployments
from handfast.chain.anvil import Anvil
from handfast.chain.client import Chain
from handfast.chain.deployment import Deployment, DeploymentParameters, MarketParameters
from handfast.chain.token import MarketToken
from handfast.crypto.keys import Identity, write_keystore
from handfast.errors import InvalidInput, Unavailable
from handfast.kin import tied
from handfast.process import ProcessSettings, open_world
from handfast.registry.commands import register_account
from handfast.registry.participants import NO_METADATA, Role

_log = log.get(__name__)

TOKEN = 10**18
FUNDS = 1_000 * TOKEN
COORDINATOR_FUNDS = 100_000 * TOKEN
BOND = 10 * TOKEN
_PASSWORD = "town"  # noqa: S105 - guards keys that everybody knows
_KEYSTORE_COST = 2
_MARK = ".handfast-town"
_START_SECONDS = 60.0
_STOP_SECONDS = 15.0

# Everything on one machine answers at once, so a town need not wait as strangers must.
TIMING: Mapping[str, int] = {
    "instruction": 6,
    "patience": 6,
    "margin": 3,
    "lifetime": 12,
    "shortest": 6,
    "longest": 3_600,
    "closing": 30,
    "retry": 3,
}
CHALLENGE_PERIOD = 5
EPOCH_SECONDS = 3
WINDOW_SECONDS = 2


@dataclass(frozen=True, slots=True)
class Member:
    """Who lives in a town.

    settings   of its process, beside those that all have
    listens    whether it has a port; providers and coordinators have
    """

    name: str
    role: Role
    settings: Mapping[str, Any] = field(default_factory=dict)
    funds: int = FUNDS
    bond: int = 0
    listens: bool = False


@dataclass(slots=True)
class Citizen:
    """A member, registered.

    config    its settings file
    process   its server, if it runs one: `command` of `module`
    """

    member: Member
    identity: Identity
    id: int
    config: Path
    port: int = 0
    process: asyncio.subprocess.Process | None = None
    command: tuple[str, ...] = ()
    module: str = "handfast"

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"


@dataclass(slots=True)
class Town:
    """A running market."""

    folder: Path
    anvil: Anvil
    chain: Chain
    deployment: Deployment
    citizens: dict[str, Citizen]

    def find(self, role: Role) -> list[Citizen]:
        """Those of a role, in the order they came."""
        return [each for each in self.citizens.values() if role in each.member.role]

    def named(self, id_: int) -> str:
        """The name of the participant with this id."""
        return next(
            (each.member.name for each in self.citizens.values() if each.id == id_), str(id_)
        )

    async def start(self, citizen: Citizen, *command: str, module: str = "handfast") -> None:
        """Start a citizen's server, and wait until it is well.

        module   what runs the command
        raises   Unavailable with the last line of its log if it ends instead
        """
        citizen.process = await self.launch(citizen, *command, module=module)
        citizen.command, citizen.module = command, module
        deadline = asyncio.get_running_loop().time() + _START_SECONDS
        async with aiohttp.ClientSession() as session:
            while not await _is_well(session, f"{citizen.url}/health"):
                ended = citizen.process.returncode is not None
                if ended or asyncio.get_running_loop().time() > deadline:
                    raise Unavailable(f"{citizen.member.name} does not start: {self.last(citizen)}")
                await asyncio.sleep(0.1)

    async def launch(
        self,
        citizen: Citizen,
        *command: str,
        output: int | None = None,
        text: int | None = None,
        module: str = "handfast",
    ) -> asyncio.subprocess.Process:
        """Run a command of `handfast` as a citizen; its log is in the town's folder.

        module   what runs the command
        output   asyncio.subprocess.PIPE to read what it prints
        text     asyncio.subprocess.PIPE to write to it
        """
        with self.log_of(citizen).open("ab") as stream:
            python = (sys.executable, "-m", module, *command, "--config", str(citizen.config))
            return await asyncio.create_subprocess_exec(
                *tied(python),
                stdin=text if text is not None else asyncio.subprocess.DEVNULL,
                stdout=output if output is not None else stream,
                stderr=stream,
                env=_environment(),
                start_new_session=True,  # Ctrl-C reaches the town alone, which then stops them
            )

    def log_of(self, citizen: Citizen) -> Path:
        """Where a citizen's log is."""
        return self.folder / f"{citizen.member.name}.log"

    def last(self, citizen: Citizen) -> str:
        """The last line of a citizen's log."""
        lines = self.log_of(citizen).read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it says nothing"

    async def halt(self, citizen: Citizen) -> None:
        """Ask one process to end, and see that it does."""
        process = citizen.process
        if process is None or process.returncode is not None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(process.wait(), _STOP_SECONDS)
        except TimeoutError:
            process.kill()
            await process.wait()

    async def stop(self) -> None:
        """Ask every process to end, and see that it does."""
        await asyncio.gather(*(self.halt(each) for each in self.citizens.values()))


@asynccontextmanager
async def found(
    folder: Path,
    members: Sequence[Member],
    port: int = 0,
    market: MarketParameters | None = None,
) -> AsyncIterator[Town]:
    """A town with these members, registered, none of them running yet.

    folder   made anew
    port     of the chain; 0 takes a free one
    market   other periods than those of a local chain
    raises   InvalidInput if the folder has something in it, or Anvil is missing
    """
    _prepare(folder)
    async with AsyncExitStack() as stack:
        anvil = stack.enter_context(
            Anvil.start(
                port=port,
                accounts=len(members) + 1,
                log=folder / "chain.log",
                # A block a second even when nothing happens, so that the chain's time passes.
                arguments=("--block-time", "1", "--mixed-mining"),
                tie=True,
            )
        )
        chain = await stack.enter_async_context(Chain(anvil.url))
        identities = [Identity.parse(key) for key in anvil.keys]
        mayor = identities[0]
        local = DeploymentParameters.local(mayor.address)
        parameters = replace(
            local,
            epoch_length=EPOCH_SECONDS,
            window=WINDOW_SECONDS,
            market=market or local.market,
        )
        deployment = await deployments.deploy(chain, mayor.account(), parameters)
        deployments.save(deployment, folder / "deployments")
        await _fund(folder, anvil.url, mayor, list(zip(members, identities[1:], strict=True)))
        # One after the other, so that ids follow the order of the members.
        citizens = [
            await _settle_in(folder, anvil.url, member, identity)
            for member, identity in zip(members, identities[1:], strict=True)
        ]
        town = Town(folder, anvil, chain, deployment, {each.member.name: each for each in citizens})
        stack.push_async_callback(town.stop)
        yield town


def empty(folder: Path) -> None:
    """Make way for a new town: only where there was one before.

    raises   InvalidInput if the folder holds something else
    """
    if not folder.exists() or not any(folder.iterdir()):
        return
    if not any((folder / sign).exists() for sign in (_MARK, "deployments")):
        raise InvalidInput(f"{folder} holds something else than a town: name another folder")
    shutil.rmtree(folder)


def _prepare(folder: Path) -> None:
    if folder.exists() and any(folder.iterdir()):
        raise InvalidInput(f"{folder} is not empty: name another folder")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _MARK).touch()


async def _fund(
    folder: Path, rpc: str, mayor: Identity, members: Sequence[tuple[Member, Identity]]
) -> None:
    config = _write_settings(folder, "mayor", mayor, {"rpc": rpc})
    async with open_world(ProcessSettings.load(config)) as world:
        token = MarketToken(world.chain, world.deployment.market_token.address)
        await asyncio.gather(
            *(
                world.sender.send(
                    f"fund {member.name}", token.transfer(identity.address, member.funds)
                )
                for member, identity in members
            )
        )


async def _settle_in(folder: Path, rpc: str, member: Member, identity: Identity) -> Citizen:
    """Write a member's settings, and register it."""
    port = free_port()
    is_server = bool(member.role & (Role.PROVIDER | Role.COORDINATOR))
    listens = {"port": port} if member.listens or is_server else {}
    config = _write_settings(
        folder, member.name, identity, {"rpc": rpc, **listens, **member.settings}
    )
    common = {"rpc": rpc, "poll": 0.1, "data": folder / member.name}
    common |= {"deployments": folder / "deployments", "keystore": folder / f"{member.name}.json"}
    common |= {"password_file": folder / "password"}
    endpoint = f"http://127.0.0.1:{port}" if listens else ""
    async with open_world(ProcessSettings.load(None, **common)) as world:
        id_ = await register_account(world, member.role, endpoint, NO_METADATA, member.bond)
    return Citizen(member, identity, id_, config, port)


def _write_settings(
    folder: Path, name: str, identity: Identity, settings: Mapping[str, Any]
) -> Path:
    """A settings file and a keystore, so that a citizen needs nothing else."""
    (folder / "password").write_text(_PASSWORD)
    keystore = folder / f"{name}.json"
    write_keystore(identity, keystore, _PASSWORD, _KEYSTORE_COST)
    common = {
        "deployments": str(folder / "deployments"),
        "keystore": str(keystore),
        "password_file": str(folder / "password"),
        "data": str(folder / name),
        "poll": 0.25,
    }
    config = folder / f"{name}.toml"
    config.write_text(_toml({**common, **settings}))
    return config


def _toml(settings: Mapping[str, Any]) -> str:
    """Plain values and one level of tables, whose JSON is TOML too."""
    plain = {name: value for name, value in settings.items() if not isinstance(value, Mapping)}
    lines = [f"{name} = {json.dumps(value)}" for name, value in plain.items()]
    for name, table in settings.items():
        if isinstance(table, Mapping):
            lines += [f"\n[{name}]", *(f"{key} = {json.dumps(it)}" for key, it in table.items())]
    return "\n".join(lines) + "\n"


def require_free(port: int) -> None:
    """See that nobody listens where the chain is to be.

    raises   InvalidInput if somebody does
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise InvalidInput(
                f"port {port} can't be had for the chain: {error.strerror}; "
                "end what listens there, or name another port"
            ) from error


def free_port() -> int:
    """A TCP port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _environment() -> dict[str, str]:
    """Without settings of the user's own, which are meant for other processes."""
    return {name: value for name, value in os.environ.items() if not name.startswith("HANDFAST_")}


async def _is_well(session: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with session.get(url, timeout=aiohttp.ClientTimeout(total=2)) as response:
            return response.status == 200
    except (aiohttp.ClientError, TimeoutError):
        return False
