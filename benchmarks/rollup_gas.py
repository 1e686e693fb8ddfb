"""What does the roll-up cost in gas, per opinion and per score?

python -m benchmarks.rollup_gas

Batches of 1,000 opinions on 100 providers by 5,000 clients, as calldata, on Anvil. Fees lie between
0.001 and 1 token, evenly by their logarithm. Gas is what the receipts say; the rows below split it.
"""

from __future__ import annotations

import json
import random
from importlib import resources
from typing import Any

from web3 import HTTPProvider, Web3

from handfast.chain.anvil import Anvil
from handfast.protocol.constants import FEE_UNIT, TOKEN_SUPPLY, BatchKind
from handfast.reputation.batches import Batch, Entry, apply_opinions, apply_scores
from handfast.reputation.encoding import Header
from handfast.reputation.state import State

OPINIONS, PROVIDERS, CLIENTS, FAVOURITES = 1_000, 100, 5_000, 3
HISTORY = 30
REGISTERED = PROVIDERS + CLIENTS
BOND, EPOCH, WINDOW = 10**18, 1_000_000, 1_000
ARCHIVE = bytes(range(1, 33))


class Market:
    """Who rates whom: a client keeps to a few favourite providers, or goes anywhere."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        providers = range(1, PROVIDERS + 1)
        self.favourites = [self.random.sample(providers, FAVOURITES) for _ in range(CLIENTS)]

    def entries(self, state: State, count: int, loyal: bool) -> list[Entry]:
        """The next opinions, with the nonces that follow."""
        nonces: dict[tuple[int, int], int] = {}
        entries = []
        for _ in range(count):
            number = self.random.randrange(CLIENTS)
            client = PROVIDERS + 1 + number
            choice = self.favourites[number] if loyal else range(1, PROVIDERS + 1)
            provider = self.random.choice(choice)
            last = nonces.get((provider, client), state.last_nonce(provider, client))
            nonces[provider, client] = nonce = last + 1 + (self.random.random() < 0.1)
            fee = int(10 ** self.random.uniform(15, 18)) // FEE_UNIT
            entries.append(Entry(provider, client, nonce, fee, self.random.random() < 0.8))
        return entries


class Proposer:
    """Posts batches on a chain of its own and reads what they cost."""

    def __init__(self, web3: Web3) -> None:
        self.web3 = web3
        self.account = web3.eth.accounts[0]
        parts = [(self.account, TOKEN_SUPPLY), *[(self.account, 0)] * 3]
        self.token = self._deploy("MarketToken", self.account, parts)
        self.rollup = self._deploy("ReputationRollup", self.token.address, 1, EPOCH, WINDOW, BOND)
        self._send(self.token.functions.approve(self.rollup.address, TOKEN_SUPPLY))
        self._send(self.rollup.functions.deposit(TOKEN_SUPPLY // 2))
        self.headers: list[Header] = []

    def _deploy(self, name: str, *arguments: Any) -> Any:
        text = resources.files("handfast.abi").joinpath(f"{name}.json").read_text()
        shipped = json.loads(text)
        factory = self.web3.eth.contract(abi=shipped["abi"], bytecode=shipped["bytecode"])
        receipt = self._send(factory.constructor(*arguments))
        return self.web3.eth.contract(receipt["contractAddress"], abi=shipped["abi"])

    def _send(self, call: Any) -> Any:
        receipt = self.web3.eth.wait_for_transaction_receipt(call.transact({"from": self.account}))
        assert receipt["status"] == 1
        return receipt

    def post(self, batch: Batch) -> int:
        """Post a batch; returns its gas."""
        tip = self.headers[-1].hash() if self.headers else bytes(32)
        words = (batch.epoch, batch.levy, tip, batch.folds, ARCHIVE)
        posting = (0, int(batch.kind), batch.closes, *words)
        receipt = self._send(self.rollup.functions.post(posting, batch.data))
        block = self.web3.eth.get_block(receipt["blockNumber"])
        number = len(self.headers) + 1
        header = batch.header(number, tip, block["timestamp"], self.account, ARCHIVE)
        assert self.rollup.functions.batchOf(0, number).call() == header.hash()
        self.headers.append(header)
        return int(receipt["gasUsed"])

    def wait(self, seconds: int) -> None:
        """Let time pass."""
        self.web3.provider.make_request("evm_increaseTime", [seconds])  # type: ignore[arg-type]
        self.web3.provider.make_request("evm_mine", [])  # type: ignore[arg-type]

    def finalise(self, headers: list[Header]) -> int:
        """Finalise batches; returns the gas."""
        encoded = [tuple(getattr(each, name) for name in Header.__slots__) for each in headers]
        return int(self._send(self.rollup.functions.finalise(encoded))["gasUsed"])


def show(label: str, batch: Batch, gas: int) -> None:
    """Print a batch's gas per row, and what of it its calldata has to cost at least."""
    rows = len(batch.sums) or batch.words.opinions - batch.before.opinions
    each = "opinion" if batch.kind is BatchKind.OPINIONS else "score"
    data = batch.data
    zeros = data.count(0)
    floor = (10 * zeros + 40 * (len(data) - zeros)) / rows
    print(
        f"{label}: {gas / rows:.1f} gas per {each}\n"
        f"    {gas:,} for {rows:,}, of it {floor:.1f} each for data by EIP-7623 "
        f"({len(data) / rows:.1f} bytes each, {len(batch.segments)} segments)"
    )


def main() -> None:
    with Anvil.start() as anvil:
        proposer, market, state = Proposer(Web3(HTTPProvider(anvil.url))), Market(1), State()

        def opinions(loyal: bool) -> tuple[Batch, int]:
            entries = market.entries(state, OPINIONS, loyal)
            batch = apply_opinions(state, entries, 1, REGISTERED)
            return batch, proposer.post(batch)

        show("first batch, every client new to its provider", *opinions(True))
        for _ in range(HISTORY):
            opinions(True)
        show(f"after {HISTORY} batches, clients true to {FAVOURITES} providers", *opinions(True))
        show("the same, clients anywhere, nearly all new there", *opinions(False))
        proposer.wait(EPOCH)
        scores = apply_scores(state, 1)
        show("scores at the end of the epoch", scores, proposer.post(scores))
        proposer.wait(WINDOW)
        print(f"finalise one batch: {proposer.finalise(proposer.headers[:1]):,} gas")
        several = proposer.headers[1:11]
        print(f"finalise ten: {proposer.finalise(several) / len(several):,.0f} gas each")
        kept = 32 / OPINIONS
        print(f"kept on chain for ever: 32 bytes a batch, {kept:.3f} per opinion")


if __name__ == "__main__":
    main()
