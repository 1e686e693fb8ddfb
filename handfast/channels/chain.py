"""What a peer needs of the chain, and nothing more."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from handfast.channels.inputs import ChainFact
from handfast.channels.state import Book, Holdings, Parameters
from handfast.protocol.constants import ChannelPhase, LockOutcome

Signatures = tuple[bytes, bytes]
"""The client's, the provider's."""


@dataclass(frozen=True, slots=True)
class Told:
    """What the chain has said of a channel that a re-organisation may take back unseen, while no
    process watches.

    revealed    preimages
    resolved    outcomes of locks, by position
    """

    revealed: frozenset[bytes] = frozenset()
    resolved: Mapping[int, LockOutcome] = field(default_factory=dict)


class ChainPort(Protocol):
    """ChannelHub and PreimageRegistry, through a node.

    What sends a transaction returns once it is in a block, and may be called again with the same
    arguments at any time. It raises Rejected, with the decoded error, if the contract refuses, and
    Unavailable if the node does not answer; the peer asks again later.
    """

    async def reveal(self, preimage: bytes) -> None:
        """Put a preimage into the registry, unless it stands there."""

    async def register_state(
        self, parameters: Parameters, book: Book, signatures: Signatures
    ) -> None:
        """Register the state of a book; the opening (version 0) needs no signatures."""

    async def settle(
        self,
        parameters: Parameters,
        book: Book,
        positions: Sequence[int],
        cancelled: Mapping[int, bytes],
    ) -> None:
        """End the channel by the registered book, and resolve these of its locks.

        cancelled    signatures of the payees' Cancellation, by position
        """

    async def resolve(
        self,
        parameters: Parameters,
        book: Book,
        positions: Sequence[int],
        cancelled: Mapping[int, bytes],
    ) -> None:
        """Resolve locks of the book by which the channel ended."""

    async def close_cooperatively(
        self, parameters: Parameters, book: Book, deadline: int, signatures: Signatures
    ) -> None:
        """End the channel at once by a book that has no lock pending."""

    async def withdraw(
        self,
        parameters: Parameters,
        account: str,
        total: int,
        deadline: int,
        signatures: Signatures,
    ) -> None:
        """Take out what both agreed on."""

    async def holdings(self, parameters: Parameters, phase: ChannelPhase) -> Holdings | None:
        """What the hub holds for a channel that is in this phase after enough confirmations; None
        if it is not.
        """

    def follow(self, parameters: Parameters, told: Told) -> AsyncIterator[ChainFact]:
        """First what holds now, then every change of it, for ever.

        told    earlier, perhaps to a process before this one: what does not hold any more is
                corrected

        `Registered` and `Revealed` come from the newest block, the rest after enough confirmations.
        What a re-organisation undoes is corrected: a registration or an end by `Unregistered` or
        `Registered`, a reveal by one with another time (0 for none), a resolution by another
        outcome (ABSENT for none). Preimages of other channels may be among them.
        """

    async def has_code(self, account: str) -> bool:
        """Whether an account is a contract."""

    async def vouches(self, account: str, digest: bytes, signature: bytes) -> bool:
        """Whether a contract wallet takes a signature as its own (ERC-1271)."""
