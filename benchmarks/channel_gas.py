"""What do the steps of a channel's life cost, as whole transactions, beside what others pay?

    python -m benchmarks.channel_gas [--write]      --write keeps them in channel_gas.json

Runs on an Anvil of its own (Prague). Every figure is the `gasUsed` of receipts, so it includes the
21,000 of each transaction, its calldata and the refunds. Each step is repeated with other channels
and amounts, blocks lie a varying number of seconds apart, and the largest figure counts. Accounts
that are paid exist already; in tokens, both parties held some before ("steady") or the provider
holds none yet when it is paid ("first"). The opening draws the provider's deposit from its credit;
the `fund` that made it is a line of its own, since one serves all the channels that clients open
with it, and the comparison shows both ways to count. What a party sends needs no signature of its
own. The others' figures were measured in the same way; Raiden holds tokens only.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Callable
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

from eth_typing import ChecksumAddress
from web3 import HTTPProvider, Web3
from web3.contract import Contract
from web3.contract.contract import ContractFunction
from web3.types import RPCEndpoint, TxParams, Wei

import handfast
from handfast.chain.anvil import CHAIN_ID, Anvil
from handfast.channels.rules import id_of, leaf_of
from handfast.channels.state import NATIVE, Lock, Parameters
from handfast.crypto.ecdsa import Signer
from handfast.crypto.keccak import keccak
from handfast.crypto.merkle import MerkleTree
from handfast.protocol.constants import TOKEN_SUPPLY, Direction, LockOutcome
from handfast.protocol.messages import (
    CooperativeClose,
    Domain,
    Opening,
    SignedMessage,
    State,
    Withdrawal,
)

RESULT = Path(__file__).with_suffix(".json")
ABIS = Path(handfast.__file__).parent / "abi"
REPEATS = 5
DAY = 86_400
ETHER = 10**18

# Open with both deposits, cooperative close, forced exit with one hash lock; on Anvil, Prague.
OTHERS = {
    "Raiden": (238_418, 141_873, 459_355),
    "Nitro": (76_100, 92_447, 220_900),
    "Perun": (91_674, 226_952, 362_506),
    "Connext Vector": (194_614, 180_597, 684_278),
}
HEADINGS = ("open, both deposits", "cooperative close", "forced exit, 1 lock")
COMPARED = (
    "open, both deposits",
    "cooperative close with products root",
    "forced exit with one lock, total",
)
TARGETS = {
    "open, both deposits, ETH": 75_000,
    "open, both deposits, ERC-20 steady": 150_000,
    "cooperative close with products root, ETH": 85_000,
    "forced exit with one lock, total, ETH": 200_000,
}


class Town:
    """A chain with the contracts on it, one client and one provider."""

    def __init__(self, anvil: Anvil) -> None:
        self.web3 = Web3(HTTPProvider(anvil.url))
        self.random = random.Random(2026)
        self.client, self.provider, self.owner, self.stranger = (
            Signer(bytes.fromhex(key[2:])) for key in anvil.keys[:4]
        )
        owner = self.address(self.owner)
        self.preimages = self._deploy("PreimageRegistry")
        self.hub = self._deploy("ChannelHub", owner, self.preimages.address, 3_600, 30 * DAY)
        share = (owner, TOKEN_SUPPLY // 4)
        self.token = self._deploy("MarketToken", owner, (share, share, share, share))
        self.domain = Domain(CHAIN_ID, self.hub.address)
        self._prepare()

    def _prepare(self) -> None:
        send = self.send
        send(self.owner, self.hub.functions.allowToken(self.token.address))
        for party in (self.client, self.provider):
            send(self.owner, self.token.functions.transfer(self.address(party), 10**6 * ETHER))
            send(party, self.token.functions.approve(self.hub.address, 2**256 - 1))

    def newcomer(self) -> Signer:
        """A provider that exists and never held a token."""
        signer = Signer(self.word())
        self._tell("anvil_setBalance", self.address(signer), hex(10**6 * ETHER))
        self._tell("anvil_impersonateAccount", self.address(signer))
        return signer

    def _tell(self, method: str, *parameters: Any) -> None:
        self.web3.provider.make_request(RPCEndpoint(method), list(parameters))

    def _deploy(self, name: str, *arguments: Any) -> Contract:
        shipped = json.loads((ABIS / f"{name}.json").read_text())
        factory = self.web3.eth.contract(abi=shipped["abi"], bytecode=shipped["bytecode"])
        mined = factory.constructor(*arguments).transact({"from": self.address(self.owner)})
        receipt = self.web3.eth.wait_for_transaction_receipt(mined)
        return factory(receipt["contractAddress"])

    @staticmethod
    def address(signer: Signer) -> ChecksumAddress:
        return Web3.to_checksum_address(signer.address)

    @property
    def time(self) -> int:
        return self.web3.eth.get_block("latest")["timestamp"]

    def pass_time(self, seconds: int) -> None:
        self._tell("evm_increaseTime", seconds)

    def send(self, sender: Signer, call: ContractFunction, value: int = 0) -> int:
        """Gas used by a call in a block some seconds later."""
        self.pass_time(self.random.randint(1, 40))
        fields: TxParams = {"from": self.address(sender), "value": Wei(value), "gas": 2_000_000}
        receipt = self.web3.eth.wait_for_transaction_receipt(call.transact(fields))
        assert receipt["status"] == 1, f"{call.fn_name} reverted"
        return receipt["gasUsed"]

    def word(self) -> bytes:
        return self.random.randbytes(32)

    def sign(self, signer: Signer, message: SignedMessage) -> bytes:
        return signer.sign(message.digest(self.domain))


@dataclass(frozen=True, slots=True)
class Channel:
    """One channel of the town, with its parties' deposits."""

    town: Town
    provider: Signer
    parameters: Parameters
    client_deposit: int
    provider_deposit: int

    @classmethod
    def draft(cls, town: Town, token: str, provider: Signer) -> Channel:
        parties = town.address(town.client), town.address(provider)
        parameters = Parameters(*parties, token, DAY, town.word())
        deposits = (town.random.randrange(ETHER, 9 * ETHER) for _ in range(2))
        return cls(town, provider, parameters, *deposits)

    @property
    def is_native(self) -> bool:
        return self.parameters.token == NATIVE

    @property
    def id(self) -> bytes:
        return id_of(self.parameters)

    def open(self) -> int:
        town = self.town
        opening = Opening(self.id, self.client_deposit, self.provider_deposit, town.time + DAY)
        call = town.hub.functions.open(
            astuple(self.parameters),
            *astuple(opening)[1:],
            town.sign(self.provider, opening),
        )
        return town.send(town.client, call, self.client_deposit if self.is_native else 0)

    def fund(self, multiple: int) -> int:
        amount = multiple * self.provider_deposit
        token = self.parameters.token
        call = self.town.hub.functions.fund(token, self.parameters.provider, amount)
        payer = self.provider if self.is_native else self.town.client
        return self.town.send(payer, call, amount if self.is_native else 0)

    def state(self, version: int, products_root: bytes, lock: Lock | None = None) -> State:
        by_client = lock.amount if lock else 0
        root = MerkleTree([leaf_of(lock)]).root if lock else bytes(32)
        moved = self.client_deposit // 3
        return State(self.id, version, moved, by_client, 0, root, products_root)

    def register(self, sender: Signer, state: State) -> int:
        other = self.provider if sender is self.town.client else self.town.client
        signature = self.town.sign(other, state)
        pair = (b"", signature) if sender is self.town.client else (signature, b"")
        call = self.town.hub.functions.registerState(
            astuple(self.parameters), astuple(state), *pair
        )
        return self.town.send(sender, call)

    def finish(self, sender: Signer, state: State, locks: list[Any], how: str = "settle") -> int:
        call = self.town.hub.functions[how](astuple(self.parameters), astuple(state), locks)
        return self.town.send(sender, call)


Costs = dict[str, int]


def opened(town: Town, token: str, provider: Signer) -> Channel:
    channel = Channel.draft(town, token, provider)
    channel.fund(2)
    channel.open()
    return channel


def opening(town: Town, token: str, provider: Signer) -> Costs:
    channel = Channel.draft(town, token, provider)
    return {"fund (one-off, again)": channel.fund(2), "open, both deposits": channel.open()}


def top_up_and_withdrawal(town: Town, token: str, provider: Signer) -> Costs:
    channel = opened(town, token, provider)
    amount = town.random.randrange(ETHER)
    parameters = astuple(channel.parameters)
    more = town.hub.functions.topUp(parameters, town.address(town.client), amount)
    withdrawal = Withdrawal(channel.id, town.client.address, amount, town.time + DAY)
    signature = town.sign(provider, withdrawal)
    account, total, deadline = town.address(town.client), amount, withdrawal.deadline
    out = town.hub.functions.withdraw(parameters, account, total, deadline, b"", signature)
    return {
        "top up": town.send(town.client, more, amount if channel.is_native else 0),
        "withdraw": town.send(town.client, out),
    }


def cooperative_close(town: Town, token: str, provider: Signer) -> Costs:
    channel = opened(town, token, provider)
    close = CooperativeClose(channel.id, channel.client_deposit // 3, town.word(), town.time + DAY)
    signature = town.sign(provider, close)
    call = town.hub.functions.closeCooperatively(
        astuple(channel.parameters), *astuple(close)[1:], b"", signature
    )
    cost = {"cooperative close with products root": town.send(town.client, call)}
    channel = opened(town, token, provider)
    close = CooperativeClose(channel.id, channel.client_deposit // 3, town.word(), town.time + DAY)
    pair = town.sign(town.client, close), town.sign(provider, close)
    call = town.hub.functions.closeCooperatively(
        astuple(channel.parameters), *astuple(close)[1:], *pair
    )
    return cost | {"cooperative close sent by a third party": town.send(town.stranger, call)}


def forced_exit(town: Town, token: str, provider: Signer) -> Costs:
    """The client is gone with a lock pending; its provider, which has the preimage, exits alone."""
    register, reveal, settle = exit_with_lock(town, token, provider, bytes(32))
    with_products = sum(exit_with_lock(town, token, provider, town.word()))
    return {
        "forced exit with one lock: register state": register,
        "forced exit with one lock: reveal": reveal,
        "forced exit with one lock: settle with the lock": settle,
        "forced exit with one lock, total": register + reveal + settle,
        "forced exit with one lock, total, storing a products root, too": with_products,
    }


def exit_with_lock(town: Town, token: str, provider: Signer, products: bytes) -> tuple[int, ...]:
    channel = opened(town, token, provider)
    secret = town.word()
    amount, expiry = town.random.randrange(ETHER), town.time + DAY // 2
    lock = Lock(Direction.TO_PROVIDER, amount, keccak(secret), expiry, town.word(), 1)
    state = channel.state(2, products, lock)
    register = channel.register(provider, state)
    reveal = town.send(provider, town.preimages.functions.reveal(secret))
    town.pass_time(DAY + 1)
    settle = channel.finish(provider, state, [(astuple(lock), 0, [], b"")])
    assert town.hub.functions.outcomeOf(channel.id, 0).call() == LockOutcome.PAID
    return register, reveal, settle


def quiet_exit(town: Town, token: str, provider: Signer) -> Costs:
    """No lock is pending: by the newest state, and from the opening."""
    channel = opened(town, token, provider)
    stale, state = channel.state(2, bytes(32)), channel.state(3, bytes(32))
    register = channel.register(town.client, stale)
    replace = channel.register(provider, state)
    town.pass_time(DAY + 1)
    settle = channel.finish(town.client, state, [])
    untouched = opened(town, token, provider)
    nothing = State(untouched.id, 0, 0, 0, 0, bytes(32), bytes(32))
    start = untouched.register(town.client, nothing)
    town.pass_time(DAY + 1)
    end = untouched.finish(town.client, nothing, [])
    return {
        "answer a stale state": replace,
        "forced exit without locks, total": register + settle,
        "forced exit from the opening, total": start + end,
    }


def many_locks(town: Town, token: str, provider: Signer) -> Costs:
    """64 locks pending, settled without any; then all refunded in one call."""
    channel = opened(town, token, provider)
    expiry = town.time + DAY // 2
    locks = [
        Lock(Direction.TO_PROVIDER, 10**15, town.word(), expiry, town.word(), nonce)
        for nonce in range(1, 65)
    ]
    tree = MerkleTree(leaf_of(lock) for lock in locks)
    state = State(channel.id, 2, 0, 64 * 10**15, 0, tree.root, town.word())
    channel.register(provider, state)
    town.pass_time(DAY + 1)
    channel.finish(provider, state, [])
    proofs = [(astuple(lock), at, tree.path(at), b"") for at, lock in enumerate(locks)]
    each = channel.finish(provider, state, proofs, "resolve") // len(locks)
    return {"resolve 64 locks in one call, each": each}


Scenario = Callable[[Town, str, Signer], Costs]
SCENARIOS: tuple[Scenario, ...] = (
    opening,
    top_up_and_withdrawal,
    cooperative_close,
    forced_exit,
    quiet_exit,
    many_locks,
)
FIRST_PAYMENTS: dict[str, Scenario] = {
    "cooperative close with products root": cooperative_close,
    "forced exit with one lock, total": forced_exit,
}


def measure(town: Town) -> Costs:
    """The largest gas of each step over some repetitions."""
    costs: Costs = {}
    for label, token in (("ETH", NATIVE), ("ERC-20 steady", town.token.address)):
        opened(town, token, town.provider)  # so that every balance and credit was written before
        for scenario in SCENARIOS:
            for _ in range(REPEATS):
                for step, gas in scenario(town, token, town.provider).items():
                    costs[f"{step}, {label}"] = max(gas, costs.get(f"{step}, {label}", 0))
    for step, scenario in FIRST_PAYMENTS.items():
        figures = [scenario(town, town.token.address, town.newcomer()) for _ in range(REPEATS)]
        costs[f"{step}, ERC-20 first"] = max(figure[step] for figure in figures)
    return costs


def show(costs: Costs) -> None:
    for step, gas in costs.items():
        target = f"   (< {TARGETS[step]:,})" if step in TARGETS else ""
        print(f"{step:70} {gas:>9,}{target}")
    opening, close, exit_ = (costs[f"{step}, ETH"] for step in COMPARED)
    alone = opening + costs["fund (one-off, again), ETH"]
    rows = {
        "Handfast, native coin": (opening, close, exit_),
        "  with a fund for it alone": (alone, close, exit_),
        **OTHERS,
    }
    print("\n" + f"{'':28}" + "".join(f"{name:>22}" for name in HEADINGS))
    for name, figures in rows.items():
        print(f"{name:28}" + "".join(f"{gas:>22,}" for gas in figures))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help=f"write {RESULT.name}")
    arguments = parser.parse_args()
    with Anvil.start(arguments=("--hardfork", "prague")) as anvil:
        costs = measure(Town(anvil))
    show(costs)
    missed = [step for step, most in TARGETS.items() if costs[step] >= most]
    if arguments.write:
        RESULT.write_text(json.dumps({"gas": costs, "others": OTHERS}, indent=1) + "\n")
    if missed:
        raise SystemExit(f"over target: {', '.join(missed)}")


if __name__ == "__main__":
    main()
