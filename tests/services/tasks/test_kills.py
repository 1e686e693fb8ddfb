"""The commands of tasks are killed at every write of their journals and outboxes, and given again:
nothing is lost, nothing sent or paid twice, and books and chain agree. (SPEC PR-10)
"""

from __future__ import annotations

import asyncio
import re
import shutil
import signal
import time
from collections.abc import Callable
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from handfast.chain.client import Chain
from handfast.chain.outbox import Outbox, Outcome
from handfast.chain.token import MarketToken
from handfast.crypto.keys import Identity
from handfast.database import open_database
from tests.services.disputes.courtroom import send
from tests.services.goods.actors import dies_at
from tests.services.market.actors import Process, start
from tests.services.tasks.conftest import TOKENS, WEALTH, Town
from tests.services.tasks.voting import draw, rule

REQUESTER, WORKER, OTHER = 1, 2, 3
REWARD, FEE, DEPOSIT = 100 * TOKENS, 3 * TOKENS, 5 * TOKENS
PANEL = ("--seats", 3, "--vote-period", "10m", "--vote-reveal-period", "10m")
COURT = (*PANEL, "--appeal-period", "10m")
PERIODS = ("--deadline", "1h", "--reveal-period", "1h", "--publish-period", "1h")
HOUR = 3_600
HANG_SECONDS = 60.0

Command = tuple[object, ...]


# ---------------------------------------------------------------- killing


def begin(town: Town, person: int, command: Command, **how: Any) -> Process:
    """A command in a process of its own."""
    log = town.folder / f"{time.monotonic_ns()}.log"
    words = (*map(str, command), "--json") if command[1] != "serve" else tuple(map(str, command))
    log.touch()
    return start(words, town.environment(person), log, **how)


def kill_at_every_write(
    town: Town, person: int, command: Command, few: int, holds: Callable[[Any], None]
) -> None:
    """Kill a command before and after each of its writes, and give it again each time.

    few     writes that it makes at least
    holds   checks what came of it, by what the command says
    """
    home, saved = town.folder / f"person-{person}", town.folder / "saved"
    home.mkdir(exist_ok=True)
    for number, after in ((write // 2, write % 2 == 1) for write in count()):
        snapshot = town.ask("evm_snapshot")
        shutil.copytree(home, saved)
        process = begin(town, person, command, flaw=partial(dies_at, number, after=after))
        code = process.wait()
        holds(town.json(person, *command))
        require_agreement(town, person)
        shutil.rmtree(home if code else saved)
        if not code:
            assert number >= few
            return
        assert code == -signal.SIGKILL, process.output
        saved.rename(home)
        town.ask("evm_revert", snapshot)


def require_agreement(town: Town, person: int) -> None:
    """The chain has what the books have: each deed once, and no transaction besides."""
    database = open_database(town.folder / f"person-{person}" / "outbox.db")
    outbox = Outbox(database, town.address(person))
    # A command that finds done what it was to do need not wait until its books say so.
    sent = (*outbox.concluded_from(0), *outbox.open())
    assert len({(each.call.to, each.call.data) for each in sent}) == len(sent)
    assert all(each.outcome is not Outcome.FAILED and not each.reason for each in sent)
    assert len(sent) == int(town.ask("eth_getTransactionCount", town.address(person), "latest"), 16)
    database.dispose()


def held_by(town: Town, contract: str) -> int:
    """Smallest units of MarketToken in a contract."""

    async def ask() -> int:
        async with Chain(town.anvil.url) as chain:
            token = MarketToken(chain, town.deployment.market_token.address)
            return await token.balance_of(contract)

    return asyncio.run(ask())


def models_hold(town: Town, amount: int, *left: int) -> None:
    """What the contract of model tasks has, and what requester and worker have left."""
    assert held_by(town, town.deployment.model_tasks.address) == amount
    people = (town.balance(person) for person in (REQUESTER, WORKER))
    assert [balance - WEALTH for balance in people] == list(left)


# ---------------------------------------------------------------- models


def creating(town: Town) -> Command:
    files = town.file("wanted.json", b"{}"), town.file("validation.csv", b"x,y\n1,2\n")
    asked = ("--description", files[0], "--validation", files[1], "--threshold", "0.6")
    return ("task", "model", "create", *asked, "--reward", "100", *COURT, *PERIODS)


def committing(town: Town, task: int) -> Command:
    return ("task", "model", "commit", task, town.file("model", b"weights"))


def test_a_worker_killed_at_every_write_commits_reveals_and_is_paid_once(town: Town) -> None:
    task = town.json(REQUESTER, *creating(town))["task"]

    def committed(answer: Any) -> None:
        assert answer == {"position": 0}
        assert town.json(0, "task", "model", "show", task)["committed"] == 1
        models_hold(town, REWARD + FEE + DEPOSIT, -REWARD - FEE, -DEPOSIT)

    def revealed(answer: Any) -> None:
        (found,) = town.json(0, "task", "model", "show", task)["submissions"]
        assert (found["worker"], found["model"]) == (town.address(WORKER), answer["model"])

    def claimed(answer: Any) -> None:
        assert answer == {"amount": str(REWARD + DEPOSIT)}
        models_hold(town, 0, -REWARD, REWARD)

    kill_at_every_write(town, WORKER, committing(town, task), 5, committed)
    standing = town.json(0, "task", "model", "show", task)
    town.reach(standing["deadline"])
    kill_at_every_write(town, WORKER, ("task", "model", "reveal", task), 2, revealed)
    town.reach(standing["publish_end"])
    assert town.json(REQUESTER, "task", "model", "settle", task) == {"outcome": "unpublished"}
    kill_at_every_write(town, WORKER, ("task", "model", "claim", task), 2, claimed)


def test_a_requester_killed_at_every_write_creates_publishes_and_settles_once(town: Town) -> None:
    def created(answer: Any) -> None:
        assert answer == {"task": 1}
        assert len(town.json(0, "task", "model", "list")["tasks"]) == 1
        models_hold(town, REWARD + FEE, -REWARD - FEE, 0)

    def published(answer: Any) -> None:
        assert answer == {"case": 1}
        models_hold(town, REWARD + DEPOSIT, -REWARD - FEE, -DEPOSIT)

    def settled(answer: Any) -> None:
        assert answer == {"outcome": "ranked"}
        models_hold(town, REWARD // 2 + DEPOSIT, -REWARD // 2 - FEE, -DEPOSIT)

    kill_at_every_write(town, REQUESTER, creating(town), 6, created)
    town.json(WORKER, *committing(town, 1))
    town.reach(town.json(0, "task", "model", "show", 1)["deadline"])
    town.json(WORKER, "task", "model", "reveal", 1)
    kill_at_every_write(town, REQUESTER, ("task", "model", "publish", 1), 2, published)
    draw(town, 1)
    rule(town, 1, [9 * 10**8])
    kill_at_every_write(town, REQUESTER, ("task", "model", "settle", 1), 2, settled)
    assert town.json(WORKER, "task", "model", "claim", 1)["amount"] == str(REWARD // 2 + DEPOSIT)
    models_hold(town, 0, -REWARD // 2 - FEE, REWARD // 2)


def test_a_task_whose_creation_was_killed_long_ago_is_open_for_as_long_as_asked(
    town: Town,
) -> None:
    """Nothing had been sent: the deadline counts from the command that is sent."""
    process = begin(town, REQUESTER, creating(town), kill_at=0)
    assert process.wait() == -signal.SIGKILL, process.output
    now = int(town.ask("eth_getBlockByNumber", "latest", False)["timestamp"], 16)
    town.reach(now + 2 * HOUR)
    task = town.json(REQUESTER, *creating(town))["task"]
    assert town.json(0, "task", "model", "show", task)["deadline"] >= now + 3 * HOUR
    models_hold(town, REWARD + FEE, -REWARD - FEE, 0)


def test_a_worker_killed_before_it_signed_may_take_another_model(town: Town) -> None:
    task = town.json(REQUESTER, *creating(town))["task"]
    process = begin(town, WORKER, committing(town, task), kill_at=0)
    assert process.wait() == -signal.SIGKILL, process.output
    better = town.file("better", b"better weights")
    assert town.json(WORKER, "task", "model", "commit", task, better) == {"position": 0}
    town.reach(town.json(0, "task", "model", "show", task)["deadline"])
    assert "model" in town.json(WORKER, "task", "model", "reveal", task)


def test_what_a_killed_command_had_sent_leaves_its_money_to_it(town: Town) -> None:
    """The node has one commitment that is not mined yet, when the next command looks."""
    first = town.json(REQUESTER, *creating(town))["task"]
    second = town.json(OTHER, *creating(town))["task"]
    asyncio.run(_allow_one_deposit(town))
    town.ask("evm_setAutomine", False)
    try:
        process = begin(town, WORKER, committing(town, first))
        until(lambda: pending(town) == 1, process)
        process.kill()
        process = begin(town, WORKER, committing(town, second))
        time.sleep(1)  # it has looked by now
        while process.is_running:
            town.ask("evm_mine")
            time.sleep(0.1)
    finally:
        town.ask("evm_setAutomine", True)
    assert process.wait() == 0, process.output
    tasks = town.json(0, "task", "model", "list")["tasks"]
    assert [each["committed"] for each in tasks] == [1, 1]
    assert town.balance(WORKER) == WEALTH - 2 * DEPOSIT


async def _allow_one_deposit(town: Town) -> None:
    async with Chain(town.anvil.url) as chain:
        token = MarketToken(chain, town.deployment.market_token.address)
        account = Identity.parse(town.anvil.keys[WORKER]).account()
        allowance = token.approve(town.deployment.model_tasks.address, DEPOSIT)
        await send(chain, account, allowance)


def pending(town: Town) -> int:
    """Transactions that the node has and no block."""
    return int(town.ask("txpool_status")["pending"], 16)


def until(condition: Callable[[], bool], process: Process) -> None:
    deadline = time.monotonic() + HANG_SECONDS
    while not condition():
        assert process.is_running, process.output
        assert time.monotonic() < deadline, process.output
        time.sleep(0.05)


# ---------------------------------------------------------------- data


@pytest.fixture
def wanted(town: Town) -> int:
    """A data task."""
    town.cli(REQUESTER, "registry", "register", "--role", "client")
    asked = ("--schema", town.file("schema.json", b"{}"), "--reward", "100", *COURT)
    periods = ("--deadline", "1h", "--judging-period", "1h", "--dispute-period", "1h")
    task: int = town.json(REQUESTER, "task", "data", "create", *asked, *periods)["task"]
    return task


def delivering(town: Town, task: int) -> Command:
    return ("task", "data", "deliver", task, town.file("data", b"row\n" * 5_000))


def test_a_data_worker_killed_at_every_write_delivers_disputes_and_opens_its_key_once(
    town: Town, wanted: int
) -> None:
    contract = town.deployment.data_tasks.address

    def delivered(answer: Any) -> None:
        assert answer == {"position": 0}
        assert town.json(0, "task", "data", "show", wanted)["delivered"] == 1
        assert held_by(town, contract) == 2 * REWARD + DEPOSIT
        assert town.balance(WORKER) == WEALTH - DEPOSIT

    def disputed(answer: Any) -> None:
        assert answer == {"case": 1}
        assert town.json(0, "task", "data", "show", wanted)["disputed"] == 1
        assert held_by(town, contract) == 2 * REWARD + FEE + DEPOSIT
        assert town.balance(WORKER) == WEALTH - DEPOSIT - FEE

    def opened(answer: Any) -> None:
        assert answer == {"round": 0}

    kill_at_every_write(town, WORKER, delivering(town, wanted), 5, delivered)
    town.reach(town.json(0, "task", "data", "show", wanted)["deadline"])
    town.json(REQUESTER, "task", "data", "judge", wanted, "--dishonest", 0)
    kill_at_every_write(town, WORKER, ("task", "data", "dispute", wanted), 4, disputed)
    draw(town, 1)
    kill_at_every_write(town, WORKER, ("task", "data", "open-key", wanted), 2, opened)


def test_a_server_that_is_killed_serves_the_same_again(town: Town, wanted: int) -> None:
    """Killed while its worker's other commands write into the same folder, which are killed too."""
    serve = ("task", "serve", "--port", 0)
    server = begin(town, WORKER, serve)
    port_of(server)
    process = begin(town, WORKER, delivering(town, wanted), kill_at=0)
    assert process.wait() == -signal.SIGKILL, process.output
    server.kill()
    server = begin(town, WORKER, serve)
    url = f"http://127.0.0.1:{port_of(server)}"
    town.json(WORKER, *delivering(town, wanted))
    opening = ("task", "data", "open", wanted, town.folder / "opened", "--from", url)
    (opened,) = town.json(REQUESTER, *opening)["deliveries"]
    assert server.stop() == 0
    assert Path(opened["path"]).read_bytes() == (town.folder / "data").read_bytes()


def port_of(server: Process) -> int:
    until(lambda: "serving on port" in server.output, server)
    (port,) = re.findall(r"serving on port (\d+)", server.output)
    return int(port)
