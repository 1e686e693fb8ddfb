"""Events arrive in order and once per canonical chain; changed history is taken back. (PR-12)"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from eth_account import Account

from handfast.chain.anvil import Anvil
from handfast.chain.client import Call, Chain, Contract, Mined, creation
from handfast.chain.follower import (
    Advanced,
    Cursor,
    Follower,
    RolledBack,
    load_cursor,
    prepare_cursors,
    save_cursor,
)
from handfast.chain.rules import GWEI
from handfast.database import open_database
from handfast.errors import InvalidInput, Rejected, Unavailable
from tests.services.kills import survives
from tests.services.proxy import Fault, FaultProxy


class PreimageRegistry(Contract):
    def reveal(self, preimage: int) -> Call:
        return self._call("reveal", preimage.to_bytes(32, "big"))


@dataclass
class Town:
    """A chain with one contract and one account that sends without care."""

    chain: Chain
    anvil: Anvil
    nonce: int = 0
    mining: bool = True
    preimages: PreimageRegistry = field(init=False)

    def sign(self, call: Call) -> Any:
        fields: dict[str, Any] = {
            "chainId": 31337,
            "nonce": self.nonce,
            "gas": 1_000_000,
            "gasPrice": 100 * GWEI,
            "data": call.data,
        }
        if call.to is not None:
            fields["to"] = call.to
        self.nonce += 1
        return Account.from_key(self.anvil.keys[0]).sign_transaction(fields)

    async def send(self, call: Call) -> Mined | None:
        signed = self.sign(call)
        await self.chain.broadcast(bytes(signed.raw_transaction))
        mined = None
        while self.mining and mined is None:
            mined = await self.chain.mined(bytes(signed.hash))
        return mined

    async def deploy(self) -> None:
        mined = await self.send(creation("PreimageRegistry"))
        assert mined is not None
        assert mined.created is not None
        self.preimages = PreimageRegistry(self.chain, mined.created)

    async def reveal(self, *preimages: int) -> None:
        for preimage in preimages:
            await self.send(self.preimages.reveal(preimage))

    async def mine(self, blocks: int) -> None:
        await self.chain.request("anvil_mine", hex(blocks))

    async def reorganise(self, depth: int, *preimages: int) -> None:
        """Replace the last blocks; their first one reveals these instead."""
        self.nonce = await self.chain.transaction_count(
            Account.from_key(self.anvil.keys[0]).address,
            (await self.chain.head()).number - depth,
        )
        raw = [self.sign(self.preimages.reveal(value)).raw_transaction for value in preimages]
        signed = [["0x" + bytes(item).hex(), 0] for item in raw]
        await self.chain.request("anvil_reorg", depth, signed)


@dataclass
class Reader:
    """Applies what a follower says, as a process would."""

    follower: Follower
    cursor: Cursor
    seen: list[tuple[int, int]] = field(default_factory=list)
    rollbacks: int = 0

    async def read(self) -> list[int]:
        """Follow until nothing is new; the preimages that stand revealed, in order."""
        while True:
            try:
                step = await self.follower.next(self.cursor)
            except Unavailable:
                continue
            match step:
                case None:
                    return [preimage for _, preimage in self.seen]
                case Advanced(cursor, blocks):
                    for block in blocks:
                        self.seen += [(block.number, value) for value in revealed(block.events)]
                case RolledBack(cursor):
                    self.rollbacks += 1
                    self.seen = [seen for seen in self.seen if seen[0] <= cursor.tip.number]
            self.cursor = cursor


def revealed(events: Sequence[Any]) -> list[int]:
    assert all(event.name == "PreimageRevealed" for event in events)
    return [int.from_bytes(event.arguments["preimage"], "big") for event in events]


async def follow(town: Town, chain: Chain | None = None, **options: Any) -> Reader:
    follower = Follower(chain or town.chain, [town.preimages], **options)
    return Reader(follower, await follower.origin())


@pytest.fixture
def town(anvil, run):
    def scenario(play: Any) -> None:
        async def wrapped() -> None:
            async with Chain(anvil.url) as chain:
                town = Town(chain, anvil)
                await town.deploy()
                await play(town)

        run(wrapped())

    return scenario


def test_events_arrive_in_order_and_once(town) -> None:
    async def play(town: Town) -> None:
        reader = await follow(town)
        await town.reveal(1, 2)
        assert await reader.read() == [1, 2]
        await town.mine(3)
        await town.chain.request("evm_setAutomine", False)
        town.mining = False
        await town.reveal(3, 4, 5)
        await town.mine(1)
        assert await reader.read() == [1, 2, 3, 4, 5]
        assert reader.rollbacks == 0

    town(play)


def test_a_long_past_is_read_by_ranges_and_the_present_block_by_block(town) -> None:
    async def play(town: Town) -> None:
        await town.reveal(1)
        await town.mine(300)
        await town.reveal(2)
        await town.mine(200)
        await town.reveal(3)
        async with FaultProxy(town.anvil.url) as proxy, Chain(proxy.url) as chain:
            reader = await follow(town, chain)
            assert await reader.read() == [1, 2, 3]
            assert proxy.seen.count("eth_getLogs") < 80
            assert len(reader.cursor.points) < 100

    town(play)


def test_a_node_that_limits_ranges_is_asked_for_smaller_ones(town) -> None:
    async def play(town: Town) -> None:
        await town.reveal(1)
        await town.mine(300)
        await town.reveal(2)
        await town.mine(100)
        async with FaultProxy(town.anvil.url) as proxy, Chain(proxy.url) as chain:
            proxy.plan = lambda method, count: (
                Fault.DENY if method == "eth_getLogs" and count < 4 else Fault.NONE
            )
            reader = await follow(town, chain)
            assert await reader.read() == [1, 2]

    town(play)


def test_a_reorganisation_takes_back_its_events_and_brings_the_new_ones(town) -> None:
    async def play(town: Town) -> None:
        reader = await follow(town)
        await town.reveal(1, 2, 3)
        assert await reader.read() == [1, 2, 3]
        await town.reorganise(2, 7)
        assert await reader.read() == [1, 7]
        assert reader.rollbacks == 1
        await town.reveal(8)
        assert await reader.read() == [1, 7, 8]

    town(play)


def test_a_reorganisation_deeper_than_all_remembered_blocks_is_found_too(town) -> None:
    async def play(town: Town) -> None:
        reader = await follow(town)
        await town.reveal(1)
        await town.mine(150)
        await town.reveal(2)
        assert await reader.read() == [1, 2]
        await town.reorganise(151, 9)
        assert await reader.read() == [1, 9]

    town(play)


def test_unconfirmed_events_are_held_back_and_their_reorganisation_is_never_noticed(town) -> None:
    async def play(town: Town) -> None:
        reader = await follow(town, confirmations=3)
        await town.reveal(1, 2, 3)
        assert await reader.read() == [1]
        await town.reorganise(2, 7)
        await town.mine(4)
        assert await reader.read() == [1, 7]
        assert reader.rollbacks == 0

    town(play)


def test_a_chain_that_was_cut_shorter_is_waited_for(town) -> None:
    async def play(town: Town) -> None:
        reader = await follow(town)
        snapshot = await town.chain.request("evm_snapshot")
        await town.reveal(1, 2)
        assert await reader.read() == [1, 2]
        await town.chain.request("evm_revert", snapshot)
        town.nonce -= 2
        assert await reader.read() == [1, 2]
        await town.reveal(5, 6)
        assert await reader.read() == [5, 6]

    town(play)


@pytest.mark.parametrize(
    "fault", [Fault.LOSE_ANSWER, Fault.ANSWER_TWICE, Fault.STRANGER, Fault.REFUSE, Fault.HTML]
)
def test_no_event_is_lost_or_repeated_while_every_third_answer_fails(town, fault) -> None:
    async def play(town: Town) -> None:
        async with (
            FaultProxy(town.anvil.url) as proxy,
            Chain(proxy.url, pause=0.001) as chain,
        ):
            reader = await follow(town, chain)
            proxy.plan = lambda method, count: fault if len(proxy.seen) % 3 == 0 else Fault.NONE
            await town.reveal(1, 2)
            await town.mine(100)
            await town.reveal(3, 4)
            assert await reader.read() == [1, 2, 3, 4]

    town(play)


def test_another_chain_is_refused(town) -> None:
    async def play(town: Town) -> None:
        reader = await follow(town)
        await town.reveal(1)
        await reader.read()
        with Anvil.start(arguments=("--timestamp", "1700000000")) as other:
            async with Chain(other.url) as chain:
                await chain.request("anvil_mine", "0x5")
                reader.follower = Follower(chain, [town.preimages])
                with pytest.raises(InvalidInput, match="the node is on another chain"):
                    await reader.read()

    town(play)


def test_reading_where_no_contract_is_says_so(town) -> None:
    async def play(town: Town) -> None:
        nowhere = PreimageRegistry(town.chain, "0x000000000000000000000000000000000000bEEF")
        with pytest.raises(Rejected, match="there is no PreimageRegistry at"):
            await nowhere._read("revealedAt", bytes(32))

    town(play)


@pytest.mark.parametrize("after", [False, True])
def test_a_process_killed_at_any_commit_neither_loses_nor_repeats_an_event(
    anvil, run, tmp_path, after
) -> None:
    async def prepare() -> Town:
        async with Chain(anvil.url) as chain:
            town = Town(chain, anvil)
            await town.deploy()
            for preimage in range(1, 7):
                await town.reveal(preimage)
                await town.mine(10)
            return town

    address = run(prepare()).preimages.address

    def scenario() -> None:
        asyncio.run(consume(anvil.url, address, tmp_path))

    commits = 0
    while not survives(scenario, commits, after=after):
        commits += 1
    engine = open_database(tmp_path / "events.db")
    with engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT preimage FROM seen ORDER BY rowid").scalars()
        assert list(rows) == [1, 2, 3, 4, 5, 6]
    assert commits >= 3


async def consume(url: str, address: str, folder: Any) -> None:
    engine = open_database(folder / "events.db")
    with engine.begin() as connection:
        prepare_cursors(connection)
        connection.exec_driver_sql("CREATE TABLE IF NOT EXISTS seen (preimage INTEGER)")
    async with Chain(url) as chain:
        follower = Follower(chain, [PreimageRegistry(chain, address)])
        with engine.connect() as connection:
            cursor = load_cursor(connection, "test") or await follower.origin()
        while isinstance(step := await follower.next(cursor), Advanced):
            with engine.begin() as connection:
                for block in step.blocks:
                    for preimage in revealed(block.events):
                        connection.exec_driver_sql("INSERT INTO seen VALUES (?)", (preimage,))
                save_cursor(connection, "test", step.cursor)
            cursor = step.cursor
