"""What the two peers of a channel say to each other. (SPEC CH-20 to CH-25)

The client leads. It sends `Update`, `CloseProposal` and `WithdrawalProposal`; the provider answers
with `Agreement` or `Refusal`, `CloseAgreement`, `WithdrawalAgreement`, and asks for changes by
`Offer`, `LockRequest`, `Release`, `Cancel`, `CloseRequest` and `WithdrawalRequest`. Either says
`Greeting` on a new connection, and `Fault` about what it could not take. Decoding refuses whatever
is unknown, too long or out of range.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Annotated

from handfast.channels.state import MAX_OPERATIONS, Operations
from handfast.codec import Bytes32, Codec, Size, Uint64, Uint128
from handfast.protocol.constants import MAX_LOCKS

Signature = Annotated[bytes, Size(0, 1024)]
"""65 bytes of ECDSA, or what a contract wallet takes (ERC-1271); empty only before it is signed."""


class Party(IntEnum):
    """An end of a channel."""

    CLIENT = 1
    PROVIDER = 2


class Reason(StrEnum):
    """Why a message was not taken, or a round not paid."""

    MALFORMED = "malformed"
    UNEXPECTED = "unexpected"
    BAD_SIGNATURE = "bad_signature"
    STALE_VERSION = "stale_version"
    WRONG_BASE = "wrong_base"
    CONTRADICTION = "contradiction"
    INVALID_OPERATION = "invalid_operation"
    ENDING = "ending"
    FROZEN = "frozen"
    LOCKS_PENDING = "locks_pending"
    BAD_DEADLINE = "bad_deadline"
    TOO_MANY = "too_many"
    UNCOVERED = "uncovered"
    NO_OFFER = "no_offer"
    WRONG_AMOUNT = "wrong_amount"
    WRONG_HASH = "wrong_hash"
    DUPLICATE_HASH = "duplicate_hash"
    NOT_A_FEE = "not_a_fee"
    EXPIRES_TOO_SOON = "expires_too_soon"
    EXPIRES_TOO_LATE = "expires_too_late"
    STILL_CLAIMED = "still_claimed"
    EXPIRED = "expired"
    TIMEOUT = "timeout"
    CANCELLED = "cancelled"
    MISBEHAVED = "misbehaved"
    SILENT = "silent"
    WISHED = "wished"
    LOST_STATE = "lost_state"


# ---------------------------------------------------------------- from the client


@dataclass(frozen=True, slots=True)
class Update:
    """Operations on the agreed state, and the client's signature of the state they lead to.

    base       version of the agreed state
    version    higher than any that the client proposed before
    """

    base: Uint64
    version: Uint64
    operations: Operations
    signature: Signature = b""


@dataclass(frozen=True, slots=True)
class CloseProposal:
    """End cooperatively by the agreed state, whose version is `base`."""

    base: Uint64
    deadline: Uint64
    signature: Signature = b""


@dataclass(frozen=True, slots=True)
class WithdrawalProposal:
    """Let a party have taken out `total` in all."""

    party: Party
    total: Uint128
    deadline: Uint64
    signature: Signature = b""


# ---------------------------------------------------------------- from the provider


@dataclass(frozen=True, slots=True)
class Agreement:
    """The provider's signature of an update's state, and of the receipts of the rounds it settled,
    in the order of its operations.
    """

    version: Uint64
    signature: Signature = b""
    receipts: Annotated[tuple[Signature, ...], Size(0, MAX_LOCKS)] = ()


@dataclass(frozen=True, slots=True)
class Objection:
    """What stands against an operation of an update.

    index    which one, from 0
    """

    index: Uint64
    reason: Reason


@dataclass(frozen=True, slots=True)
class Refusal:
    """An update, well formed and signed, that the provider will never agree to; without these
    operations it would have.
    """

    version: Uint64
    objections: Annotated[tuple[Objection, ...], Size(1, MAX_OPERATIONS)]


@dataclass(frozen=True, slots=True)
class Offer:
    """A product for a fee.

    hash        of the key that the payment will release; None if the client chooses the number
    deadline    last second at which the provider agrees to the lock
    """

    product: Bytes32
    amount: Uint128
    hash: Bytes32 | None
    deadline: Uint64


@dataclass(frozen=True, slots=True)
class Release:
    """A preimage of a pending lock."""

    preimage: Bytes32


@dataclass(frozen=True, slots=True)
class LockRequest:
    """The provider asks the client to lock money of the provider's for the client."""

    amount: Uint128
    hash: Bytes32
    expiry: Uint64


@dataclass(frozen=True, slots=True)
class CloseRequest:
    """The provider asks for a cooperative close."""


@dataclass(frozen=True, slots=True)
class WithdrawalRequest:
    """The provider asks to have taken out `total` in all."""

    total: Uint128


@dataclass(frozen=True, slots=True)
class CloseAgreement:
    """The provider's signature of a proposed close."""

    deadline: Uint64
    signature: Signature = b""


@dataclass(frozen=True, slots=True)
class WithdrawalAgreement:
    """The provider's signature of a proposed withdrawal."""

    party: Party
    total: Uint128
    deadline: Uint64
    signature: Signature = b""


# ---------------------------------------------------------------- from either


@dataclass(frozen=True, slots=True)
class Greeting:
    """Where the speaker stands, first on every connection.

    version      of its agreed state
    last_nonce   of the locks up to that state
    """

    version: Uint64
    last_nonce: Uint64


@dataclass(frozen=True, slots=True)
class Cancel:
    """The payee of a pending lock gives it up, with its signature of the Cancellation."""

    nonce: Uint64
    signature: Signature = b""


@dataclass(frozen=True, slots=True)
class Fault:
    """A message was not taken; nothing changed.

    detail    for a person to read
    """

    reason: Reason
    detail: Annotated[str, Size(0, 256)]


Message = (
    Update
    | CloseProposal
    | WithdrawalProposal
    | Agreement
    | Refusal
    | Offer
    | Release
    | LockRequest
    | CloseRequest
    | WithdrawalRequest
    | CloseAgreement
    | WithdrawalAgreement
    | Greeting
    | Cancel
    | Fault
)

MESSAGES: Codec[Message] = Codec(Message)
