"""Everything that an end of a channel wants done. All of it can be done twice without harm."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum

from handfast.channels.state import Book, Lock
from handfast.channels.wire import (
    Agreement,
    Cancel,
    CloseAgreement,
    CloseProposal,
    Message,
    Offer,
    Party,
    Reason,
    Update,
    WithdrawalAgreement,
    WithdrawalProposal,
)
from handfast.crypto.ecdsa import Signer
from handfast.errors import InvariantBroken

# ---------------------------------------------------------------- to the peer


@dataclass(frozen=True, slots=True)
class Send:
    """Say this to the peer.

    digests    what to sign with our key first: the first signature is the message's, the others are
               its receipts. The core never holds a key.
    """

    message: Message
    digests: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class CheckWallet:
    """Ask the peer's contract wallet about these digests and signatures, and bring the message
    again with the digests that it took.
    """

    message: Message
    signatures: tuple[tuple[bytes, bytes], ...]


# ---------------------------------------------------------------- to the chain


@dataclass(frozen=True, slots=True)
class Reveal:
    """Put a preimage into the registry."""

    preimage: bytes


@dataclass(frozen=True, slots=True)
class RegisterState:
    """Register the state of this book, with the peer's signature; none for the opening."""

    book: Book
    signature: bytes


@dataclass(frozen=True, slots=True)
class SettleChannel:
    """End the channel by the registered state, and resolve the locks at these positions.

    cancelled    positions with the payee's signature of the Cancellation
    """

    book: Book
    positions: tuple[int, ...]
    cancelled: tuple[tuple[int, bytes], ...]


@dataclass(frozen=True, slots=True)
class ResolveLocks:
    """Resolve these locks of the settled state."""

    book: Book
    positions: tuple[int, ...]
    cancelled: tuple[tuple[int, bytes], ...]


@dataclass(frozen=True, slots=True)
class CloseCooperatively:
    """End the channel by this book, with the peer's signature."""

    book: Book
    deadline: int
    signature: bytes


@dataclass(frozen=True, slots=True)
class WithdrawTotal:
    """Take out what both agreed on, with the peer's signature."""

    party: Party
    total: int
    deadline: int
    signature: bytes


# ---------------------------------------------------------------- to the application


class Result(IntEnum):
    """How a round ended."""

    SETTLED = 1
    ROLLED_BACK = 2


@dataclass(frozen=True, slots=True)
class Offered:
    """The provider offers a product."""

    offer: Offer


@dataclass(frozen=True, slots=True)
class Locked:
    """Both agreed to a lock."""

    lock: Lock


@dataclass(frozen=True, slots=True)
class Concluded:
    """A round has ended. It is reported again only should a re-organisation end it otherwise.

    lock         as it was agreed; as it was asked for, with nonce 0, if it never was
    preimage     what paid it; empty if nothing did
    position     where its product stands in the products tree; None if it does not: the lock was
                 rolled back, moved money alone, or paid on chain
    receipt      the lock's nonce if there is a receipt, else 0; with the provider's signature at
                 the client's end
    version      of the state that settled it, 0 if none did
    """

    result: Result
    lock: Lock
    reason: Reason | None = None
    preimage: bytes = b""
    position: int | None = None
    receipt: int = 0
    signature: bytes = b""
    version: int = 0


@dataclass(frozen=True, slots=True)
class Transferred:
    """An unconditional payment was agreed."""

    amount: int


@dataclass(frozen=True, slots=True)
class Leaving:
    """The channel is being left by the chain."""

    reason: Reason


@dataclass(frozen=True, slots=True)
class Over:
    """The channel has ended and nothing of it is open any more."""


@dataclass(frozen=True, slots=True)
class Revived:
    """A re-organisation undid the end of the channel, which was over: it is being ended again."""


@dataclass(frozen=True, slots=True)
class Complaint:
    """The peer could not take something of ours, or knows another state than we do."""

    reason: Reason
    detail: str


Event = Offered | Locked | Concluded | Transferred | Leaving | Over | Revived | Complaint


@dataclass(frozen=True, slots=True)
class Report:
    """Tell the application."""

    event: Event


ChainAction = (
    Reveal | RegisterState | SettleChannel | ResolveLocks | CloseCooperatively | WithdrawTotal
)
Effect = Send | CheckWallet | ChainAction | Report


def sign(send: Send, signer: Signer) -> Message:
    """The message with the signatures that it asks for."""
    message = send.message
    if not send.digests:
        return message
    signature, *receipts = (signer.sign(digest) for digest in send.digests)
    match message:
        case Agreement():
            return replace(message, signature=signature, receipts=tuple(receipts))
        case (
            Update()
            | CloseProposal()
            | WithdrawalProposal()
            | CloseAgreement()
            | WithdrawalAgreement()
            | Cancel()
        ):
            return replace(message, signature=signature)
        case _:
            raise InvariantBroken(f"{type(message).__name__} takes no signature")
