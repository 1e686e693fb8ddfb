"""A chain with everything deployed, and accounts that take part by the command line alone."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from eth_account import Account

from handfast.chain.anvil import Anvil
from handfast.chain.client import Chain
from handfast.chain.court import OracleCourt, VoterPool
from handfast.chain.deployment import Deployment, DeploymentParameters, deploy, save
from handfast.chain.registry import ParticipantRegistry
from handfast.chain.token import MarketToken
from handfast.cli import main
from handfast.crypto.keys import Identity
from handfast.registry.participants import Role
from tests.services.coordinator.town import register
from tests.services.disputes.courtroom import send

TOKENS = 10**18
STAKE = 1_000 * TOKENS
WEALTH = 10_000 * TOKENS


@dataclass(frozen=True)
class Town:
    """Account 0 owns the rest of all tokens; accounts 1 to 4 have some."""

    anvil: Anvil
    folder: Path
    deployments: Path
    deployment: Deployment
    voters: tuple[Identity, ...]

    def environment(self, person: int) -> dict[str, str]:
        return {
            "HANDFAST_RPC": self.anvil.url,
            "HANDFAST_DEPLOYMENTS": str(self.deployments),
            "HANDFAST_KEY": self.anvil.keys[person],
            "HANDFAST_DATA": str(self.folder / f"person-{person}"),
            "HANDFAST_POLL": "0.05",
        }

    def cli(self, person: int, *arguments: object, code: int = 0, **more: str) -> str:
        """What a command prints, run as one of the accounts."""
        done = CliRunner().invoke(
            main, [str(each) for each in arguments], env=self.environment(person) | more
        )
        assert done.exit_code == code, done.output
        return done.output if code else done.stdout

    def json(self, person: int, *arguments: object, **more: str) -> Any:
        return json.loads(self.cli(person, *arguments, "--json", **more))

    def address(self, person: int) -> str:
        return Identity.parse(self.anvil.keys[person]).address

    def ask(self, method: str, *parameters: Any) -> Any:
        async def ask() -> Any:
            async with Chain(self.anvil.url) as chain:
                return await chain.request(method, *parameters)

        return asyncio.run(ask())

    def reach(self, second: int) -> None:
        """Mine a block at this second."""
        self.ask("evm_setNextBlockTimestamp", second)
        self.ask("evm_mine")

    def balance(self, person: int) -> int:
        async def ask() -> int:
            async with Chain(self.anvil.url) as chain:
                token = MarketToken(chain, self.deployment.market_token.address)
                return await token.balance_of(self.address(person))

        return asyncio.run(ask())

    def file(self, name: str, content: bytes) -> Path:
        path = self.folder / name
        path.write_bytes(content)
        return path

    @contextmanager
    def serving(self, person: int) -> Iterator[str]:
        """The URL at which `handfast task serve` answers for an account."""
        command = [sys.executable, "-m", "handfast", "task", "serve", "--port", "0"]
        environment = os.environ | self.environment(person)
        with subprocess.Popen(
            command, env=environment, stderr=subprocess.PIPE, text=True
        ) as process:
            try:
                assert process.stderr is not None
                port = next(
                    match[1]
                    for line in process.stderr
                    if (match := re.fullmatch(r"serving on port (\d+)\n", line))
                )
                yield f"http://127.0.0.1:{port}"
            finally:
                process.terminate()


async def build(anvil: Anvil, folder: Path) -> Town:
    owner = Account.from_key(anvil.keys[0])
    async with Chain(anvil.url) as chain:
        deployment = await deploy(chain, owner, DeploymentParameters.local(owner.address))
        save(deployment, folder)
        token = MarketToken(chain, deployment.market_token.address)
        registry = ParticipantRegistry(chain, deployment.participant_registry.address)
        court = OracleCourt(chain, deployment.oracle_court.address)
        pool = VoterPool(chain, await court.voters())
        for key in anvil.keys[1:5]:
            address = Account.from_key(key).address
            await send(chain, owner, token.transfer(address, WEALTH))
        people = tuple(Identity.parse(key) for key in anvil.keys[6:9])
        for each in people:
            await register(chain, registry, each, Role.VOTER)
            await send(chain, owner, token.transfer(each.address, STAKE))
            await send(chain, each.account(), token.approve(pool.address, STAKE))
            await send(chain, each.account(), pool.stake(STAKE))
    return Town(anvil, folder, folder, deployment, people)


@pytest.fixture(scope="module")
def shared_town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with Anvil.start() as anvil:
        yield asyncio.run(build(anvil, tmp_path_factory.mktemp("town")))


@pytest.fixture
def town(shared_town: Town, tmp_path: Path) -> Iterator[Town]:
    """The module's town with folders of the test's own; what the test does is taken back."""
    snapshot = shared_town.ask("evm_snapshot")
    yield replace(shared_town, folder=tmp_path)
    shared_town.ask("evm_revert", snapshot)
