"""A refused delivery before real voters, from the sealed data to the ruling. (SPEC DT-5, EV-7)"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pytest
from prometheus_client import CollectorRegistry
from pyarrow import parquet

from handfast.chain.client import Call, Chain
from handfast.chain.court import OracleCourt
from handfast.chain.data_tasks import DataTasks, DataTerms, Delivery
from handfast.chain.model_tasks import PanelTerms
from handfast.chain.registry import ParticipantRegistry
from handfast.chain.token import MarketToken
from handfast.crypto.bls import PublicKey, SecretKey
from handfast.crypto.keys import Identity
from handfast.disputes.process import open_voter
from handfast.disputes.settings import VoterSettings
from handfast.disputes.voter import Voter
from handfast.market.bundles import seal_file
from handfast.market.masking import MaskedKey, mask, unmask_with
from handfast.process import open_world
from handfast.protocol.constants import SUBMISSION_DEPOSIT, CasePeriod
from handfast.protocol.messages import DeliveryKey, Domain, PanelKey
from handfast.registry.participants import Role
from handfast.serving import Server
from handfast.storage.local import LocalStore
from handfast.storage.serving import block_routes
from tests.services.coordinator.town import register
from tests.services.disputes.courtroom import TOKENS, Courtroom, draw, send, ticking

KEY, OTHER_KEY = bytes([5]) * 32, bytes([6]) * 32
REQUESTER, WORKER = Identity(bytes([10]) * 32), Identity(bytes([11]) * 32)
SCHEMA = json.dumps(
    {
        "minimum_rows": 3,
        "features": [
            {"name": "age", "type": "integer", "minimum": 0, "maximum": 150},
            {"name": "weight", "type": "number", "missing": "0.5"},
        ],
    }
).encode()
GOOD = pa.table({"age": [1, 2, 3], "weight": [70.5, None, 80.0]})
BAD = pa.table({"age": [1, 2, 300], "weight": [70.5, None, 80.0]})
SEATS, PERIOD = 3, 600


@dataclass
class Dispute:
    """A delivery that its requester refused, and the case about it."""

    room: Courtroom
    chain: Chain
    url: str
    case: int

    @property
    def tasks(self) -> DataTasks:
        return DataTasks(self.chain, self.room.deployment.data_tasks.address)

    @property
    def court(self) -> OracleCourt:
        return self.room.contract(self.chain)

    async def open_key(self, panel: tuple[str, ...], key: bytes) -> None:
        """Hand a key to every seat, under one ephemeral point."""
        registry = ParticipantRegistry(
            self.chain, self.room.deployment.participant_registry.address
        )
        ephemeral = SecretKey.derive(KEY, b"panel")
        masked = []
        for voter in panel:
            id_ = await registry.id_of(voter)
            assert id_ is not None
            receiver = PublicKey.parse((await registry.participant(id_)).decryption_key)
            context = PanelKey(self.case, voter).digest(self.domain)
            hidden = MaskedKey(ephemeral.public_key(), key)
            masked.append(unmask_with(ephemeral.shared_point(receiver), hidden, context))
        call = self.tasks.open_key(self.case, ephemeral.public_key(), masked)
        await send(self.chain, WORKER.account(), call)

    @property
    def domain(self) -> Domain:
        return Domain(self.room.deployment.chain_id, self.tasks.address)

    async def ruled(self) -> int:
        while (await self.court.case(self.case)).period is not CasePeriod.RULED:
            await asyncio.sleep(0.05)
        return (await self.court.ruling(self.case)).choice


@asynccontextmanager
async def disputed(
    room: Courtroom, data: pa.Table, schema: bytes = SCHEMA
) -> AsyncIterator[Dispute]:
    """Everything up to the opened case, its content served."""
    store = LocalStore(room.folder / "blocks")
    path = room.folder / "data.parquet"
    parquet.write_table(data, path)
    bundle, seal = seal_file(path, KEY, store)
    described = store.put_bytes(schema)

    async def health() -> dict[str, Any]:
        return {}

    async with (
        Chain(room.anvil.url) as chain,
        Server(block_routes(store), health, CollectorRegistry()) as server,
    ):
        await server.start("127.0.0.1", 0)
        it = Dispute(room, chain, f"http://127.0.0.1:{server.port}", 0)
        await _fund(it)
        head = await chain.head()
        panel = PanelTerms(SEATS, PERIOD, PERIOD, 1)
        terms = DataTerms(
            reward=TOKENS,
            compensation=TOKENS,
            schema=described,
            deadline=head.timestamp + PERIOD,
            judging_period=PERIOD,
            dispute_period=PERIOD,
            minimum_reputation=0,
            max_deliveries=4,
            panel=panel,
        )
        await send(chain, REQUESTER.account(), it.tasks.create(terms))
        context = DeliveryKey(1, WORKER.address).digest(it.domain)
        handed = mask(KEY, REQUESTER.decryption_key().public_key(), context)
        delivery = Delivery(WORKER.address, 0, bundle, seal, handed)
        await send(chain, WORKER.account(), it.tasks.deliver(1, delivery))
        await chain.request("evm_increaseTime", PERIOD)
        await send(chain, REQUESTER.account(), it.tasks.judge(1, 1))
        await send(chain, WORKER.account(), it.tasks.dispute(1))
        it.case = await it.court.case_count()
        await chain.request("anvil_mine", hex(6))
        async with ticking(chain):
            yield it


async def _fund(it: Dispute) -> None:
    """Requester and worker are registered, and let the contract take what it asks for."""
    deployment, chain = it.room.deployment, it.chain
    token = MarketToken(chain, deployment.market_token.address)
    registry = ParticipantRegistry(chain, deployment.participant_registry.address)
    for each in (REQUESTER, WORKER):
        await register(chain, registry, each, Role.CLIENT)
        amount = 100 * TOKENS + SUBMISSION_DEPOSIT
        allow: Call = token.approve(it.tasks.address, amount)
        await send(chain, it.room.client, token.transfer(each.address, amount))
        await send(chain, each.account(), allow)


@asynccontextmanager
async def running(it: Dispute, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[list[Voter]]:
    """All voters, opened as `handfast voter run` opens them."""
    async with AsyncExitStack() as stack:
        voters = []
        for each in it.room.voters:
            monkeypatch.setenv("HANDFAST_KEY", each.secret.hex())
            settings = VoterSettings.load(
                None,
                rpc=it.room.anvil.url,
                deployments=it.room.deployments,
                data=it.room.folder / each.address,
                sources=[it.url],
                poll=0.05,
                patience=0.2,
            )
            world = await stack.enter_async_context(open_world(settings))
            voter = await open_voter(world, settings)
            task = asyncio.create_task(voter.run())
            stack.push_async_callback(asyncio.gather, task, return_exceptions=True)
            stack.callback(task.cancel)
            voters.append(voter)
        yield voters


@pytest.mark.parametrize(
    ("data", "schema", "key", "ruling"),
    [
        (GOOD, SCHEMA, KEY, 1),
        (BAD, SCHEMA, KEY, 2),
        (GOOD, SCHEMA, OTHER_KEY, 2),
        (GOOD, b"no schema at all", KEY, 1),
    ],
    ids=["as asked for", "out of range", "another key", "no schema"],
)
def test_the_panel_opens_the_delivery_and_rules_by_the_schema(
    data: pa.Table,
    schema: bytes,
    key: bytes,
    ruling: int,
    room: Courtroom,
    run: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def scenario() -> None:
        async with disputed(room, data, schema) as it:
            panel = await draw(room, it.chain, it.case)
            await it.open_key(panel, key)
            async with running(it, monkeypatch):
                assert await it.ruled() == ruling

    run(scenario())


def test_a_key_that_is_kept_back_speaks_against_the_worker(
    room: Courtroom, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario() -> None:
        async with disputed(room, GOOD) as it:
            await draw(room, it.chain, it.case)
            async with running(it, monkeypatch):
                await asyncio.sleep(2)
                assert (await it.court.case(it.case)).committed == 0
                await it.chain.request("evm_increaseTime", PERIOD * 3 // 4)
                assert await it.ruled() == 2

    run(scenario())
