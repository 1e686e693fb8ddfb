"""What does the roll-up cost in gas, per opinion and per score?

    python -m benchmarks.rollup_gas [--write]      --write keeps them in rollup_gas.json

Batches of 1,000 opinions on 100 providers by 5,000 clients, as calldata, on an Anvil of its own
(Prague). Fees lie between 0.001 and 1 token, evenly by their logarithm; four of five opinions are
satisfied. Every figure is the `gasUsed` of receipts, so it includes the 21,000 of each transaction
and the floor price of calldata (EIP-7623). Times are set, so that the same code gives the same gas.
"""

from __future__ import annotations

import argparse
import json
import random
from importlib import resources
from pathlib import Path
from typing import Any

from web3 import HTTPProvider, Web3
from web3.types import RPCEndpoint

from handfast.chain.anvil import Anvil
from handfast.protocol.constants import FEE_UNIT, TOKEN_SUPPLY
from handfast.reputation.batches import Batch, Entry, apply_opinions, apply_scores
from handfast.reputation.encoding import Header
from handfast.reputation.state import State

OPINIONS, PROVIDERS, CLIENTS, FAVOURITES = 1_000, 100, 5_000, 3
HISTORY = 30
REGISTERED = PROVIDERS + CLIENTS
BOND, EPOCH, WINDOW = 10**18, 1_000_000, 1_000
ARCHIVE = bytes(range(1, 33))
RESULT = Path(__file__).with_suffix(".json")
TARGET = 400
GAS_LIMIT = 1 << 24


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
        self.now = web3.eth.get_block("latest")["timestamp"] // EPOCH * EPOCH + EPOCH
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
        self.now += 12
        self.web3.provider.make_request(RPCEndpoint("evm_setNextBlockTimestamp"), [self.now])
        receipt = self.web3.eth.wait_for_transaction_receipt(
            call.transact({"from": self.account, "gas": GAS_LIMIT})
        )
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

    def finalise(self, headers: list[Header]) -> int:
        """Finalise batches; returns the gas."""
        encoded = [tuple(getattr(each, name) for name in Header.__slots__) for each in headers]
        return int(self._send(self.rollup.functions.finalise(encoded))["gasUsed"])


def figure(batch: Batch, gas: int) -> int:
    """Gas per row, rounded up; prints what of it the calldata has to cost at least."""
    rows = len(batch.sums) or batch.words.opinions - batch.before.opinions
    data = batch.data
    zeros = data.count(0)
    floor = (10 * zeros + 40 * (len(data) - zeros)) / rows
    print(
        f"  {gas:,} for {rows:,}: {gas / rows:.1f} each, of it {floor:.1f} for data "
        f"({len(data) / rows:.1f} bytes each, {len(batch.segments)} segments)"
    )
    return -(-gas // rows)


def measure(proposer: Proposer) -> dict[str, int]:
    """All figures, by what they are the gas of."""
    market, state = Market(1), State()
    figures: dict[str, int] = {}

    def post(name: str, loyal: bool) -> None:
        print(name)
        batch = apply_opinions(state, market.entries(state, OPINIONS, loyal), 1, REGISTERED)
        figures[name] = figure(batch, proposer.post(batch))

    post("opinion, every client new to its provider", True)
    for _ in range(HISTORY):
        batch = apply_opinions(state, market.entries(state, OPINIONS, True), 1, REGISTERED)
        proposer.post(batch)
    post(f"opinion, clients true to {FAVOURITES} providers each", True)
    post("opinion, clients go anywhere, nearly all new there", False)
    proposer.now += EPOCH
    print("score, all providers at an epoch's end")
    scores = apply_scores(state, 1)
    figures["score, all providers at an epoch's end"] = figure(scores, proposer.post(scores))
    proposer.now += WINDOW
    figures["finalise one batch"] = proposer.finalise(proposer.headers[:1])
    several = proposer.headers[1:11]
    figures["finalise, each of ten batches"] = proposer.finalise(several) // len(several)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--write", action="store_true")
    write = parser.parse_args().write
    with Anvil.start(arguments=("--hardfork", "prague")) as anvil:
        figures = measure(Proposer(Web3(HTTPProvider(anvil.url))))
    width = max(map(len, figures))
    for name, gas in figures.items():
        verdict = ""
        if name.startswith("opinion"):
            verdict = f"  to reach < {TARGET}: {'reached' if gas < TARGET else 'MISSED'}"
        print(f"{name:<{width}} {gas:>8,}{verdict}")
    print(f"kept on chain for ever: 32 bytes a batch, {32 / OPINIONS:.3f} bytes an opinion")
    if write:
        RESULT.write_text(json.dumps({"gas": figures}, indent=1) + "\n")


if __name__ == "__main__":
    main()
