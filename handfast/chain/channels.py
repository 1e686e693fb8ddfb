"""ChannelHub and PreimageRegistry, called from Python."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from handfast.chain.client import Call, Contract
from handfast.channels.chain import Signatures
from handfast.channels.rules import paths_of, state_of
from handfast.channels.state import NATIVE, Book, ChannelId, Holdings, Lock, Parameters
from handfast.protocol.constants import ChannelPhase, LockOutcome
from handfast.protocol.messages import State

Permit = tuple[int, int, int, bytes, bytes]
"""An ERC-2612 signature: value, deadline, v, r, s."""


@dataclass(frozen=True, slots=True)
class ChannelRecord:
    """What the hub knows about a channel: its struct `Channel`.

    challenge_end    last second at which a newer state may be registered
    version          of the registered state while Closing
    locked_by_...    what waits in locks that are not resolved yet, once Closed
    state_hash       struct hash of the registered state
    """

    phase: ChannelPhase
    challenge_end: int
    version: int
    holdings: Holdings
    locked_by_client: int
    locked_by_provider: int
    state_hash: bytes
    products_root: bytes

    @classmethod
    def decode(cls, struct: Sequence[Any]) -> ChannelRecord:
        """Read the hub's struct, its fields in order."""
        phase, challenge_end, version, *rest = struct
        holdings, rest = Holdings(*rest[:4]), rest[4:]
        return cls(ChannelPhase(phase), challenge_end, version, holdings, *rest)


def _state(state: State) -> tuple[Any, ...]:
    return (
        state.channel,
        state.version,
        state.transferred,
        state.locked_by_client,
        state.locked_by_provider,
        state.locks_root,
        state.products_root,
    )


def _lock(lock: Lock) -> tuple[Any, ...]:
    return (
        int(lock.direction),
        lock.amount,
        lock.hash,
        lock.expiry,
        lock.product,
        lock.nonce,
    )


def _proofs(
    book: Book, positions: Sequence[int], cancelled: Mapping[int, bytes]
) -> list[tuple[Any, ...]]:
    paths = paths_of(book)
    return [
        (_lock(book.locks[each]), each, paths[each], cancelled.get(each, b"")) for each in positions
    ]


class PreimageRegistry(Contract):
    """The public clock of secrets. (SPEC CH-11)"""

    async def revealed_at(self, hash_: bytes) -> int:
        """When the preimage of a hash was revealed, in seconds; 0 if it was not."""
        return int(await self._read("revealedAt", hash_))

    def reveal(self, preimage: bytes) -> Call:
        """Make a preimage public; a repeat changes nothing."""
        return self._call("reveal", preimage)


class ChannelHub(Contract):
    """Holds the money of all channels, and ends them. (SPEC CH)

    An amount of the native coin travels with the call.
    """

    @staticmethod
    def parameters(parameters: Parameters) -> tuple[Any, ...]:
        """The struct ChannelParameters, as every contract takes it."""
        return (
            parameters.client,
            parameters.provider,
            parameters.token,
            parameters.challenge_period,
            parameters.salt,
        )

    @staticmethod
    def pending(book: Book, position: int) -> tuple[Any, ...]:
        """The structs State and Lock, and the lock's path, of a lock that is pending in a book."""
        return _state(state_of(book)), _lock(book.locks[position]), paths_of(book)[position]

    # ------------------------------------------------------------ views

    async def channel(self, channel: ChannelId, at: int | None = None) -> ChannelRecord:
        """What the hub knows about a channel, by default now; Absent if it was never opened."""
        return ChannelRecord.decode(await self._read("channelOf", channel, at=at))

    async def outcome(self, channel: ChannelId, position: int) -> LockOutcome:
        """What became of the lock at a position, as far as it is resolved."""
        return LockOutcome(await self._read("outcomeOf", channel, position))

    async def is_paid(
        self,
        state: State,
        lock: Lock,
        position: int,
        path: Sequence[bytes],
        at: int | None = None,
    ) -> bool:
        """Whether a lock that was pending at its channel's end has paid. (SPEC CH-17)

        state      by which the channel was settled
        position   of the lock, with its path, under the state's locks root
        """
        arguments = (state.channel, _state(state), _lock(lock), position, tuple(path))
        return bool(await self._read("isPaid", *arguments, at=at))

    async def products_root(self, channel: ChannelId, at: int | None = None) -> bytes:
        """Root of the products whose ownership moved, once the channel has ended. (SPEC CH-17)"""
        return bytes(await self._read("productsRootOf", channel, at=at))

    async def credit_of(self, token: str, account: str) -> int:
        """What an account can collect, or have drawn by an opening."""
        return int(await self._read("creditOf", token, account))

    async def is_allowed(self, token: str) -> bool:
        """Whether channels in a token can be opened."""
        return bool(await self._read("isAllowed", token))

    async def challenge_period_bounds(self) -> tuple[int, int]:
        """Shortest and longest challenge period, in seconds."""
        shortest = await self._read("MIN_CHALLENGE_PERIOD")
        return int(shortest), int(await self._read("MAX_CHALLENGE_PERIOD"))

    # ------------------------------------------------------------ tokens and credit

    def allow_token(self, token: str) -> Call:
        """Let channels in a token be opened. By the owner."""
        return self._call("allowToken", token)

    def fund(self, token: str, account: str, amount: int) -> Call:
        """Add to an account's credit out of the sender's pocket."""
        return self._call("fund", token, account, amount, value=_native(token, amount))

    def collect(self, token: str, to: str, amount: int) -> Call:
        """Take the sender's credit out."""
        return self._call("collect", token, to, amount)

    # ------------------------------------------------------------ life of a channel

    def open(
        self,
        parameters: Parameters,
        client_deposit: int,
        provider_deposit: int,
        *,
        own: int,
        deadline: int = 0,
        signature: bytes = b"",
    ) -> Call:
        """Open a channel; the sender is a party.

        own         the sender's own deposit, which of the native coin travels with the call
        deadline    that of the counterparty's Opening, which `signature` is of
        """
        arguments = (
            self.parameters(parameters),
            client_deposit,
            provider_deposit,
            deadline,
            signature,
        )
        return self._call("open", *arguments, value=_native(parameters.token, own))

    def open_with_permit(
        self,
        parameters: Parameters,
        client_deposit: int,
        provider_deposit: int,
        permit: Permit,
        *,
        deadline: int = 0,
        signature: bytes = b"",
    ) -> Call:
        """Open a channel with the sender's permit for its own deposit."""
        arguments = (
            self.parameters(parameters),
            client_deposit,
            provider_deposit,
            deadline,
            signature,
        )
        return self._call("openWithPermit", *arguments, permit)

    def top_up(self, parameters: Parameters, party: str, amount: int) -> Call:
        """Add to a party's deposit out of the sender's pocket."""
        value = _native(parameters.token, amount)
        return self._call("topUp", self.parameters(parameters), party, amount, value=value)

    def withdraw(
        self,
        parameters: Parameters,
        account: str,
        total: int,
        deadline: int,
        signatures: Signatures,
    ) -> Call:
        """Pay out what both agreed on."""
        terms = (account, total, deadline)
        return self._call("withdraw", self.parameters(parameters), *terms, *signatures)

    def close_cooperatively(
        self, parameters: Parameters, book: Book, deadline: int, signatures: Signatures
    ) -> Call:
        """End the channel at once by a book that has no lock pending."""
        terms = (book.transferred, book.products.root, deadline)
        return self._call("closeCooperatively", self.parameters(parameters), *terms, *signatures)

    def register_state(self, parameters: Parameters, book: Book, signatures: Signatures) -> Call:
        """Start the end by this book, or replace an older one."""
        state = _state(state_of(book))
        return self._call("registerState", self.parameters(parameters), state, *signatures)

    def settle(
        self,
        parameters: Parameters,
        book: Book,
        positions: Sequence[int],
        cancelled: Mapping[int, bytes],
    ) -> Call:
        """End the channel by the registered book, and resolve these of its locks.

        cancelled   signatures of the payees' Cancellation, by position
        """
        state, proofs = _state(state_of(book)), _proofs(book, positions, cancelled)
        return self._call("settle", self.parameters(parameters), state, proofs)

    def resolve(
        self,
        parameters: Parameters,
        book: Book,
        positions: Sequence[int],
        cancelled: Mapping[int, bytes],
    ) -> Call:
        """Resolve locks of the book by which the channel ended."""
        state, proofs = _state(state_of(book)), _proofs(book, positions, cancelled)
        return self._call("resolve", self.parameters(parameters), state, proofs)


def _native(token: str, amount: int) -> int:
    return amount if token.lower() == NATIVE else 0
