"""Which ballot a case gets when its material is there, kept back or spoilt. (SPEC EV-6, MT-4)"""

from __future__ import annotations

import asyncio
import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from aiohttp import web
from prometheus_client import CollectorRegistry
from pyarrow import parquet

from handfast.chain.abi import Event, Log
from handfast.chain.follower import BlockEvents
from handfast.disputes.ballots import Ballot, Choice, Scoring
from handfast.disputes.dossiers import Dossiers
from handfast.disputes.evidence import Tools
from handfast.disputes.jobs import Limits
from handfast.disputes.judging import ByHand, Judges, Rule
from handfast.disputes.sandbox import Sandbox
from handfast.disputes.sources import Sources
from handfast.disputes.voting import Docket
from handfast.errors import InvalidInput, Rejected, Unavailable
from handfast.protocol.constants import NO_VALIDATION, SCALE, CaseKind, CasePeriod, Metric
from handfast.serving import Server
from handfast.storage.cid import Cid
from handfast.storage.local import LocalStore
from handfast.storage.reading import BlockSource
from handfast.storage.serving import block_routes
from handfast.storage.store import cid_of_bytes
from tests.services.disputes import onnx_models as onnx

COURT, MODELS, DATA, OTHER = ("0x" + digit * 40 for digit in "1234")
REQUESTER, WORKER = "0x" + "5" * 40, "0x" + "6" * 40
UNTIL = 1_000
DOCKET = Docket(
    id=7,
    client=MODELS,
    kind=CaseKind.SCORES,
    period=CasePeriod.COMMIT,
    round=0,
    ends_at=2_000,
    draw_height=0,
    size=3,
    seat=0,
)
CHOICE = Docket(
    id=8,
    client=OTHER,
    kind=CaseKind.CHOICE,
    period=CasePeriod.COMMIT,
    round=0,
    ends_at=2_000,
    draw_height=0,
    size=2,
    seat=0,
)
DESCRIPTION = b'{"target": "y"}'
GOOD = bytes(onnx.linear(np.eye(2), [0, 0]).SerializeToString())
BAD = bytes(onnx.linear(-np.eye(2), [0, 0]).SerializeToString())


def validation() -> bytes:
    stream = io.BytesIO()
    table = pa.table({"a": [1.0, 0.0, 2.0, 0.0], "b": [0.0, 1.0, 1.0, 3.0], "y": [0, 1, 0, 1]})
    parquet.write_table(table, stream)
    return stream.getvalue()


@dataclass
class World:
    """A model task as its events tell it; what is in the store is published, the rest kept back."""

    folder: Path
    now: int = 0
    store: LocalStore = field(init=False)
    dossiers: Dossiers = field(init=False)

    def __post_init__(self) -> None:
        self.store = LocalStore(self.folder / "blocks")
        self.dossiers = Dossiers(COURT)

    def says(self, name: str, **arguments: Any) -> None:
        log = Log(MODELS, (), b"", 1, bytes(32), bytes(32), 0)
        event = Event("ModelTasks", name, arguments, log)
        self.dossiers.note(BlockEvents(1, bytes(32), 0, (event,)))

    def task(self, description: bytes, data: bytes, *models: tuple[int, bytes]) -> None:
        """The events of a task; nothing is published by that."""
        terms = (0, words(description), bytes(32), Metric.ACCURACY)
        self.says("ModelTaskCreated", task=1, requester=REQUESTER, fee=0, terms=terms)
        for position, model in models:
            said = {"task": 1, "worker": WORKER, "position": position, "model": words(model)}
            self.says("ModelRevealed", **said)
        self.says("ValidationPublished", task=1, caseId=7, validation=words(data))

    def publish(self, *contents: bytes) -> None:
        for content in contents:
            self.store.put_bytes(content)

    def judge(self, docket: Docket = DOCKET, rule: Rule | None = None) -> Ballot:
        async def nowhere(_account: str) -> str:
            return ""

        async def none() -> tuple[()]:
            return ()

        async def work() -> Ballot:
            tools = Tools(
                voter=WORKER,
                chain_id=1,
                sandbox=Sandbox(Limits(seconds=10)),
                sources=Sources(self.store),
                dossiers=self.dossiers,
                endpoint=nowhere,
                secrets=none,
                now=lambda: self.now,
                folder=self.folder,
            )
            return await Judges(tools, MODELS, DATA, rule).judge(docket, UNTIL)

        return asyncio.run(work())


def words(content: bytes) -> tuple[bytes, int]:
    cid = cid_of_bytes(content)
    return cid.digest, int(cid.codec)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_each_revealed_model_is_measured_and_a_copy_scores_nothing(world: World) -> None:
    data = validation()
    world.task(DESCRIPTION, data, (2, GOOD), (0, GOOD), (1, BAD))
    world.publish(DESCRIPTION, data, GOOD, BAD)
    assert world.judge() == Scoring((SCALE, 0, 0))


def test_a_model_that_is_kept_back_is_waited_for_then_scores_nothing(world: World) -> None:
    data = validation()
    world.task(DESCRIPTION, data, (0, BAD), (1, GOOD))
    world.publish(DESCRIPTION, data, GOOD)
    with pytest.raises(Unavailable):
        world.judge()
    world.now = UNTIL
    assert world.judge() == Scoring((0, SCALE, 0))


@pytest.mark.parametrize("kept", ["description", "data"])
def test_validation_that_is_kept_back_is_waited_for_then_said_so(kept: str, world: World) -> None:
    data = validation()
    world.task(DESCRIPTION, data, (0, GOOD))
    world.publish(GOOD, DESCRIPTION if kept == "data" else data)
    with pytest.raises(Unavailable):
        world.judge()
    world.now = UNTIL
    assert world.judge() == Scoring((NO_VALIDATION,) * 3)


@pytest.mark.parametrize(
    ("description", "data"), [(b"{}", validation()), (DESCRIPTION, b"PAR1 but no more")]
)
def test_validation_that_is_rubbish_is_said_at_once(
    description: bytes, data: bytes, world: World
) -> None:
    world.task(description, data, (0, GOOD))
    world.publish(description, data, GOOD)
    assert world.judge() == Scoring((NO_VALIDATION,) * 3)


def test_a_case_that_nothing_was_seen_of_is_waited_for(world: World) -> None:
    with pytest.raises(Unavailable, match="not seen"):
        world.judge()


def test_what_a_reorganisation_took_back_is_forgotten(world: World) -> None:
    world.task(DESCRIPTION, validation(), (0, GOOD))
    world.dossiers.undo(0)
    with pytest.raises(Unavailable, match="not seen"):
        world.judge()


def test_any_other_case_is_the_rules_or_a_persons(world: World) -> None:
    with pytest.raises(ByHand):
        world.judge(CHOICE)
    with pytest.raises(ByHand):
        world.judge(CHOICE, lambda _case, _client: None)
    assert world.judge(CHOICE, lambda case, client: 2 if client == OTHER else 1) == Choice(2)
    with pytest.raises(InvalidInput, match="option 3"):
        world.judge(CHOICE, lambda _case, _client: 3)


# ---------------------------------------------------------------- where it is looked for


class Liar(BlockSource):
    """Answers other bytes than those that were asked for."""

    def fetch(self, cids: Any) -> list[bytes]:
        return [b"other bytes" for _ in cids]


class Blind(BlockSource):
    """Has nothing."""

    def fetch(self, cids: Any) -> list[bytes]:
        raise Unavailable("nothing here")


def _routes(source: BlockSource) -> list[web.RouteDef]:
    """A server looks at what it serves; a liar's does not."""

    async def lie(request: web.Request) -> web.Response:
        return web.Response(body=source.fetch([request.match_info["cid"]])[0])

    return [web.get("/blocks/{cid}", lie)] if isinstance(source, Liar) else block_routes(source)


async def _health() -> dict[str, Any]:
    return {}


def find(folder: Path, cid: Cid, limit: int, *sources: BlockSource) -> bytes:
    """Look for content behind servers of these; the last one is its owner's."""

    async def work() -> bytes:
        servers = [Server(_routes(each), _health, CollectorRegistry()) for each in sources]
        try:
            for server in servers:
                await server.start("127.0.0.1", 0)
            *urls, owner = (f"http://127.0.0.1:{server.port}" for server in servers)
            own = LocalStore(folder / "own")
            target = folder / "found"
            finder = Sources(own, urls)
            await asyncio.to_thread(finder.save, cid, target, limit, (owner,))
            return target.read_bytes()
        finally:
            for server in servers:
                await server.stop()

    return asyncio.run(work())


@pytest.mark.parametrize("size", [10, 700_000])
def test_content_is_found_behind_liars_and_empty_shelves(size: int, tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "there")
    content = bytes(range(256)) * (size // 256 + 1)
    cid = store.put_bytes(content)
    assert find(tmp_path, cid, 1 << 20, Blind(), Liar(), store) == content


def test_content_that_nobody_has_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="nobody gives"):
        find(tmp_path, cid_of_bytes(b"lost"), 100, Blind(), Liar())


def test_content_longer_than_the_limit_is_its_publishers_fault(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "there")
    cid = store.put_bytes(bytes(700_000))
    with pytest.raises(Rejected) as refused:
        find(tmp_path, cid, 600_000, Liar(), store)
    assert refused.value.reason == "too_long"


def test_a_directory_is_no_evidence(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "file").write_bytes(b"x")
    store = LocalStore(tmp_path / "there")
    cid = store.add(tmp_path / "folder")
    with pytest.raises(Rejected) as refused:
        find(tmp_path, cid, 600_000, store)
    assert refused.value.reason == "no_file"
