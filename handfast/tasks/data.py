"""Takes part in data tasks: as requester, as worker, or as anybody who moves them on. (SPEC DT)"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from handfast import log
from handfast.chain.abi import Event
from handfast.chain.client import Call
from handfast.chain.court import OracleCourt
from handfast.chain.data_tasks import DataTask, DataTasks, DataTerms, Delivery
from handfast.chain.registry import ParticipantRegistry
from handfast.crypto.bls import PublicKey, SecretKey
from handfast.errors import InvalidInput, Rejected, Unavailable
from handfast.market.bundles import fetch_bundle, open_bundle, prove_wrong_chunk, seal_file
from handfast.market.masking import mask, prove_shared, receiver_of, unmask
from handfast.market.sealing import WrongChunk, hash_key
from handfast.process import World
from handfast.protocol.constants import SUBMISSION_DEPOSIT, DeliveryState
from handfast.protocol.messages import DeliveryKey, Domain
from handfast.storage.ingest import Progress, ignore
from handfast.storage.remote import RemoteReader
from handfast.storage.store import Reader
from handfast.tasks.acting import Actor, number_key, require_file, told, wish_key
from handfast.tasks.opening import open_to_panel
from handfast.tasks.rules import set_of
from handfast.tasks.secrets import TaskSecrets

_log = log.get(__name__)
_CONTENT = "content"
_EPOCHS = 64
"""How many of its earlier keys a requester tries before it gives up."""


@dataclass(frozen=True, slots=True)
class Opened:
    """What came of opening a delivery.

    path     of its content; None if it is void or cannot be had
    fault    in a few words, if there is one
    voided   whether the worker's fault was proven on chain
    """

    delivery: Delivery
    path: Path | None
    fault: str = ""
    voided: bool = False


class DataDesk:
    """One account at the data tasks of a deployment."""

    def __init__(self, world: World) -> None:
        self.tasks = DataTasks(world.chain, world.deployment.data_tasks.address)
        self.actor = Actor(world, self.tasks)
        self.court = OracleCourt(world.chain, world.deployment.oracle_court.address)
        self._registry = ParticipantRegistry(
            world.chain, world.deployment.participant_registry.address
        )
        self._secrets = TaskSecrets(world.identity, world.chain_id, self.tasks.address)
        self._domain = Domain(world.chain_id, self.tasks.address)

    # ------------------------------------------------------------ requester

    async def create(self, terms: DataTerms, schema: Path, duration: int) -> int:
        """Put a task up. Asked for again after an interruption it is the same task.

        terms      what stands in it of schema and deadline does not count
        duration   seconds until the deadline
        returns    its number
        """
        require_file(schema)
        named = replace(terms, schema=self.actor.world.store.add(schema), deadline=0)
        wish = wish_key(named.words(), duration)
        deed = f"create {wish.hex()}"
        whole = replace(named, deadline=await self.actor.deadline(wish, duration, deed))
        pays = whole.reward + whole.compensation
        mined = await self.actor.act(deed, self.tasks.create(whole), pays)
        return int(told(mined, self.tasks, "DataTaskCreated")["task"])

    async def open_all(
        self, task: int, folder: Path, source: str = "", progress: Progress = ignore
    ) -> tuple[Opened, ...]:
        """Fetch, open and check every delivery, and prove on chain what is wrong with it.

        folder   each delivery's content lies in it under its worker's address; what is there
                 already is not fetched again
        source   URL that serves the bundles; else each worker's endpoint
        """
        await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
        secret = await self._receiver(await self.tasks.task(task))
        found = []
        for delivery in deliveries_in(await self.actor.events(), task):
            state = (await self.tasks.delivery(task, delivery.worker)).state
            if state is DeliveryState.VOID:
                found.append(Opened(delivery, None, "void", voided=True))
                continue
            found.append(await self._open(task, delivery, secret, folder, source, progress))
        return tuple(found)

    async def _open(
        self,
        task: int,
        delivery: Delivery,
        secret: SecretKey,
        folder: Path,
        source: str,
        progress: Progress,
    ) -> Opened:
        context = self._context(task, delivery.worker)
        key = unmask(secret, delivery.handed, context)
        shown = prove_shared(secret, delivery.handed, context)
        if hash_key(key) != delivery.seal.key_hash:
            call = self.tasks.prove_wrong_key(task, delivery, shown)
            return await self._prove(task, delivery, call, "the key is another one")
        output, bundle = folder / delivery.worker, folder / f"{delivery.worker}.bundle"
        if output.exists():
            return Opened(delivery, output)
        try:
            await self._fetch(delivery, bundle, source, progress)
            await asyncio.to_thread(open_bundle, bundle, delivery.seal, key, output)
        except WrongChunk as error:
            chunk = prove_wrong_chunk(bundle, delivery.seal, error.position)
            call = self.tasks.prove_wrong_chunk(task, delivery, shown, chunk)
            return await self._prove(task, delivery, call, str(error))
        except (Rejected, Unavailable) as error:
            # Nothing proves on chain what was not served: the requester marks it dishonest.
            return Opened(delivery, None, str(error))
        bundle.unlink()
        return Opened(delivery, output)

    async def _fetch(
        self, delivery: Delivery, bundle: Path, source: str, progress: Progress
    ) -> None:
        url = source or await self._endpoint(delivery.worker)

        def work(reader: Reader) -> None:
            fetch_bundle(reader, delivery.bundle, delivery.seal, bundle, progress)

        if not url:
            await asyncio.to_thread(work, self.actor.world.store)
            return
        with RemoteReader(url) as remote:
            await asyncio.to_thread(work, remote)

    async def _prove(self, task: int, delivery: Delivery, call: Call, fault: str) -> Opened:
        """Prove it, unless it is too late for that."""
        try:
            await self.actor.act(f"prove {task} {delivery.worker}", call)
        except Rejected as error:
            return Opened(delivery, None, f"{fault}, and cannot be proven: {error}")
        _log.info("proved", task=task, worker=delivery.worker, fault=fault)
        return Opened(delivery, None, fault, voided=True)

    async def judge(self, task: int, dishonest: Iterable[int]) -> None:
        """Mark these positions dishonest, at the court's fee for each as security."""
        marked = set_of(dishonest)
        fee = (await self.tasks.task(task)).fee
        call = self.tasks.judge(task, marked)
        await self.actor.act(f"judge {task}", call, marked.bit_count() * fee)

    async def _receiver(self, task: DataTask) -> SecretKey:
        """The decryption key that a task's deliveries are masked for, rotated since or not."""
        for epoch in range(1, _EPOCHS + 1):
            secret = self.actor.world.identity.decryption_key(epoch)
            if receiver_of(secret.public_key()) == task.receiver:
                return secret
        raise Rejected(f"only {task.requester} can open these deliveries", "NotRequester")

    # ------------------------------------------------------------ worker

    async def deliver(self, task: int, content: Path, progress: Progress = ignore) -> int:
        """Seal a file for the requester and deliver it; its position. It has to be served."""
        require_file(content)
        digest = await asyncio.to_thread(_digest_of, content)
        deed = f"deliver {task}"
        known = self.actor.kept(_CONTENT, number_key(task)) if self.actor.began(deed) else None
        if known is not None and known != digest:
            raise InvalidInput(f"another file was delivered to task {task} from this folder")
        await self.actor.keep(_CONTENT, number_key(task), digest)
        key = self._secrets.delivery_key(task, digest)
        store = self.actor.world.store
        bundle, seal = await asyncio.to_thread(seal_file, content, key, store, progress)
        receiver = await self._key_of_requester(task)
        worker = self.actor.account
        handed = mask(key, receiver, self._context(task, worker))
        delivery = Delivery(worker, 0, bundle, seal, handed)
        call = self.tasks.deliver(task, delivery)
        mined = await self.actor.act(deed, call, SUBMISSION_DEPOSIT)
        return int(told(mined, self.tasks, "DataDelivered")["position"])

    async def dispute(self, task: int) -> int:
        """Take being marked dishonest to the court; the case."""
        fee = (await self.tasks.task(task)).fee
        mined = await self.actor.act(f"dispute {task}", self.tasks.dispute(task), fee)
        return int(told(mined, self.tasks, "DeliveryDisputed")["caseId"])

    async def open_key(self, task: int, content: Path | None = None) -> int:
        """Hand the key of the disputed delivery to the panel that sits now; the round.

        content   the file again, if this is not the folder that it was delivered from
        raises    Unavailable while no panel was drawn
        """
        case = await self.case_of(task, self.actor.account)
        round_ = (await self.court.case(case)).round
        panel = await self.court.panel_of(case)
        if not panel:
            raise Unavailable(f"no panel of case {case} was drawn yet: try again")
        seats = [await self._seat(voter) for voter in panel]
        digest = self._content_digest(task, content)
        key = self._secrets.delivery_key(task, digest)
        ephemeral, masked = open_to_panel(key, self._domain, case, seats)
        call = self.tasks.open_key(case, ephemeral, masked)
        await self.actor.act(f"open key {case} {round_}", call)
        return round_

    async def _seat(self, voter: str) -> tuple[str, PublicKey] | None:
        id_ = await self._registry.id_of(voter)
        if id_ is None:
            return None
        participant = await self._registry.participant(id_)
        return participant.account, PublicKey.parse(participant.decryption_key)

    def _content_digest(self, task: int, content: Path | None) -> bytes:
        if content is not None:
            require_file(content)
            return _digest_of(content)
        known = self.actor.kept(_CONTENT, number_key(task))
        if known is None:
            raise InvalidInput(f"nothing was delivered to task {task} from this folder: give it")
        return known

    async def _key_of_requester(self, task: int) -> PublicKey:
        """The key that the task was created with; the chain's event has it."""
        for event in await self.actor.events():
            if event.name == "DataTaskCreated" and event.arguments["task"] == task:
                head, tail = event.arguments["decryptionKey"]
                return PublicKey.parse(head + tail)
        raise Unavailable(f"the node does not show the creation of task {task} yet")

    # ------------------------------------------------------------ anybody

    async def case_of(self, task: int, worker: str) -> int:
        """The case of a worker's dispute.

        raises   Rejected if there is none
        """
        for event in await self.actor.events():
            about: Any = event.arguments
            if event.name == "DeliveryDisputed" and (about["task"], about["worker"]) == (
                task,
                worker,
            ):
                return int(about["caseId"])
        raise Rejected(f"{worker} has no dispute in task {task}", "NotDispute")

    async def settle(self, task: int) -> None:
        """Take over what the court has ruled, and fix what each gets."""
        for event in await self.actor.events():
            if event.name == "DeliveryDisputed" and event.arguments["task"] == task:
                await self._resolve(task, event.arguments)
        if not (await self.tasks.task(task)).is_settled:
            await self.actor.act(f"settle {task}", self.tasks.settle(task))

    async def _resolve(self, task: int, about: Any) -> None:
        case, worker = about["caseId"], about["worker"]
        if (await self.tasks.delivery(task, worker)).state is not DeliveryState.DISPUTED:
            return
        if (await self.court.ruling(case)).is_final:
            await self.actor.act(f"resolve {case}", self.tasks.resolve(case))

    async def claim(self, task: int, worker: str | None = None) -> int:
        """Have a worker paid, by default this account; smallest units."""
        who = worker or self.actor.account
        mined = await self.actor.act(f"claim {task} {who}", self.tasks.claim(task, who))
        return int(told(mined, self.tasks, "DeliveryClaimed")["amount"])

    # ------------------------------------------------------------ internals

    def _context(self, task: int, worker: str) -> bytes:
        return DeliveryKey(task, worker).digest(self._domain)

    async def _endpoint(self, account: str) -> str:
        id_ = await self._registry.id_of(account)
        return "" if id_ is None else (await self._registry.participant(id_)).endpoint


def deliveries_in(events: Iterable[Event], task: int) -> tuple[Delivery, ...]:
    """What events say was delivered to a task, in the order of positions."""
    return tuple(
        Delivery.decode(event.arguments)
        for event in events
        if event.name == "DataDelivered" and event.arguments["task"] == task
    )


def _digest_of(path: Path) -> bytes:
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").digest()
