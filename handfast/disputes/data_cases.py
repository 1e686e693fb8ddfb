"""Judges a dispute of DataTasks: opens the delivery and checks it. (SPEC EV-7, DT-5)

The worker has to open the key to the panel and to serve the bundle, the requester to serve the
schema: who does not has lost.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from handfast import log
from handfast.crypto.bls import PublicKey
from handfast.disputes.ballots import Choice
from handfast.disputes.data import MAX_DATA, MAX_SCHEMA, DataSchema, check, read_schema
from handfast.disputes.dossiers import Dossiers
from handfast.disputes.evidence import Published, Tools, fetch
from handfast.disputes.voting import Docket
from handfast.errors import InvalidInput, Rejected, Unavailable
from handfast.market.bundles import open_bundle
from handfast.market.masking import MaskedKey, unmask
from handfast.market.sealing import check_bundle, hash_key
from handfast.market.seals import Seal
from handfast.protocol.messages import Domain, PanelKey
from handfast.storage.cid import Cid, Codec

_log = log.get(__name__)

HONEST: Final = Choice(1)
DISHONEST: Final = Choice(2)


@dataclass(frozen=True, slots=True)
class DataCase:
    """What a dispute of DataTasks is about."""

    schema: Published
    bundle: Published
    seal: Seal


def data_case(dossiers: Dossiers, docket: Docket) -> DataCase:
    """The case of a delivery, out of the events.

    raises   Unavailable if they are not all here yet; Rejected if the delivery is none at all
    """
    client = docket.client
    disputed = next(dossiers.about(docket.id, client, "DeliveryDisputed"), None)
    if disputed is None:
        raise Unavailable(f"what case {docket.id} is about was not seen yet")
    task, worker = disputed.arguments["task"], disputed.arguments["worker"]
    created = next(dossiers.of(client, task, "DataTaskCreated"), None)
    delivered = next(
        (
            each
            for each in dossiers.of(client, task, "DataDelivered")
            if each.arguments["worker"] == worker
        ),
        None,
    )
    if created is None or delivered is None:
        raise Unavailable(f"task {task} was not seen yet")
    _reward, _compensation, schema, *_ = created.arguments["terms"]
    key_hash, plaintext, ciphertext, digest, codec, size = delivered.arguments["sealed_"]
    return DataCase(
        Published.of(schema, created.arguments["requester"]),
        Published(Cid(Codec(codec), digest), worker),
        Seal(size, key_hash, plaintext, ciphertext),
    )


def handed_key(dossiers: Dossiers, docket: Docket) -> MaskedKey | None:
    """The key as it was opened to this voter's seat in this round; None if it was not.

    raises   InvalidInput if what was posted is no point
    """
    drawn = [
        each
        for each in dossiers.of_case(docket.id, "PanelDrawn")
        if each.arguments["round"] == docket.round
    ]
    opened = list(dossiers.about(docket.id, docket.client, "KeyOpened"))
    if not drawn or not opened or docket.seat is None:
        return None
    newest = opened[-1]
    if _place(newest) < _place(drawn[-1]):
        return None
    masked: Any = newest.arguments["masked"]
    if docket.seat >= len(masked):
        return None
    return MaskedKey(PublicKey.from_words(newest.arguments["ephemeral"]), masked[docket.seat])


def _place(event: Any) -> tuple[int, int]:
    return event.log.block_number, event.log.index


class DataJudge:
    """Checks deliveries."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    async def judge(self, docket: Docket, until: int) -> Choice:
        """1 honest or 2 dishonest.

        raises   Unavailable to be tried again
        """
        about = data_case(self._tools.dossiers, docket)
        with TemporaryDirectory(dir=self._tools.folder) as name:
            folder = Path(name)
            try:
                schema = await self._schema(about, folder, until)
            except (Rejected, InvalidInput) as error:
                _log.warning("the requester's schema is no good", error=str(error))
                return HONEST
            try:
                data = await self._open(docket, about, folder, until)
            except (Rejected, InvalidInput) as error:
                _log.warning("the delivery is no good", case=docket.id, error=str(error))
                return DISHONEST
            found = await check(self._tools.sandbox, schema, data)
        _log.info("checked", case=docket.id, rows=found.rows, faults=found.faults)
        return DISHONEST if found.faults else HONEST

    async def _schema(self, about: DataCase, folder: Path, until: int) -> DataSchema:
        path = await fetch(self._tools, about.schema, folder / "schema", MAX_SCHEMA, until)
        return read_schema(await asyncio.to_thread(path.read_bytes))

    async def _open(self, docket: Docket, about: DataCase, folder: Path, until: int) -> Path:
        """The delivery's content.

        raises   Rejected or InvalidInput if it is the worker's fault that there is none
        """
        tools, seal = self._tools, about.seal
        if seal.size > MAX_DATA:
            raise Rejected(f"{seal.size} bytes, {MAX_DATA} allowed", "too_long")
        handed = handed_key(tools.dossiers, docket)
        if handed is None:
            if tools.now() < until:
                raise Unavailable(f"the key of case {docket.id} is not open yet")
            raise Rejected("the key was kept back", "kept_back")
        key = await self._unmask(docket, handed, seal)
        bundle = await fetch(tools, about.bundle, folder / "bundle", seal.bundle_size, until)
        content = folder / "content"

        def work() -> None:
            with bundle.open("rb", 0) as file:
                check_bundle(file, seal)
            open_bundle(bundle, seal, key, content)

        await asyncio.to_thread(work)
        return content

    async def _unmask(self, docket: Docket, handed: MaskedKey, seal: Seal) -> bytes:
        """The key, by whichever decryption key it was masked for."""
        context = PanelKey(docket.id, self._tools.voter).digest(
            Domain(self._tools.chain_id, docket.client)
        )
        for secret in await self._tools.secrets():
            key = unmask(secret, handed, context)
            if hash_key(key) == seal.key_hash:
                return key
        raise Rejected("the key that was opened is another one than was promised", "wrong_key")
