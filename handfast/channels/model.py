"""One channel of ChannelHub, and PreimageRegistry, in Python: what simulations run against, and
what tests run beside the contracts. (SPEC CH-1 to CH-17)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from handfast.channels.inputs import (
    ChainFact,
    Closed,
    Funded,
    Registered,
    Resolved,
    Revealed,
    Unregistered,
)
from handfast.channels.rules import (
    Division,
    divide,
    id_of,
    is_timely,
    leaf_of,
    outcome,
    state_of,
)
from handfast.channels.state import Book, Holdings, Lock, Parameters, same_account
from handfast.channels.wire import Party
from handfast.crypto.ecdsa import is_signed_by
from handfast.crypto.keccak import keccak
from handfast.crypto.merkle import EMPTY_ROOT
from handfast.errors import Rejected
from handfast.protocol.constants import ChannelPhase, Direction, LockOutcome
from handfast.protocol.messages import (
    Cancellation,
    CooperativeClose,
    Domain,
    SignedMessage,
    State,
    Withdrawal,
)


def _require(condition: bool, fact: str) -> None:
    if not condition:
        raise Rejected(f"the hub refuses: {fact}", fact)


class ModelHub:
    """The hub's record of one channel, opened with these holdings.

    Every method takes the time of its block. One that fails raises Rejected with the name of the
    contract's error and changes nothing. `paid` is what has left the channel, by party.
    """

    def __init__(self, domain: Domain, parameters: Parameters, holdings: Holdings) -> None:
        self.domain = domain
        self.parameters = parameters
        self.channel = id_of(parameters)
        self.phase = ChannelPhase.OPEN
        self.holdings = holdings
        self.challenge_end = 0
        self.state: State | None = None
        self.products_root = EMPTY_ROOT
        self.outcomes: dict[int, LockOutcome] = {}
        self.locked = {Direction.TO_PROVIDER: 0, Direction.TO_CLIENT: 0}
        self.revealed: dict[bytes, int] = {}
        self.preimages: dict[bytes, bytes] = {}
        self.paid = {Party.CLIENT: 0, Party.PROVIDER: 0}

    @property
    def version(self) -> int:
        """Of the registered state; 0 if there is none."""
        return self.state.version if self.state is not None else 0

    # ------------------------------------------------------------ preimages

    def reveal(self, preimage: bytes, time: int) -> None:
        """PreimageRegistry.reveal: the first time is kept for ever."""
        hash_ = keccak(preimage)
        self.revealed.setdefault(hash_, time)
        self.preimages.setdefault(hash_, preimage)

    # ------------------------------------------------------------ life of a channel

    def top_up(self, party: Party, amount: int) -> None:
        """Add to a deposit, while Open."""
        _require(self.phase is ChannelPhase.OPEN, "ChannelNotOpen")
        held = self.holdings
        if party is Party.CLIENT:
            self.holdings = replace(held, client_deposit=held.client_deposit + amount)
        else:
            self.holdings = replace(held, provider_deposit=held.provider_deposit + amount)

    def withdraw(
        self, withdrawal: Withdrawal, by_client: bytes, by_provider: bytes, time: int
    ) -> None:
        """Pay out what both agreed on, while Open."""
        _require(self.phase is ChannelPhase.OPEN, "ChannelNotOpen")
        _require(time <= withdrawal.deadline, "DeadlinePassed")
        self._require_both(withdrawal, by_client, by_provider)
        held, total = self.holdings, withdrawal.total
        client = same_account(withdrawal.account, self.parameters.client)
        before = held.client_withdrawn if client else held.provider_withdrawn
        _require(total > before, "AlreadyWithdrawn")
        _require(total - before <= held.held, "WithdrawalTooLarge")
        if client:
            self.holdings = replace(held, client_withdrawn=total)
        else:
            self.holdings = replace(held, provider_withdrawn=total)
        self.paid[Party.CLIENT if client else Party.PROVIDER] += total - before

    def close_cooperatively(
        self, close: CooperativeClose, by_client: bytes, by_provider: bytes, time: int
    ) -> None:
        """End at once on terms that both signed."""
        live = self.phase in (ChannelPhase.OPEN, ChannelPhase.CLOSING)
        _require(live, "ChannelNotLive")
        _require(time <= close.deadline, "DeadlinePassed")
        self._require_both(close, by_client, by_provider)
        self._end(self._divide(close.transferred, 0, 0), close.products_root)
        self.state = None

    def register_state(
        self, state: State, by_client: bytes, by_provider: bytes, time: int, sender: Party | None
    ) -> None:
        """Register a state on which both agree, or the opening.

        sender    None for a stranger, who cannot be the first
        """
        _require(state.channel == self.channel, "WrongChannel")
        if self.phase is ChannelPhase.OPEN:
            _require(sender is not None, "NotParty")
            end = time + self.parameters.challenge_period
        else:
            _require(self.phase is ChannelPhase.CLOSING, "ChannelNotClosing")
            _require(time <= self.challenge_end, "ChallengePeriodOver")
            _require(state.version > self.version, "StaleVersion")
            end = self.challenge_end
        if state.version == 0:
            _require(state == state_of(Book(self.channel)), "NotTheOpening")
        else:
            self._require_both(state, by_client, by_provider)
        self.phase, self.state, self.challenge_end = ChannelPhase.CLOSING, state, end

    def settle(
        self, book: Book, positions: Iterable[int], cancelled: Mapping[int, bytes], time: int
    ) -> None:
        """Pay what is in no lock, and resolve locks."""
        _require(self.phase is ChannelPhase.CLOSING, "ChannelNotClosing")
        _require(time > self.challenge_end, "ChallengePeriodRunning")
        state = state_of(book)
        _require(state == self.state, "WrongState")
        division = self._divide(state.transferred, state.locked_by_client, state.locked_by_provider)
        self._end(division, state.products_root)
        self._resolve(book, positions, cancelled, time)

    def resolve(
        self, book: Book, positions: Iterable[int], cancelled: Mapping[int, bytes], time: int
    ) -> None:
        """Resolve locks that were pending at the end; those that cannot be yet are skipped."""
        _require(self.phase is ChannelPhase.CLOSED, "ChannelNotClosed")
        _require(state_of(book) == self.state, "WrongState")
        self._resolve(book, positions, cancelled, time)

    def has_paid(self, book: Book, position: int) -> bool:
        """ChannelHub.isPaid, of a lock of the settled state."""
        if self.phase is not ChannelPhase.CLOSED or state_of(book) != self.state:
            return False
        known = self.outcomes.get(position)
        if known is not None:
            return known is LockOutcome.PAID
        lock = book.locks[position]
        return is_timely(self.revealed.get(lock.hash, 0), lock.expiry)

    def facts(self) -> list[ChainFact]:
        """Everything that there is to see of it."""
        facts: list[ChainFact] = [Funded(self.holdings)]
        facts += [Revealed(self.preimages[hash_], at) for hash_, at in self.revealed.items()]
        if self.phase is ChannelPhase.OPEN:
            facts.append(Unregistered())
        if self.phase is ChannelPhase.CLOSING:
            facts.append(Registered(self.version, self.challenge_end))
        if self.phase is ChannelPhase.CLOSED:
            facts.append(Closed(self.version if self.state is not None else None))
        facts += [Resolved(position, found) for position, found in self.outcomes.items()]
        return facts

    # ------------------------------------------------------------ internals

    def _require_both(self, message: SignedMessage, by_client: bytes, by_provider: bytes) -> None:
        digest = message.digest(self.domain)
        parties = self.parameters
        _require(is_signed_by(parties.client, digest, by_client), "InvalidSignature")
        _require(is_signed_by(parties.provider, digest, by_provider), "InvalidSignature")

    def _divide(self, transferred: int, by_client: int, by_provider: int) -> Division:
        held = self.holdings
        return divide(
            held.client_deposit - held.client_withdrawn,
            held.provider_deposit - held.provider_withdrawn,
            transferred,
            by_client,
            by_provider,
        )

    def _end(self, division: Division, products_root: bytes) -> None:
        self.phase = ChannelPhase.CLOSED
        self.products_root = products_root
        self.paid[Party.CLIENT] += division.to_client
        self.paid[Party.PROVIDER] += division.to_provider
        self.locked[Direction.TO_PROVIDER] = division.locked_by_client
        self.locked[Direction.TO_CLIENT] = division.locked_by_provider

    def _resolve(
        self, book: Book, positions: Iterable[int], cancelled: Mapping[int, bytes], time: int
    ) -> None:
        for position in positions:
            lock = book.locks[position]
            if position in self.outcomes:
                continue
            revealed_at = self.revealed.get(lock.hash, 0)
            given_up = self._is_cancelled(lock, cancelled.get(position, b""))
            found = outcome(lock.expiry, revealed_at, given_up, time)
            if found is LockOutcome.ABSENT:
                continue
            self.outcomes[position] = found
            amount = min(lock.amount, self.locked[lock.direction])
            self.locked[lock.direction] -= amount
            to_provider = (found is LockOutcome.PAID) == (lock.direction is Direction.TO_PROVIDER)
            self.paid[Party.PROVIDER if to_provider else Party.CLIENT] += amount

    def _is_cancelled(self, lock: Lock, signature: bytes) -> bool:
        parties = self.parameters
        to_provider = lock.direction is Direction.TO_PROVIDER
        payee = parties.provider if to_provider else parties.client
        digest = Cancellation(self.channel, leaf_of(lock)).digest(self.domain)
        return bool(signature) and is_signed_by(payee, digest, signature)
