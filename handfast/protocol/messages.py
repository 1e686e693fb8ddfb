"""The signed messages of the protocol (EIP-712).

Generated from protocol.toml by `make generate`; do not edit.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import ClassVar, Final, NoReturn

from handfast.crypto.keccak import keccak
from handfast.errors import InvalidInput

DOMAIN_NAME: Final = "Handfast"
DOMAIN_VERSION: Final = "1"

_DOMAIN_PREFIX: Final = (
    keccak(b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)")
    + keccak(DOMAIN_NAME.encode())
    + keccak(DOMAIN_VERSION.encode())
)

_ADDRESS_PAD: Final = bytes(12)


def _address_word(address: str) -> bytes:
    return _ADDRESS_PAD + bytes.fromhex(address[2:])


def is_address(value: object) -> bool:
    """Whether `value` is an address as text: 0x and 40 hexadecimal digits, checksum or not."""
    if type(value) is not str or len(value) != 42 or value[:2] != "0x":
        return False
    return all(digit in "0123456789abcdefABCDEF" for digit in value[2:])


def _refuse(message: object, name: str, type_: str) -> NoReturn:
    raise InvalidInput(
        f"{type(message).__name__}.{name} must be {type_}, got {getattr(message, name)!r}"
    )


@dataclass(frozen=True, slots=True)
class Domain:
    """Where a signature holds: one contract on one chain.

    chain_id   of the live chain
    contract   address of the contract that verifies
    """

    chain_id: int
    contract: str
    prefix: bytes = field(init=False, repr=False, compare=False)
    """What a struct hash is appended to before the digest is taken."""

    def __post_init__(self) -> None:
        if type(self.chain_id) is not int or not 0 < self.chain_id < 1 << 256:
            _refuse(self, "chain_id", "a positive uint256")
        if not is_address(self.contract):
            _refuse(self, "contract", "an address")
        words = self.chain_id.to_bytes(32, "big") + _address_word(self.contract)
        object.__setattr__(self, "prefix", b"\x19\x01" + keccak(_DOMAIN_PREFIX + words))

    @property
    def separator(self) -> bytes:
        """The domain separator of EIP-712."""
        return self.prefix[2:]


class SignedMessage(ABC):
    """What all messages share: every field takes one word, so that encoding is concatenation."""

    __slots__ = ()

    TYPE: ClassVar[str]
    TYPEHASH: ClassVar[bytes]

    @abstractmethod
    def encode(self) -> bytes:
        """The ABI encoding of the fields, one word each."""

    def hash_struct(self) -> bytes:
        """The struct hash of EIP-712."""
        return keccak(self.TYPEHASH + self.encode())

    def digest(self, domain: Domain) -> bytes:
        """What is signed."""
        return keccak(domain.prefix + keccak(self.TYPEHASH + self.encode()))


@dataclass(frozen=True, slots=True)
class PurchaseKey(SignedMessage):
    """What a key is masked for: a purchase, for its buyer."""

    purchase: bytes

    TYPE: ClassVar[str] = "PurchaseKey(bytes32 purchase)"
    TYPEHASH: ClassVar[bytes] = keccak(TYPE.encode())

    def __post_init__(self) -> None:
        if type(self.purchase) is not bytes or len(self.purchase) != 32:
            _refuse(self, "purchase", "bytes32")

    def encode(self) -> bytes:
        return self.purchase


@dataclass(frozen=True, slots=True)
class DeliveryKey(SignedMessage):
    """What a key is masked for: a worker's delivery of a data task, for its requester."""

    task: int
    worker: str

    TYPE: ClassVar[str] = "DeliveryKey(uint256 task,address worker)"
    TYPEHASH: ClassVar[bytes] = keccak(TYPE.encode())

    def __post_init__(self) -> None:
        if type(self.task) is not int or not 0 <= self.task < 1 << 256:
            _refuse(self, "task", "uint256")
        if not is_address(self.worker):
            _refuse(self, "worker", "address")

    def encode(self) -> bytes:
        return self.task.to_bytes(32, "big") + _address_word(self.worker)


@dataclass(frozen=True, slots=True)
class PanelKey(SignedMessage):
    """What a key is masked for: a case of the court, for one of its voters."""

    case_id: int
    voter: str

    TYPE: ClassVar[str] = "PanelKey(uint256 caseId,address voter)"
    TYPEHASH: ClassVar[bytes] = keccak(TYPE.encode())

    def __post_init__(self) -> None:
        if type(self.case_id) is not int or not 0 <= self.case_id < 1 << 256:
            _refuse(self, "case_id", "uint256")
        if not is_address(self.voter):
            _refuse(self, "voter", "address")

    def encode(self) -> bytes:
        return self.case_id.to_bytes(32, "big") + _address_word(self.voter)


@dataclass(frozen=True, slots=True)
class KeyPossession(SignedMessage):
    """A participant knows the secrets of both its BLS keys: `keys` is the hash of the two
    compressed public keys, `epoch` counts its pairs of keys from 1. Signed with both secrets
    under BLS_POSSESSION_TAG, not with the account's key.
    """

    account: str
    epoch: int
    keys: bytes

    TYPE: ClassVar[str] = "KeyPossession(address account,uint64 epoch,bytes32 keys)"
    TYPEHASH: ClassVar[bytes] = keccak(TYPE.encode())

    def __post_init__(self) -> None:
        if not is_address(self.account):
            _refuse(self, "account", "address")
        if type(self.epoch) is not int or not 0 <= self.epoch < 1 << 64:
            _refuse(self, "epoch", "uint64")
        if type(self.keys) is not bytes or len(self.keys) != 32:
            _refuse(self, "keys", "bytes32")

    def encode(self) -> bytes:
        return _address_word(self.account) + self.epoch.to_bytes(32, "big") + self.keys


@dataclass(frozen=True, slots=True)
class Opening(SignedMessage):
    """The counterparty agrees to be opened a channel with, and to what it deposits itself."""

    channel: bytes
    client_deposit: int
    provider_deposit: int
    deadline: int

    TYPE: ClassVar[str] = (
        "Opening(bytes32 channel,uint128 clientDeposit,uint128 providerDeposit,uint64 deadline)"
    )
    TYPEHASH: ClassVar[bytes] = keccak(TYPE.encode())

    def __post_init__(self) -> None:
        if type(self.channel) is not bytes or len(self.channel) != 32:
            _refuse(self, "channel", "bytes32")
        if type(self.client_deposit) is not int or not 0 <= self.client_deposit < 1 << 128:
            _refuse(self, "client_deposit", "uint128")
        if type(self.provider_deposit) is not int or not 0 <= self.provider_deposit < 1 << 128:
            _refuse(self, "provider_deposit", "uint128")
        if type(self.deadline) is not int or not 0 <= self.deadline < 1 << 64:
            _refuse(self, "deadline", "uint64")

    def encode(self) -> bytes:
        return (
            self.channel
            + self.client_deposit.to_bytes(32, "big")
            + self.provider_deposit.to_bytes(32, "big")
            + self.deadline.to_bytes(32, "big")
        )


@dataclass(frozen=True, slots=True)
class State(SignedMessage):
    """What two parties agree on. `transferred` is what has moved from client to provider since the
    opening, net, so that a top-up never invalidates a state; amounts in locks are covered by
    their payer's balance and not yet in it.
    """

    channel: bytes
    version: int
    transferred: int
    locked_by_client: int
    locked_by_provider: int
    locks_root: bytes
    products_root: bytes

    TYPE: ClassVar[str] = (
        "State(bytes32 channel,uint64 version,int128 transferred,uint128 lockedByClient,"
        "uint128 lockedByProvider,bytes32 locksRoot,bytes32 productsRoot)"
    )
    TYPEHASH: ClassVar[bytes] = keccak(TYPE.encode())

    def __post_init__(self) -> None:
        if type(self.channel) is not bytes or len(self.channel) != 32:
            _refuse(self, "channel", "bytes32")
        if type(self.version) is not int or not 0 <= self.version < 1 << 64:
            _refuse(self, "version", "uint64")
        if type(self.transferred) is not int or not -(1 << 127) <= self.transferred < 1 << 127:
            _refuse(self, "transferred", "int128")
        if type(self.locked_by_client) is not int or not 0 <= self.locked_by_client < 1 << 128:
            _refuse(self, "locked_by_client", "uint128")
        if type(self.locked_by_provider) is not int or not 0 <= self.locked_by_provider < 1 << 128:
            _refuse(self, "locked_by_provider", "uint128")
        if type(self.locks_root) is not bytes or len(self.locks_root) != 32:
            _refuse(self, "locks_root", "bytes32")
        if type(self.products_root) is not bytes or len(self.products_root) != 32:
            _refuse(self, "products_root", "bytes32")

    def encode(self) -> bytes:
        return (
            self.channel
            + self.version.to_bytes(32, "big")
            + self.transferred.to_bytes(32, "big", signed=True)
            + self.locked_by_client.to_bytes(32, "big")
            + self.locked_by_provider.to_bytes(32, "big")
            + self.locks_root
            + self.products_root
        )


@dataclass(frozen=True, slots=True)
class CooperativeClose(SignedMessage):
    """Both parties close at once on these terms, with no lock pending, before the deadline."""

    channel: bytes
    transferred: int
    products_root: bytes
    deadline: int

    TYPE: ClassVar[str] = (
        "CooperativeClose(bytes32 channel,int128 transferred,bytes32 productsRoot,uint64 deadline)"
    )
    TYPEHASH: ClassVar[bytes] = keccak(TYPE.encode())

    def __post_init__(self) -> None:
        if type(self.channel) is not bytes or len(self.channel) != 32:
            _refuse(self, "channel", "bytes32")
        if type(self.transferred) is not int or not -(1 << 127) <= self.transferred < 1 << 127:
            _refuse(self, "transferred", "int128")
        if type(self.products_root) is not bytes or len(self.products_root) != 32:
            _refuse(self, "products_root", "bytes32")
        if type(self.deadline) is not int or not 0 <= self.deadline < 1 << 64:
            _refuse(self, "deadline", "uint64")

    def encode(self) -> bytes:
        return (
            self.channel
            + self.transferred.to_bytes(32, "big", signed=True)
            + self.products_root
            + self.deadline.to_bytes(32, "big")
        )


@dataclass(frozen=True, slots=True)
class Withdrawal(SignedMessage):
    """Both parties let `account` take out until `total` has left the channel for it in all."""

    channel: bytes
    account: str
    total: int
    deadline: int

    TYPE: ClassVar[str] = (
        "Withdrawal(bytes32 channel,address account,uint128 total,uint64 deadline)"
    )
    TYPEHASH: ClassVar[bytes] = keccak(TYPE.encode())

    def __post_init__(self) -> None:
        if type(self.channel) is not bytes or len(self.channel) != 32:
            _refuse(self, "channel", "bytes32")
        if not is_address(self.account):
            _refuse(self, "account", "address")
        if type(self.total) is not int or not 0 <= self.total < 1 << 128:
            _refuse(self, "total", "uint128")
        if type(self.deadline) is not int or not 0 <= self.deadline < 1 << 64:
            _refuse(self, "deadline", "uint64")

    def encode(self) -> bytes:
        return (
            self.channel
            + _address_word(self.account)
            + self.total.to_bytes(32, "big")
            + self.deadline.to_bytes(32, "big")
        )


@dataclass(frozen=True, slots=True)
class Cancellation(SignedMessage):
    """The party that a lock would pay gives it up: the lock may be refunded at once."""

    channel: bytes
    lock: bytes

    TYPE: ClassVar[str] = "Cancellation(bytes32 channel,bytes32 lock)"
    TYPEHASH: ClassVar[bytes] = keccak(TYPE.encode())

    def __post_init__(self) -> None:
        if type(self.channel) is not bytes or len(self.channel) != 32:
            _refuse(self, "channel", "bytes32")
        if type(self.lock) is not bytes or len(self.lock) != 32:
            _refuse(self, "lock", "bytes32")

    def encode(self) -> bytes:
        return self.channel + self.lock


@dataclass(frozen=True, slots=True)
class Receipt(SignedMessage):
    """The provider confirms a settled round, in the same message as its signature of the settled
    state.
    """

    channel: bytes
    round: int
    product: bytes
    fee: int
    nonce: int

    TYPE: ClassVar[str] = (
        "Receipt(bytes32 channel,uint64 round,bytes32 product,uint128 fee,uint64 nonce)"
    )
    TYPEHASH: ClassVar[bytes] = keccak(TYPE.encode())

    def __post_init__(self) -> None:
        if type(self.channel) is not bytes or len(self.channel) != 32:
            _refuse(self, "channel", "bytes32")
        if type(self.round) is not int or not 0 <= self.round < 1 << 64:
            _refuse(self, "round", "uint64")
        if type(self.product) is not bytes or len(self.product) != 32:
            _refuse(self, "product", "bytes32")
        if type(self.fee) is not int or not 0 <= self.fee < 1 << 128:
            _refuse(self, "fee", "uint128")
        if type(self.nonce) is not int or not 0 <= self.nonce < 1 << 64:
            _refuse(self, "nonce", "uint64")

    def encode(self) -> bytes:
        return (
            self.channel
            + self.round.to_bytes(32, "big")
            + self.product
            + self.fee.to_bytes(32, "big")
            + self.nonce.to_bytes(32, "big")
        )


@dataclass(frozen=True, slots=True)
class Session(SignedMessage):
    """The speaker answers the listener's nonce: on this connection, it is itself."""

    speaker: str
    listener: str
    nonce: bytes

    TYPE: ClassVar[str] = "Session(address speaker,address listener,bytes32 nonce)"
    TYPEHASH: ClassVar[bytes] = keccak(TYPE.encode())

    def __post_init__(self) -> None:
        if not is_address(self.speaker):
            _refuse(self, "speaker", "address")
        if not is_address(self.listener):
            _refuse(self, "listener", "address")
        if type(self.nonce) is not bytes or len(self.nonce) != 32:
            _refuse(self, "nonce", "bytes32")

    def encode(self) -> bytes:
        return _address_word(self.speaker) + _address_word(self.listener) + self.nonce


@dataclass(frozen=True, slots=True)
class Opinion(SignedMessage):
    """The client's verdict on the round of a receipt (its EIP-712 digest)."""

    receipt: bytes
    satisfied: bool

    TYPE: ClassVar[str] = "Opinion(bytes32 receipt,bool satisfied)"
    TYPEHASH: ClassVar[bytes] = keccak(TYPE.encode())

    def __post_init__(self) -> None:
        if type(self.receipt) is not bytes or len(self.receipt) != 32:
            _refuse(self, "receipt", "bytes32")
        if type(self.satisfied) is not bool:
            _refuse(self, "satisfied", "bool")

    def encode(self) -> bytes:
        return self.receipt + self.satisfied.to_bytes(32, "big")


@dataclass(frozen=True, slots=True)
class Request(SignedMessage):
    """A client asks for a generation over a channel: `details` is the hash of the details it sends
    along.
    """

    channel: bytes
    details: bytes
    max_fee: int
    deadline: int

    TYPE: ClassVar[str] = "Request(bytes32 channel,bytes32 details,uint128 maxFee,uint64 deadline)"
    TYPEHASH: ClassVar[bytes] = keccak(TYPE.encode())

    def __post_init__(self) -> None:
        if type(self.channel) is not bytes or len(self.channel) != 32:
            _refuse(self, "channel", "bytes32")
        if type(self.details) is not bytes or len(self.details) != 32:
            _refuse(self, "details", "bytes32")
        if type(self.max_fee) is not int or not 0 <= self.max_fee < 1 << 128:
            _refuse(self, "max_fee", "uint128")
        if type(self.deadline) is not int or not 0 <= self.deadline < 1 << 64:
            _refuse(self, "deadline", "uint64")

    def encode(self) -> bytes:
        return (
            self.channel
            + self.details
            + self.max_fee.to_bytes(32, "big")
            + self.deadline.to_bytes(32, "big")
        )


@dataclass(frozen=True, slots=True)
class Acknowledgement(SignedMessage):
    """The provider agrees to serve a request (its hash) for a fee: step 1 to the details, step 2 to
    the prompt. [prosecutor Algorithm 2]
    """

    channel: bytes
    request: bytes
    step: int
    fee: int
    deadline: int

    TYPE: ClassVar[str] = (
        "Acknowledgement(bytes32 channel,bytes32 request,uint8 step,uint128 fee,uint64 deadline)"
    )
    TYPEHASH: ClassVar[bytes] = keccak(TYPE.encode())

    def __post_init__(self) -> None:
        if type(self.channel) is not bytes or len(self.channel) != 32:
            _refuse(self, "channel", "bytes32")
        if type(self.request) is not bytes or len(self.request) != 32:
            _refuse(self, "request", "bytes32")
        if type(self.step) is not int or not 0 <= self.step < 1 << 8:
            _refuse(self, "step", "uint8")
        if type(self.fee) is not int or not 0 <= self.fee < 1 << 128:
            _refuse(self, "fee", "uint128")
        if type(self.deadline) is not int or not 0 <= self.deadline < 1 << 64:
            _refuse(self, "deadline", "uint64")

    def encode(self) -> bytes:
        return (
            self.channel
            + self.request
            + self.step.to_bytes(32, "big")
            + self.fee.to_bytes(32, "big")
            + self.deadline.to_bytes(32, "big")
        )


@dataclass(frozen=True, slots=True)
class Announcement(SignedMessage):
    """What the provider made for a request: the product, and under key release the root block of
    its ciphertext and the hash of its key (both zero otherwise). Evidence, if the key opens to
    other bytes.
    """

    request: bytes
    product: bytes
    ciphertext: bytes
    key_hash: bytes

    TYPE: ClassVar[str] = (
        "Announcement(bytes32 request,bytes32 product,bytes32 ciphertext,bytes32 keyHash)"
    )
    TYPEHASH: ClassVar[bytes] = keccak(TYPE.encode())

    def __post_init__(self) -> None:
        if type(self.request) is not bytes or len(self.request) != 32:
            _refuse(self, "request", "bytes32")
        if type(self.product) is not bytes or len(self.product) != 32:
            _refuse(self, "product", "bytes32")
        if type(self.ciphertext) is not bytes or len(self.ciphertext) != 32:
            _refuse(self, "ciphertext", "bytes32")
        if type(self.key_hash) is not bytes or len(self.key_hash) != 32:
            _refuse(self, "key_hash", "bytes32")

    def encode(self) -> bytes:
        return self.request + self.product + self.ciphertext + self.key_hash


@dataclass(frozen=True, slots=True)
class Vote(SignedMessage):
    """A voter's ballot of a round of a case: the choice as a number, or keccak256 of the eight
    words of its scores. Committed as its digest.
    """

    case_id: int
    round: int
    voter: str
    ballot: bytes
    salt: bytes

    TYPE: ClassVar[str] = (
        "Vote(uint256 caseId,uint32 round,address voter,bytes32 ballot,bytes32 salt)"
    )
    TYPEHASH: ClassVar[bytes] = keccak(TYPE.encode())

    def __post_init__(self) -> None:
        if type(self.case_id) is not int or not 0 <= self.case_id < 1 << 256:
            _refuse(self, "case_id", "uint256")
        if type(self.round) is not int or not 0 <= self.round < 1 << 32:
            _refuse(self, "round", "uint32")
        if not is_address(self.voter):
            _refuse(self, "voter", "address")
        if type(self.ballot) is not bytes or len(self.ballot) != 32:
            _refuse(self, "ballot", "bytes32")
        if type(self.salt) is not bytes or len(self.salt) != 32:
            _refuse(self, "salt", "bytes32")

    def encode(self) -> bytes:
        return (
            self.case_id.to_bytes(32, "big")
            + self.round.to_bytes(32, "big")
            + _address_word(self.voter)
            + self.ballot
            + self.salt
        )


@dataclass(frozen=True, slots=True)
class Submission(SignedMessage):
    """A worker's model for a task, as the digest of its content's root block. Committed as its
    digest, revealed after the deadline.
    """

    task: int
    worker: str
    model: bytes
    salt: bytes

    TYPE: ClassVar[str] = "Submission(uint256 task,address worker,bytes32 model,bytes32 salt)"
    TYPEHASH: ClassVar[bytes] = keccak(TYPE.encode())

    def __post_init__(self) -> None:
        if type(self.task) is not int or not 0 <= self.task < 1 << 256:
            _refuse(self, "task", "uint256")
        if not is_address(self.worker):
            _refuse(self, "worker", "address")
        if type(self.model) is not bytes or len(self.model) != 32:
            _refuse(self, "model", "bytes32")
        if type(self.salt) is not bytes or len(self.salt) != 32:
            _refuse(self, "salt", "bytes32")

    def encode(self) -> bytes:
        return self.task.to_bytes(32, "big") + _address_word(self.worker) + self.model + self.salt


@dataclass(frozen=True, slots=True)
class ProductOffer(SignedMessage):
    """The seller sells a product at this price, to the buyer or, if that is zero, to anyone, until
    the deadline, once.
    """

    seller: str
    buyer: str
    product: bytes
    token: str
    price: int
    salt: bytes
    deadline: int

    TYPE: ClassVar[str] = (
        "ProductOffer(address seller,address buyer,bytes32 product,address token,uint128 price,"
        "bytes32 salt,uint64 deadline)"
    )
    TYPEHASH: ClassVar[bytes] = keccak(TYPE.encode())

    def __post_init__(self) -> None:
        if not is_address(self.seller):
            _refuse(self, "seller", "address")
        if not is_address(self.buyer):
            _refuse(self, "buyer", "address")
        if type(self.product) is not bytes or len(self.product) != 32:
            _refuse(self, "product", "bytes32")
        if not is_address(self.token):
            _refuse(self, "token", "address")
        if type(self.price) is not int or not 0 <= self.price < 1 << 128:
            _refuse(self, "price", "uint128")
        if type(self.salt) is not bytes or len(self.salt) != 32:
            _refuse(self, "salt", "bytes32")
        if type(self.deadline) is not int or not 0 <= self.deadline < 1 << 64:
            _refuse(self, "deadline", "uint64")

    def encode(self) -> bytes:
        return (
            _address_word(self.seller)
            + _address_word(self.buyer)
            + self.product
            + _address_word(self.token)
            + self.price.to_bytes(32, "big")
            + self.salt
            + self.deadline.to_bytes(32, "big")
        )


@dataclass(frozen=True, slots=True)
class LockedOffer(SignedMessage):
    """The seller locks a product against the price, until the deadline, once: who knows the
    preimage of `hash` by the expiry moves both, afterwards both return.
    """

    seller: str
    buyer: str
    product: bytes
    token: str
    price: int
    hash: bytes
    expiry: int
    salt: bytes
    deadline: int

    TYPE: ClassVar[str] = (
        "LockedOffer(address seller,address buyer,bytes32 product,address token,uint128 price,"
        "bytes32 hash,uint64 expiry,bytes32 salt,uint64 deadline)"
    )
    TYPEHASH: ClassVar[bytes] = keccak(TYPE.encode())

    def __post_init__(self) -> None:
        if not is_address(self.seller):
            _refuse(self, "seller", "address")
        if not is_address(self.buyer):
            _refuse(self, "buyer", "address")
        if type(self.product) is not bytes or len(self.product) != 32:
            _refuse(self, "product", "bytes32")
        if not is_address(self.token):
            _refuse(self, "token", "address")
        if type(self.price) is not int or not 0 <= self.price < 1 << 128:
            _refuse(self, "price", "uint128")
        if type(self.hash) is not bytes or len(self.hash) != 32:
            _refuse(self, "hash", "bytes32")
        if type(self.expiry) is not int or not 0 <= self.expiry < 1 << 64:
            _refuse(self, "expiry", "uint64")
        if type(self.salt) is not bytes or len(self.salt) != 32:
            _refuse(self, "salt", "bytes32")
        if type(self.deadline) is not int or not 0 <= self.deadline < 1 << 64:
            _refuse(self, "deadline", "uint64")

    def encode(self) -> bytes:
        return (
            _address_word(self.seller)
            + _address_word(self.buyer)
            + self.product
            + _address_word(self.token)
            + self.price.to_bytes(32, "big")
            + self.hash
            + self.expiry.to_bytes(32, "big")
            + self.salt
            + self.deadline.to_bytes(32, "big")
        )
