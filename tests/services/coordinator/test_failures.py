"""A coordinator whose process dies, whose node, money or turn is gone.

What counts is on chain: every accepted opinion in one batch, and batches that a replay confirms.
(PR-10, CO-4, CO-8, RP-33)
"""

from __future__ import annotations

import asyncio
import os
import shutil
from dataclasses import replace
from typing import Any

import pytest
from eth_account import Account

from handfast.chain.client import Chain
from handfast.chain.token import MarketToken
from handfast.coordinator.rules import NO_HASH
from handfast.coordinator.settings import BatchSettings
from handfast.protocol.constants import BatchKind
from handfast.reputation.batches import Entry, apply_opinions
from handfast.reputation.evidence import Evidence
from handfast.reputation.state import State
from tests.services.coordinator.replaying import REGISTERED, last_nonces, replayed, request
from tests.services.coordinator.running import running
from tests.services.coordinator.town import TOKENS, WINDOW, Town, pass_time, send, until
from tests.services.kills import survives
from tests.services.proxy import Fault, FaultProxy

# ---------------------------------------------------------------- the process


@pytest.mark.parametrize("after", [True, False], ids=["after", "before"])
def test_killed_at_any_commit_it_neither_loses_an_opinion_nor_posts_one_twice(
    town: Town, run: Any, after: bool
) -> None:
    """A process is killed just after each commit in turn, when nothing was done upon it; or just
    before, when all that precedes it was done and is not known. The next process finishes."""
    evidence = [town.evidence(provider, client) for client in (0, 1) for provider in (0, 1, 0)]

    def live() -> None:
        asyncio.run(live_through(town, evidence))

    commits = 0
    while True:
        snapshot = run(request(town, "evm_snapshot"))
        survived = survives(live, commits, after=after)
        if not survived:
            assert survives(live, 10**6, after=after)
        run(check_chain(town, len(evidence)))
        if survived:
            break
        run(request(town, "evm_revert", snapshot))
        shutil.rmtree(town.folder / "coordinator")
        commits += 1
    assert commits > 15


def test_killed_before_one_commit_after_the_other_it_finishes_in_the_end(
    town: Town, run: Any
) -> None:
    evidence = [town.evidence(provider, client) for client in (0, 1) for provider in (0, 1, 0)]
    commits = 0
    while not survives(lambda: asyncio.run(live_through(town, evidence)), commits, after=False):
        commits += 1
    run(check_chain(town, len(evidence)))
    assert commits > 5


async def live_through(town: Town, evidence: list[Evidence]) -> None:
    """Bring opinions until they are durable, and see them become final."""
    async with running(town, poll=0.02, batch=BatchSettings(age=0)) as here:
        answers = await here.clients.submit_all(evidence)
        assert all(answer.code == "accepted" for answer in answers)
        await here.reached(waiting=0, built=False)
        await pass_time(here.chain, WINDOW)

        async def final() -> bool:
            return bool(here.shard["final"] == here.shard["tip"] > 0)

        await until(final)


async def check_chain(town: Town, opinions: int) -> None:
    async with Chain(town.anvil.url) as chain:
        state = await replayed(town, chain)
        assert state.words.opinions == opinions
        assert last_nonces(state) == town.nonces
        deposit = await town.rollup(chain).deposit_of(town.coordinator.address)
        assert deposit.locked == 0


def test_stopped_in_good_order_it_goes_on_where_it_was(town: Town, run: Any) -> None:
    async def scenario() -> None:
        async with running(town) as here:
            assert await here.clients.submit(town.evidence())
            await here.reached(tip=1)
        async with running(town) as here:
            assert here.shard["tip"] == 1
            assert await here.clients.submit(town.evidence())
            await here.reached(tip=2, opinions=2)

    run(scenario())


# ---------------------------------------------------------------- other proposers


def test_when_another_proposer_was_faster_the_batch_is_built_anew(town: Town, run: Any) -> None:
    async def scenario() -> None:
        async with running(town) as here:
            # Ours waits in the pool while the other's is mined before it.
            await here.chain.request("evm_setAutomine", False)
            ours, theirs = town.evidence(0, 0), town.evidence(1, 1)
            await here.clients.submit(ours)
            await until(lambda: pooled(here.chain, town.coordinator.address))
            await other_posts(town, here.chain, [Entry(1, 3, 1, 1_000, True)], tip=100_000_000_000)
            await here.chain.request("evm_setAutomine", True)
            await here.chain.request("anvil_mine", "0x1")
            await here.clients.submit(theirs)
            await here.reached(waiting=0, built=False)
            state = await replayed(town, here.chain)
            assert state.root.hex() == here.shard["root"][2:]
            assert state.last_nonce(1, 3) == 1
            assert state.last_nonce(2, 4) == 1

    run(scenario())


async def pooled(chain: Chain, account: str) -> bool:
    head = await chain.head()
    mined = await chain.transaction_count(account, head.number)
    return await chain.transaction_count(account) > mined


async def other_posts(town: Town, chain: Chain, entries: list[Entry], tip: int) -> None:
    """Somebody else deposits and posts a batch on the empty state, outbidding everybody."""
    other = Account.from_key(town.anvil.keys[0])
    rollup = town.rollup(chain)
    token = MarketToken(chain, town.deployment.market_token.address)
    batch = apply_opinions(State(), entries, 1, REGISTERED)
    calls = [
        token.approve(rollup.address, 10_000 * TOKENS),
        rollup.deposit(10_000 * TOKENS),
        rollup.post(batch, NO_HASH, bytes(32)),
    ]
    nonce = await chain.transaction_count(other.address)
    for position, call in enumerate(calls):
        fields = {
            "chainId": 31337,
            "nonce": nonce + position,
            "gas": 2_000_000,
            "gasPrice": tip,
            "data": call.data,
            "to": call.to,
            "value": 0,
        }
        await chain.broadcast(bytes(other.sign_transaction(fields).raw_transaction))


def test_a_batch_whose_call_is_laid_out_strangely_is_read_as_the_contract_reads_it(
    town: Town, run: Any
) -> None:
    """RP-19: else anybody could stop the shard. Its data stands elsewhere, and is not padded."""

    async def scenario() -> None:
        async with running(town) as here:
            other = Account.from_key(town.anvil.keys[0])
            rollup = town.rollup(here.chain)
            token = MarketToken(here.chain, town.deployment.market_token.address)
            batch = apply_opinions(State(), [Entry(1, 3, 1, 1_000, True)], 1, REGISTERED)
            post = rollup.post(batch, NO_HASH, bytes(32))
            head, moved = 4 + 8 * 32, 10 * 32
            size = len(batch.data).to_bytes(32, "big")
            strange = post.data[:head] + moved.to_bytes(32, "big") + b"\1" * 32 + size + batch.data
            assert len(strange) % 32 != 4
            await send(here.chain, other, token.approve(rollup.address, 10_000 * TOKENS))
            await send(here.chain, other, rollup.deposit(10_000 * TOKENS))
            await send(here.chain, other, replace(post, data=strange))
            await here.reached(tip=1, opinions=1)
            assert await here.clients.submit(town.evidence(1))
            await here.reached(tip=2, opinions=2)

    run(scenario())


def test_nobody_builds_on_a_fraudulent_batch(town: Town, run: Any) -> None:
    async def scenario() -> None:
        async with running(town) as here:
            other = Account.from_key(town.anvil.keys[0])
            rollup = town.rollup(here.chain)
            token = MarketToken(here.chain, town.deployment.market_token.address)
            batch = apply_opinions(State(), [Entry(1, 3, 1, 1_000, True)], 1, REGISTERED)
            data = bytearray(batch.data)
            data[-1] ^= 1
            forged = rollup.abi.encode(
                "post",
                (
                    (
                        0,
                        int(BatchKind.OPINIONS),
                        False,
                        1,
                        batch.levy,
                        NO_HASH,
                        bytes(32),
                        bytes(32),
                    ),
                    bytes(data),
                ),
            )
            await send(here.chain, other, token.approve(rollup.address, 10_000 * TOKENS))
            await send(here.chain, other, rollup.deposit(10_000 * TOKENS))
            post = rollup.post(batch, NO_HASH, bytes(32))
            await send(here.chain, other, type(post)(post.to, forged, "forged"))
            await here.clients.submit(town.evidence())

            async def troubled() -> bool:
                trouble = here.shard["trouble"] or ""
                return "nobody may build on batch 1: the state root is not" in trouble

            await until(troubled)
            assert here.shard["tip"] == 0
            assert here.shard["waiting"] == 1

    run(scenario())


# ---------------------------------------------------------------- node and money


def test_a_node_that_goes_away_is_waited_for(town: Town, run: Any) -> None:
    async def scenario() -> None:
        async with FaultProxy(town.anvil.url) as proxy, running(town, rpc=proxy.url) as here:
            proxy.plan = lambda method, count: Fault.REFUSE
            assert await here.clients.submit(town.evidence())

            async def unhealthy() -> bool:
                return bool(here.coordinator.observer.trouble)

            await until(unhealthy)
            proxy.plan = lambda method, count: Fault.NONE
            await here.reached(tip=1, waiting=0)

    run(scenario())


@pytest.mark.parametrize("fault", [Fault.LOSE_ANSWER, Fault.ASK_TWICE, Fault.ANSWER_TWICE])
def test_a_node_whose_every_fifth_answer_fails_slows_it_down(
    town: Town, run: Any, fault: Fault
) -> None:
    async def scenario() -> None:
        async with FaultProxy(town.anvil.url) as proxy, running(town, rpc=proxy.url) as here:
            proxy.plan = lambda method, count: fault if len(proxy.seen) % 5 == 0 else Fault.NONE
            for number in (1, 2):
                assert await here.clients.submit(town.evidence())
                await here.reached(tip=number, waiting=0)
            state = await replayed(town, here.chain)
            assert state.words.opinions == 2

    run(scenario())


def test_without_tokens_it_says_what_it_needs_and_goes_on_once_it_has_it(
    town: Town, run: Any
) -> None:
    async def scenario() -> None:
        async with running(town) as here:
            owner = Account.from_key(town.anvil.keys[0])
            token = MarketToken(here.chain, town.deployment.market_token.address)
            me = town.coordinator.address
            own = await token.balance_of(me)
            await send(here.chain, town.coordinator.account(), token.transfer(owner.address, own))
            assert await here.clients.submit(town.evidence())

            async def told() -> bool:
                return bool(here.shard["trouble"])

            await until(told)
            assert here.shard["trouble"].startswith(f"{me} needs 1000.00011 HAND for the bond")
            await send(here.chain, owner, token.transfer(me, 2_000 * TOKENS))
            await here.reached(tip=1, trouble=None)

    run(scenario())


def test_refused_again_and_again_it_says_why_and_rests(town: Town, run: Any) -> None:
    """RP-19: its account delegates to code, so that no batch of its own is taken."""

    async def scenario() -> None:
        async with running(town, poll=0.01) as here:
            me = town.coordinator.address
            await here.chain.request("anvil_setCode", me, "0xef0100" + "11" * 20)
            assert await here.clients.submit(town.evidence())

            async def told() -> bool:
                return "the contract refuses batches: HiddenData" in (here.shard["trouble"] or "")

            await until(told)
            built = here.coordinator._memory.ids.last
            await asyncio.sleep(1)
            assert here.coordinator._memory.ids.last <= built + 2
            await here.reached(waiting=1)
            await here.chain.request("anvil_setCode", me, "0x")
            await here.reached(tip=1, trouble=None)

    run(scenario())


def test_without_gas_it_says_what_it_needs_and_goes_on_once_it_has_it(town: Town, run: Any) -> None:
    async def scenario() -> None:
        async with running(town) as here:
            me = town.coordinator.address
            await here.chain.request("anvil_setBalance", me, "0x0")
            assert await here.clients.submit(town.evidence())

            async def told() -> bool:
                return bool(here.shard["trouble"])

            await until(told)
            assert "ETH on chain 31337 for MarketToken.approve" in here.shard["trouble"]
            await here.chain.request("anvil_setBalance", me, hex(10**18))
            await here.reached(tip=1, trouble=None)

    run(scenario())


def test_a_fork_is_not_left_behind(town: Town) -> None:
    """Of the children there is the chain, and none that has ended."""
    assert os.waitpid(-1, os.WNOHANG) == (0, 0)
