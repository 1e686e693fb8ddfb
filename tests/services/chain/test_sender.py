"""A transaction takes effect once, whatever happens to the process, the node or the chain.

The effect that is counted is a payment of one wei to an account that has nothing else.
(PR-10, PR-12)
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount

from handfast.chain.abi import shipped
from handfast.chain.anvil import Anvil
from handfast.chain.client import Call, Chain, creation
from handfast.chain.outbox import Outbox
from handfast.chain.rules import GWEI, Policy
from handfast.chain.sender import Sender
from handfast.database import open_database
from handfast.errors import InvalidInput, Rejected, Unavailable
from tests.services.kills import survives
from tests.services.proxy import Fault, FaultProxy

PAYEE = "0x000000000000000000000000000000000000bEEF"
QUICK = Policy(interval=0.02, idle_interval=0.05)


def payment(amount: int = 1) -> Call:
    return Call(PAYEE, b"", "payment", amount)


def account_of(anvil: Anvil) -> LocalAccount:
    return Account.from_key(anvil.keys[0])


def make_sender(chain: Chain, anvil: Anvil, folder: Path, policy: Policy = QUICK) -> Sender:
    account = account_of(anvil)
    return Sender(
        chain, account, Outbox(open_database(folder / "outbox.db"), account.address), policy
    )


async def until(condition: Callable[[], Any]) -> None:
    while not await condition():
        await asyncio.sleep(0.02)


def test_a_call_is_mined_and_a_repeated_key_is_not_sent_again(anvil, run, tmp_path) -> None:
    async def scenario() -> None:
        async with Chain(anvil.url) as chain, make_sender(chain, anvil, tmp_path) as sender:
            first = await sender.send("pay", payment())
            assert first.status
            assert await sender.send("pay", payment()) == first
            assert await chain.balance(PAYEE) == 1
        async with Chain(anvil.url) as chain, make_sender(chain, anvil, tmp_path) as sender:
            assert await sender.send("pay", payment()) == first
            assert await chain.balance(PAYEE) == 1

    run(scenario())


def test_one_key_sent_by_many_at_once_takes_effect_once(anvil, run, tmp_path) -> None:
    async def scenario() -> None:
        async with Chain(anvil.url) as chain, make_sender(chain, anvil, tmp_path) as sender:
            results = await asyncio.gather(*(sender.send("pay", payment()) for _ in range(5)))
            assert len(set(results)) == 1
            assert await chain.balance(PAYEE) == 1

    run(scenario())


def test_many_calls_at_once_all_take_effect(anvil, run, tmp_path) -> None:
    async def scenario() -> None:
        async with Chain(anvil.url) as chain, make_sender(chain, anvil, tmp_path) as sender:
            await asyncio.gather(*(sender.send(f"pay {i}", payment()) for i in range(10)))
            assert await chain.balance(PAYEE) == 10

    run(scenario())


def test_a_key_is_refused_for_another_call(anvil, run, tmp_path) -> None:
    async def scenario() -> None:
        async with Chain(anvil.url) as chain, make_sender(chain, anvil, tmp_path) as sender:
            await sender.send("pay", payment())
            with pytest.raises(InvalidInput, match="pay was sent before as another call"):
                await sender.send("pay", payment(2))

    run(scenario())


def test_a_call_that_would_revert_is_not_sent_and_names_the_solidity_error(
    anvil, run, tmp_path
) -> None:
    async def scenario() -> None:
        async with Chain(anvil.url) as chain, make_sender(chain, anvil, tmp_path) as sender:
            hub = await deploy_hub(sender)
            data = shipped("ChannelHub").encode("collect", (hub, sender.address, 5))
            with pytest.raises(Rejected) as refused:
                await sender.send("collect", Call(hub, data, "ChannelHub.collect"))
            assert refused.value.reason == f"InsufficientCredit({hub}, {sender.address}, 0, 5)"
            assert await chain.transaction_count(sender.address) == 2

    run(scenario())


async def deploy_hub(sender: Sender) -> str:
    preimages = await sender.send("deploy 1", creation("PreimageRegistry"))
    hub = creation("ChannelHub", sender.address, preimages.created, 60, 3600)
    mined = await sender.send("deploy 2", hub)
    assert mined.created is not None
    return mined.created


def test_an_account_without_funds_is_named_with_what_it_needs(anvil, run, tmp_path) -> None:
    async def scenario() -> None:
        poor = Account.from_key(bytes([7]) * 32)
        outbox = Outbox(open_database(tmp_path / "outbox.db"), poor.address)
        async with Chain(anvil.url) as chain, Sender(chain, poor, outbox, QUICK) as sender:
            with pytest.raises(Rejected, match=f"^{poor.address} needs .* ETH on chain 31337 for"):
                await sender.send("pay", payment())
            await chain.request("anvil_setBalance", poor.address, hex(10**18))
            await sender.send("pay", payment())

    run(scenario())


@pytest.mark.parametrize(
    "fault",
    [
        Fault.ASK_TWICE,
        Fault.ANSWER_TWICE,
        Fault.LOSE_ANSWER,
        Fault.REFUSE,
        Fault.HTML,
        Fault.STRANGER,
    ],
)
def test_every_other_answer_of_the_node_may_fail(anvil, run, tmp_path, fault) -> None:
    async def scenario() -> None:
        plan = lambda method, count: fault if count % 2 == 0 else Fault.NONE  # noqa: E731
        async with (
            FaultProxy(anvil.url, plan) as proxy,
            Chain(proxy.url, pause=0.01) as chain,
            make_sender(chain, anvil, tmp_path) as sender,
        ):
            for deed in range(3):
                await sender.send(f"pay {deed}", payment())
            assert await chain.balance(PAYEE) == 3

    run(scenario())


def test_a_node_that_hangs_is_given_up_and_asked_again(anvil, run, tmp_path) -> None:
    async def scenario() -> None:
        hang = lambda method, count: Fault.SILENCE if count == 0 else Fault.NONE  # noqa: E731
        async with (
            FaultProxy(anvil.url, hang) as proxy,
            Chain(proxy.url, timeout=0.2, pause=0.01) as chain,
            make_sender(chain, anvil, tmp_path) as sender,
        ):
            await sender.send("pay", payment())
            assert await chain.balance(PAYEE) == 1

    run(scenario())


def test_nothing_is_signed_while_the_node_is_away(anvil, run, tmp_path) -> None:
    async def scenario() -> None:
        async with (
            FaultProxy(anvil.url) as proxy,
            Chain(proxy.url, attempts=2, pause=0.01) as chain,
            make_sender(chain, anvil, tmp_path) as sender,
        ):
            proxy.plan = lambda method, count: Fault.REFUSE
            with pytest.raises(Unavailable, match="did not answer"):
                await sender.send("pay", payment())
            proxy.plan = lambda method, count: Fault.NONE
            assert await chain.transaction_count(sender.address) == 0
            await sender.send("pay", payment())
            assert await chain.balance(PAYEE) == 1

    run(scenario())


def test_a_node_that_goes_away_after_the_signing_does_not_lose_the_transaction(
    anvil, run, tmp_path
) -> None:
    async def scenario() -> None:
        async with (
            FaultProxy(anvil.url) as proxy,
            Chain(proxy.url, attempts=1) as chain,
            make_sender(chain, anvil, tmp_path) as sender,
        ):
            proxy.plan = lambda method, count: (
                Fault.REFUSE if method == "eth_sendRawTransaction" and count < 3 else Fault.NONE
            )
            await sender.send("pay", payment())
            assert proxy.seen.count("eth_sendRawTransaction") == 4
            assert await chain.balance(PAYEE) == 1

    run(scenario())


def test_a_stuck_transaction_is_replaced_by_a_dearer_one(anvil, run, tmp_path) -> None:
    async def scenario() -> None:
        async with Chain(anvil.url) as chain, make_sender(chain, anvil, tmp_path) as sender:
            await chain.request("evm_setAutomine", False)
            sending = asyncio.create_task(sender.send("pay", payment()))
            await until(lambda: pending(chain, sender))
            dear = 100 * GWEI
            for _ in range(QUICK.stuck_blocks):
                await chain.request("anvil_setNextBlockBaseFeePerGas", hex(dear))
                await chain.request("anvil_mine", "0x1")
            assert await chain.balance(PAYEE) == 0
            await chain.request("anvil_setNextBlockBaseFeePerGas", hex(dear))
            await chain.request("evm_setAutomine", True)
            mined = await sending
            assert mined.gas_price >= dear
            assert await chain.balance(PAYEE) == 1

    run(scenario())


async def pending(chain: Chain, sender: Sender) -> bool:
    return await chain.transaction_count(sender.address) > 0


def test_a_transaction_under_way_is_sent_again_when_a_reorganisation_drops_it(
    anvil, run, tmp_path
) -> None:
    async def scenario() -> None:
        policy = Policy(confirmations=3, interval=0.02)
        async with Chain(anvil.url) as chain, make_sender(chain, anvil, tmp_path, policy) as sender:
            await chain.request("anvil_mine", "0x5")
            sending = asyncio.create_task(sender.send("pay", payment()))
            await until(lambda: balance(chain))
            await chain.request("anvil_reorg", 1, [])
            assert await chain.balance(PAYEE) == 0
            await until(lambda: balance(chain))
            await chain.request("anvil_mine", "0x2")
            await sending
            assert await chain.balance(PAYEE) == 1

    run(scenario())


async def balance(chain: Chain) -> int:
    return await chain.balance(PAYEE)


def test_a_concluded_transaction_is_sent_again_when_a_reorganisation_drops_it(
    anvil, run, tmp_path
) -> None:
    async def scenario() -> None:
        async with Chain(anvil.url) as chain, make_sender(chain, anvil, tmp_path) as sender:
            mined = await sender.send("pay", payment())
            await chain.request("anvil_reorg", 1, [])
            assert await chain.balance(PAYEE) == 0
            await until(lambda: balance(chain))
            again = await sender.send("pay", payment())
            assert again.transaction == mined.transaction
            assert await chain.balance(PAYEE) == 1

    run(scenario())


def test_a_restarted_node_that_forgot_the_transaction_gets_it_again(run, tmp_path) -> None:
    async def scenario() -> None:
        state = tmp_path / "chain.json"
        anvil = Anvil.start(state=state, arguments=("--no-mining",))
        try:
            async with Chain(anvil.url) as chain, make_sender(chain, anvil, tmp_path) as sender:
                sending = asyncio.create_task(sender.send("pay", payment()))
                await until(lambda: pending(chain, sender))
                port = anvil.port
                anvil.stop()
                anvil = Anvil.start(state=state, port=port)
                await sending
                assert await chain.balance(PAYEE) == 1
        finally:
            anvil.stop()

    run(scenario())


def test_a_nonce_taken_by_another_process_is_given_up_for_a_new_one(anvil, run, tmp_path) -> None:
    async def scenario() -> None:
        async with Chain(anvil.url) as chain, make_sender(chain, anvil, tmp_path) as sender:
            await chain.request("evm_setAutomine", False)
            sending = asyncio.create_task(sender.send("pay", payment()))
            await until(lambda: pending(chain, sender))
            await chain.broadcast(foreign(anvil, nonce=0))
            await chain.request("evm_setAutomine", True)
            await chain.request("anvil_mine", "0x1")
            await sending
            assert await chain.balance(PAYEE) == 1
            assert await chain.transaction_count(sender.address) == 2

    run(scenario())


def foreign(anvil: Anvil, nonce: int) -> bytes:
    fields = {
        "type": 2,
        "chainId": 31337,
        "nonce": nonce,
        "gas": 21000,
        "maxFeePerGas": 400 * GWEI,
        "maxPriorityFeePerGas": 300 * GWEI,
        "value": 0,
        "to": "0x000000000000000000000000000000000000dEaD",
    }
    return bytes(account_of(anvil).sign_transaction(fields).raw_transaction)


def test_a_node_that_lags_with_its_receipts_does_not_make_it_pay_twice(
    anvil, run, tmp_path
) -> None:
    async def scenario() -> None:
        async with (
            FaultProxy(anvil.url) as proxy,
            Chain(proxy.url, pause=0.01) as chain,
            make_sender(chain, anvil, tmp_path) as sender,
        ):
            proxy.rewrite["eth_getTransactionReceipt"] = lambda result: None
            sending = asyncio.create_task(sender.send("pay", payment()))
            await until(lambda: balance(chain))
            await until(lambda: asked(proxy, "eth_getTransactionReceipt", 5))
            proxy.rewrite.clear()
            await sending
            assert await chain.balance(PAYEE) == 1
            assert await chain.transaction_count(sender.address) == 1

    run(scenario())


async def asked(proxy: FaultProxy, method: str, times: int) -> bool:
    return proxy.seen.count(method) >= times


def test_what_the_node_never_takes_frees_its_nonce_for_the_next(anvil, run, tmp_path) -> None:
    async def scenario() -> None:
        async with (
            FaultProxy(anvil.url) as proxy,
            Chain(proxy.url) as chain,
            make_sender(chain, anvil, tmp_path) as sender,
        ):
            proxy.plan = lambda method, count: (
                Fault.DENY if method == "eth_sendRawTransaction" and count == 0 else Fault.NONE
            )
            with pytest.raises(Rejected, match="payment failed: against policy"):
                await sender.send("pay", payment())
            await sender.send("pay again", payment())
            assert await chain.balance(PAYEE) == 1
            assert await chain.transaction_count(sender.address) == 2

    run(scenario())


def test_an_outbox_of_another_chain_is_refused(anvil, run, tmp_path) -> None:
    async def scenario() -> None:
        async with Chain(anvil.url) as chain, make_sender(chain, anvil, tmp_path) as sender:
            await sender.send("pay", payment())
        with Anvil.start(arguments=("--timestamp", "1700000000")) as other:
            async with Chain(other.url) as chain:
                with pytest.raises(InvalidInput, match="belong to another chain"):
                    await make_sender(chain, anvil, tmp_path).start()

    run(scenario())


@pytest.mark.parametrize("after", [False, True])
def test_a_process_killed_at_any_commit_pays_each_deed_once(anvil, run, tmp_path, after) -> None:
    deeds = 3

    def scenario() -> None:
        async def pay() -> None:
            async with Chain(anvil.url) as chain, make_sender(chain, anvil, tmp_path) as sender:
                for deed in range(deeds):
                    await sender.send(f"pay {deed}", payment())

        asyncio.run(pay())

    commits = 0
    while not survives(scenario, commits, after=after):
        commits += 1

    async def check() -> None:
        async with Chain(anvil.url) as chain:
            assert await chain.balance(PAYEE) == deeds
            assert await chain.transaction_count(account_of(anvil).address) == deeds

    run(check())
    assert commits >= 2
