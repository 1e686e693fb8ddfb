"""Takes part in model tasks: as requester, as worker, or as anybody who moves them on. (SPEC MT)"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from handfast.chain.abi import Event
from handfast.chain.court import OracleCourt
from handfast.chain.model_tasks import ModelTask, ModelTasks, ModelTerms
from handfast.disputes.rules import hash_of, words_of
from handfast.errors import InvalidInput, Unavailable
from handfast.process import World
from handfast.protocol.constants import SUBMISSION_DEPOSIT, ModelOutcome
from handfast.protocol.messages import Domain, Submission
from handfast.storage.cid import Cid, Codec
from handfast.storage.ingest import Progress, ignore
from handfast.tasks.acting import Actor, number_key, require_file, told, wish_key
from handfast.tasks.rules import has, validation_hash
from handfast.tasks.secrets import TaskSecrets

NO_WORDS: Final = words_of([])
_MODEL, _VALIDATION = "model", "validation"


@dataclass(frozen=True, slots=True)
class Submitted:
    """What one worker did in a task; `model` is None until it is revealed."""

    worker: str
    position: int
    model: Cid | None
    paid: int | None


class ModelDesk:
    """One account at the model tasks of a deployment."""

    def __init__(self, world: World) -> None:
        self.tasks = ModelTasks(world.chain, world.deployment.model_tasks.address)
        self.actor = Actor(world, self.tasks)
        self.court = OracleCourt(world.chain, world.deployment.oracle_court.address)
        address = self.tasks.address
        self._secrets = TaskSecrets(world.identity, world.chain_id, address)
        self._domain = Domain(world.chain_id, address)

    # ------------------------------------------------------------ requester

    async def create(
        self, terms: ModelTerms, description: Path, validation: Path, duration: int
    ) -> int:
        """Put a task up. Asked for again after an interruption it is the same task.

        terms      what stands in it of description, validation and deadline does not count
        duration   seconds until the deadline
        returns    its number
        """
        require_file(description)
        require_file(validation)
        store = self.actor.world.store
        told_to, data = store.add(description), store.add(validation)
        hidden = validation_hash(data.digest, data.codec, self._secrets.validation_salt(data))
        named = replace(terms, description=told_to, validation=hidden, deadline=0)
        wish = wish_key(named.words(), duration)
        deed = f"create {wish.hex()}"
        whole = replace(named, deadline=await self.actor.deadline(wish, duration, deed))
        pays = whole.reward + await self.court.fee_of(whole.panel.seats)
        mined = await self.actor.act(deed, self.tasks.create(whole), pays)
        task = int(told(mined, self.tasks, "ModelTaskCreated")["task"])
        await self.actor.keep(_VALIDATION, number_key(task), bytes(data))
        return task

    async def publish(self, task: int, validation: Path | None = None) -> int:
        """Show the validation data and open the case.

        validation   the file again, if this is not the folder that the task was created in
        returns      the case
        """
        data = self._content(_VALIDATION, task, validation)
        salt = self._secrets.validation_salt(data)
        await self.actor.act(f"publish {task}", self.tasks.publish(task, data, salt))
        return (await self.tasks.task(task)).case_id

    # ------------------------------------------------------------ worker

    async def commit(self, task: int, model: Path, progress: Progress = ignore) -> int:
        """Commit to a model's file, which is kept for the reveal; its position."""
        require_file(model)
        deed = f"commit {task}"
        known = self.actor.kept(_MODEL, number_key(task)) if self.actor.began(deed) else None
        cid = self.actor.world.store.add(model, progress=progress)
        if known is not None and known != bytes(cid):
            raise InvalidInput(f"another model was committed to task {task} from this folder")
        await self.actor.keep(_MODEL, number_key(task), bytes(cid))
        commitment = self._commitment(task, cid)
        call = self.tasks.commit(task, commitment)
        mined = await self.actor.act(deed, call, SUBMISSION_DEPOSIT)
        return int(told(mined, self.tasks, "ModelCommitted")["position"])

    async def reveal(self, task: int, model: Path | None = None) -> Cid:
        """Show the model of a commitment. It has to be served from now on.

        model   the file again, if this is not the folder that it was committed from
        """
        cid = self._content(_MODEL, task, model)
        call = self.tasks.reveal(task, cid, self._secrets.model_salt(task, cid))
        await self.actor.act(f"reveal {task}", call)
        return cid

    def _commitment(self, task: int, model: Cid) -> bytes:
        salt = self._secrets.model_salt(task, model)
        return Submission(task, self.actor.account, model.digest, salt).digest(self._domain)

    def _content(self, kind: str, task: int, path: Path | None) -> Cid:
        if path is not None:
            require_file(path)
            return self.actor.world.store.add(path)
        known = self.actor.kept(kind, number_key(task))
        if known is None:
            raise InvalidInput(f"this folder has no {kind} of task {task}: give the file once more")
        return Cid.from_bytes(known)

    # ------------------------------------------------------------ anybody

    async def settle(self, task: int) -> ModelOutcome:
        """Fix what each gets.

        raises   Rejected with the contract's reason while it is too early
        """
        standing = await self.tasks.task(task)
        if standing.outcome is ModelOutcome.ABSENT:
            words = await self._words(standing)
            await self.actor.act(f"settle {task}", self.tasks.settle(task, words))
            standing = await self.tasks.task(task)
        return standing.outcome

    async def _words(self, task: ModelTask) -> tuple[int, ...]:
        """The medians of the ruling, out of the court's events."""
        if not task.case_id:
            return NO_WORDS
        ruling = await self.court.ruling(task.case_id)
        if not ruling.is_final or not int.from_bytes(ruling.scores, "big"):
            return NO_WORDS
        for event in reversed(await self.actor.events(self.court)):
            if event.name == "MediansFound" and event.arguments["id"] == task.case_id:
                (words,) = event.arguments["medians"]
                if hash_of(words) == ruling.scores:
                    return tuple(words)
        raise Unavailable(f"the node does not show the scores of case {task.case_id}")

    async def claim(self, task: int, worker: str | None = None) -> int:
        """Have a worker paid, by default this account; smallest units."""
        who = worker or self.actor.account
        mined = await self.actor.act(f"claim {task} {who}", self.tasks.claim(task, who))
        return int(told(mined, self.tasks, "SubmissionClaimed")["amount"])

    async def submissions(self, task: int) -> tuple[Submitted, ...]:
        """What the workers of a task did, in the order of commitments."""
        return submissions_in(await self.actor.events(), task)


def submissions_in(events: Iterable[Event], task: int) -> tuple[Submitted, ...]:
    """What events say of the submissions of a task, in the order of commitments."""
    found: dict[str, Submitted] = {}
    for event in events:
        arguments: Any = event.arguments
        if arguments.get("task") != task or "worker" not in arguments:
            continue
        worker = arguments["worker"]
        if event.name == "ModelCommitted":
            found[worker] = Submitted(worker, arguments["position"], None, None)
        elif event.name == "ModelRevealed":
            digest, codec = arguments["model"]
            found[worker] = replace(found[worker], model=Cid(Codec(codec), digest))
        elif event.name == "SubmissionClaimed":
            found[worker] = replace(found[worker], paid=arguments["amount"])
    return tuple(found.values())


def shares(task: ModelTask, position: int) -> bool:
    """Whether a submission shares the reward of a settled task."""
    return has(task.passed, position)
