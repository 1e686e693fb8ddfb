"""Drives channels of a hub: makes their messages, signs with the parties' keys, sends the calls.

Encodes with eth_abi and signs with eth_account, so that it shares no code with what it tests.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, field
from typing import Any

from brownie import accounts, chain, web3
from brownie.network.account import Account
from eth_abi import encode
from eth_account import Account as Key
from eth_utils import keccak

from handfast.crypto.merkle import MerkleTree, leaf_hash
from handfast.protocol.constants import Direction
from handfast.protocol.messages import (
    Cancellation,
    CooperativeClose,
    Domain,
    Opening,
    SignedMessage,
    State,
    Withdrawal,
)

NATIVE = "0x" + 40 * "0"
NOTHING = bytes(32)
NEVER = 2**64 - 1
HOUR = 3_600
DAY = 24 * HOUR
ETHER = 10**18
ANVIL_MNEMONIC = "test test test test test test test test test test test junk"

_salts = itertools.count(1)


def key_of(account: Account) -> Any:
    """The key of one of Anvil's own accounts."""
    Key.enable_unaudited_hdwallet_features()
    for index in range(len(accounts)):
        key = Key.from_mnemonic(ANVIL_MNEMONIC, account_path=f"m/44'/60'/0'/0/{index}")
        if key.address == account.address:
            return key
    raise LookupError(f"{account.address} is not one of Anvil's accounts")


def delegate(account, code):
    """Have an account run some contract's code, by an EIP-7702 transaction of its own."""
    key = key_of(account)
    nonce = web3.eth.get_transaction_count(account.address)
    fields = {"chainId": chain.id, "address": code.address, "nonce": nonce + 1}
    authorization = key.sign_authorization(fields)
    signed = key.sign_transaction(
        {
            "type": 4,
            "chainId": chain.id,
            "nonce": nonce,
            "to": account.address,
            "value": 0,
            "gas": 200_000,
            "maxFeePerGas": 10**9,
            "maxPriorityFeePerGas": 0,
            "authorizationList": [authorization],
        }
    )
    sent = web3.eth.send_raw_transaction(signed.raw_transaction)
    assert web3.eth.wait_for_transaction_receipt(sent)["status"] == 1
    assert web3.eth.get_code(account.address)[:3] == bytes.fromhex("ef0100")


def next_block_at(timestamp: int) -> None:
    """Have the next block, whatever is sent in it, at this second."""
    web3.provider.make_request("evm_setNextBlockTimestamp", [timestamp])


def balance_of(token: Any, account: Any) -> int:
    """What an account has of a token, or of the native coin."""
    address = getattr(account, "address", account)
    if token == NATIVE:
        return web3.eth.get_balance(address)
    return int(token.balanceOf(address))


@dataclass(frozen=True)
class Lock:
    """A pending lock, as the hub's struct of that name."""

    direction: Direction
    amount: int
    hash: bytes
    expiry: int
    product: bytes = NOTHING
    nonce: int = 1

    @property
    def leaf(self) -> bytes:
        types = ["uint8", "uint128", "bytes32", "uint64", "bytes32", "uint64"]
        return leaf_hash(encode(types, astuple(self)))


def secret(name: object) -> bytes:
    """A preimage."""
    return keccak(text=f"preimage {name}")


def to_provider(amount: int, expiry: int, name: object = 1, **more: Any) -> Lock:
    return Lock(Direction.TO_PROVIDER, amount, keccak(secret(name)), expiry, **more)


def to_client(amount: int, expiry: int, name: object = 1, **more: Any) -> Lock:
    return Lock(Direction.TO_CLIENT, amount, keccak(secret(name)), expiry, **more)


def proofs(
    locks: Sequence[Lock],
    positions: Iterable[int] | None = None,
    cancellations: dict[int, bytes] | None = None,
) -> list[tuple[Any, ...]]:
    """LockProofs of the pending locks at some positions, or of all of them."""
    tree = MerkleTree(lock.leaf for lock in locks)
    chosen = range(len(locks)) if positions is None else positions
    return [
        (astuple(locks[at]), at, tree.path(at), (cancellations or {}).get(at, b"")) for at in chosen
    ]


@dataclass
class Channel:
    """A channel of a hub. Parties are accounts of Anvil; a contract party signs with `keys`."""

    hub: Any
    client: Any
    provider: Any
    token: Any = NATIVE
    period: int = DAY
    salt: bytes = b""
    keys: dict[str, Account] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.salt = self.salt or next(_salts).to_bytes(32, "big")
        addresses = (self.client.address, self.provider.address, self.token_address)
        self.parameters = (*addresses, self.period, self.salt)
        types = ["address", "address", "address", "uint64", "bytes32"]
        self.id = keccak(encode(types, self.parameters))

    @property
    def token_address(self) -> str:
        return getattr(self.token, "address", self.token)

    @property
    def native(self) -> bool:
        return self.token == NATIVE

    # ------------------------------------------------------------ messages

    def sign(self, party: Any, message: SignedMessage, chain_id: int | None = None) -> bytes:
        """The signature of a party, or of the owner of the wallet that is the party."""
        account = self.keys.get(party.address, party)
        domain = Domain(chain_id or chain.id, self.hub.address)
        return bytes(key_of(account).unsafe_sign_hash(message.digest(domain)).signature)

    def signatures(self, message: SignedMessage) -> tuple[bytes, bytes]:
        """What both parties say to a message: client's, provider's."""
        return self.sign(self.client, message), self.sign(self.provider, message)

    def state(
        self,
        version: int = 1,
        transferred: int = 0,
        locks: Sequence[Lock] = (),
        products_root: bytes = NOTHING,
        **changes: Any,
    ) -> State:
        by = dict.fromkeys(Direction, 0)
        for lock in locks:
            by[lock.direction] += lock.amount
        values = {
            "channel": self.id,
            "version": version,
            "transferred": transferred,
            "locked_by_client": by[Direction.TO_PROVIDER],
            "locked_by_provider": by[Direction.TO_CLIENT],
            "locks_root": MerkleTree(lock.leaf for lock in locks).root,
            "products_root": products_root,
        }
        return State(**(values | changes))

    def opening(self) -> State:
        """The state of version 0."""
        return self.state(0)

    def cancellation(self, lock: Lock, by: Any) -> bytes:
        return self.sign(by, Cancellation(self.id, lock.leaf))

    # ------------------------------------------------------------ calls

    def fund(self, party: Any, amount: int) -> Any:
        value = amount if self.native else 0
        call = self.hub.fund
        return call(self.token_address, party, amount, {"from": party, "value": value})

    def open(
        self, client_deposit: int = 0, provider_deposit: int = 0, by: Any = None, **how: Any
    ) -> Any:
        """Open by one party, the client unless said, out of the other's credit, which is funded."""
        opener = by or self.client
        own, other = client_deposit, provider_deposit
        counterparty = self.provider
        if opener == self.provider:
            own, other, counterparty = provider_deposit, client_deposit, self.client
        deadline = how.pop("deadline", NEVER)
        signature = how.pop("signature", None)
        if other and how.pop("funded", True):
            self.fund(counterparty, other)
        if signature is None:
            message = Opening(self.id, client_deposit, provider_deposit, deadline)
            signature = self.sign(counterparty, message) if other else b""
        value = how.pop("value", own if self.native else 0)
        assert not how, how
        return self.hub.open(
            self.parameters,
            client_deposit,
            provider_deposit,
            deadline,
            signature,
            {"from": opener, "value": value},
        )

    def top_up(self, party: Any, amount: int, by: Any = None, value: int | None = None) -> Any:
        sent = (amount if self.native else 0) if value is None else value
        how = {"from": by or party, "value": sent}
        return self.hub.topUp(self.parameters, party, amount, how)

    def withdraw(
        self,
        account: Any,
        total: int,
        by: Any,
        deadline: int = NEVER,
        signatures: tuple[bytes, bytes] | None = None,
    ) -> Any:
        message = Withdrawal(self.id, account.address, total, deadline)
        pair = self.signatures(message) if signatures is None else signatures
        how = {"from": by}
        return self.hub.withdraw(self.parameters, account, total, deadline, *pair, how)

    def close(
        self,
        transferred: int,
        by: Any,
        products_root: bytes = NOTHING,
        deadline: int = NEVER,
        signatures: tuple[bytes, bytes] | None = None,
    ) -> Any:
        message = CooperativeClose(self.id, transferred, products_root, deadline)
        pair = self.signatures(message) if signatures is None else signatures
        return self.hub.closeCooperatively(
            self.parameters, transferred, products_root, deadline, *pair, {"from": by}
        )

    def register(self, state: State, by: Any, signatures: tuple[bytes, bytes] | None = None) -> Any:
        pair = signatures
        if pair is None:
            pair = self.signatures(state) if state.version else (b"", b"")
        return self.hub.registerState(self.parameters, astuple(state), *pair, {"from": by})

    def settle(self, state: State, by: Any, locks: Sequence[Any] = ()) -> Any:
        return self.hub.settle(self.parameters, astuple(state), list(locks), {"from": by})

    def resolve(self, state: State, by: Any, locks: Sequence[Any]) -> Any:
        return self.hub.resolve(self.parameters, astuple(state), list(locks), {"from": by})

    def is_paid(self, state: State, locks: Sequence[Lock], position: int = 0) -> bool:
        lock, at, path, _ = proofs(locks, [position])[0]
        return self.hub.isPaid(self.id, astuple(state), lock, at, path)

    # ------------------------------------------------------------ whole stretches

    def end_period(self) -> None:
        """Let the challenge period of a Closing channel pass, to its last second and one more."""
        next_block_at(self.on_chain()["challengeEnd"] + 1)

    def exit(self, state: State, by: Any, locks: Sequence[Any] = ()) -> Any:
        """Register a state, wait, settle."""
        self.register(state, by)
        self.end_period()
        return self.settle(state, by, locks)

    def on_chain(self) -> dict[str, Any]:
        """What the hub knows, by the names of the struct's fields."""
        return self.hub.channelOf(self.id).dict()
