"""What a hub must do with its channels, as a model in Python to run beside the contract.

Rests on handfast/channels/rules.py; what the contract must refuse is raised as `Refused`.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from handfast.channels import rules
from handfast.protocol.constants import MAX_VERSION, ChannelPhase, Direction, LockOutcome
from handfast.protocol.messages import State

Side = str
CLIENT, PROVIDER = "client", "provider"


class Refused(Exception):
    """The contract must revert with this error and these arguments."""

    def __init__(self, error: str, *arguments: Any) -> None:
        super().__init__(error, *arguments)
        self.error = error
        self.arguments = arguments


@dataclass
class ChannelModel:
    """One channel. `locks` are those of the registered state."""

    id: bytes
    token: str
    accounts: dict[Side, str]
    period: int
    phase: ChannelPhase = ChannelPhase.ABSENT
    deposits: dict[Side, int] = field(default_factory=lambda: {CLIENT: 0, PROVIDER: 0})
    withdrawn: dict[Side, int] = field(default_factory=lambda: {CLIENT: 0, PROVIDER: 0})
    locked: dict[Side, int] = field(default_factory=lambda: {CLIENT: 0, PROVIDER: 0})
    end: int = 0
    state: State | None = None
    locks: tuple[Any, ...] = ()
    outcomes: dict[int, LockOutcome] = field(default_factory=dict)
    products_root: bytes = bytes(32)

    @property
    def version(self) -> int:
        return self.state.version if self.state and self.phase is ChannelPhase.CLOSING else 0

    @property
    def held(self) -> int:
        """What the hub holds for this channel."""
        if self.phase is ChannelPhase.CLOSED:
            return sum(self.locked.values())
        return sum(self.deposits.values()) - sum(self.withdrawn.values())

    def funds(self, side: Side) -> int:
        return self.deposits[side] - self.withdrawn[side]


class HubModel:
    """All channels and credits of a hub, and what it has paid whom."""

    def __init__(self) -> None:
        self.channels: dict[bytes, ChannelModel] = {}
        self.credit: defaultdict[tuple[str, str], int] = defaultdict(int)
        self.paid: defaultdict[tuple[str, str], int] = defaultdict(int)
        self.spent: defaultdict[tuple[str, str], int] = defaultdict(int)
        self.revealed: dict[bytes, int] = {}
        self.refusing: set[str] = set()

    # ------------------------------------------------------------ money

    def fund(self, token: str, account: str, payer: str, amount: int) -> None:
        self.spent[token, payer] += amount
        self.credit[token, account] += amount

    def collect(self, token: str, account: str, amount: int) -> None:
        credit = self.credit[token, account]
        if amount > credit:
            raise Refused("InsufficientCredit", token, account, credit, amount)
        if account in self.refusing and token == "0x" + 40 * "0":
            raise Refused("PaymentFailed", account, amount)
        self.credit[token, account] -= amount
        self.paid[token, account] += amount

    def _pay(self, channel: ChannelModel, amounts: dict[Side, int]) -> None:
        for side, amount in amounts.items():
            key = channel.token, channel.accounts[side]
            bounces = key[1] in self.refusing and key[0] == "0x" + 40 * "0"
            (self.credit if bounces else self.paid)[key] += amount

    # ------------------------------------------------------------ life

    def open(self, channel: ChannelModel, opener: Side, deposits: dict[Side, int]) -> None:
        other = PROVIDER if opener == CLIENT else CLIENT
        key = channel.token, channel.accounts[other]
        if deposits[other] > self.credit[key]:
            raise Refused("InsufficientCredit", *key, self.credit[key], deposits[other])
        self.credit[key] -= deposits[other]
        self.spent[channel.token, channel.accounts[opener]] += deposits[opener]
        channel.deposits = dict(deposits)
        channel.phase = ChannelPhase.OPEN
        self.channels[channel.id] = channel

    def top_up(self, channel: ChannelModel, side: Side, payer: str, amount: int) -> None:
        self._require_open(channel)
        self.spent[channel.token, payer] += amount
        channel.deposits[side] += amount

    def withdraw(self, channel: ChannelModel, side: Side, total: int) -> None:
        self._require_open(channel)
        withdrawn = channel.withdrawn[side]
        if total <= withdrawn:
            raise Refused("AlreadyWithdrawn", channel.id, withdrawn, total)
        amount = total - withdrawn
        if amount > channel.held:
            raise Refused("WithdrawalTooLarge", channel.id, amount, channel.held)
        channel.withdrawn[side] = total
        self._pay(channel, {side: amount})

    def close(self, channel: ChannelModel, transferred: int, products_root: bytes) -> None:
        if channel.phase not in {ChannelPhase.OPEN, ChannelPhase.CLOSING}:
            raise Refused("ChannelNotLive", channel.id, channel.phase)
        division = self._divide(channel, transferred, 0, 0)
        channel.state, channel.locks, channel.end = None, (), 0
        self._end(channel, division, products_root)

    def register(
        self, channel: ChannelModel, state: State, locks: tuple[Any, ...], caller: str, now: int
    ) -> None:
        if state.version > MAX_VERSION:
            raise Refused("VersionTooLarge", channel.id, state.version, MAX_VERSION)
        if channel.phase is ChannelPhase.OPEN:
            if caller not in channel.accounts.values():
                raise Refused("NotParty", channel.id, caller)
            channel.end = now + channel.period
        elif channel.phase is not ChannelPhase.CLOSING:
            raise Refused("ChannelNotLive", channel.id, channel.phase)
        elif now > channel.end:
            raise Refused("ChallengePeriodOver", channel.id, channel.end, now)
        elif state.version <= channel.version:
            raise Refused("StaleVersion", channel.id, state.version, channel.version)
        channel.phase = ChannelPhase.CLOSING
        channel.state, channel.locks = state, locks

    def settle(
        self, channel: ChannelModel, shown: list[int], cancelled: set[int], now: int
    ) -> None:
        if channel.phase is not ChannelPhase.CLOSING:
            raise Refused("ChannelNotClosing", channel.id, channel.phase)
        if now <= channel.end:
            raise Refused("ChallengePeriodRunning", channel.id, channel.end, now)
        state = channel.state
        assert state is not None
        locked = (state.locked_by_client, state.locked_by_provider) if channel.locks else (0, 0)
        self._end(channel, self._divide(channel, state.transferred, *locked), state.products_root)
        self.resolve(channel, shown, cancelled, now)

    def resolve(
        self, channel: ChannelModel, shown: list[int], cancelled: set[int], now: int
    ) -> None:
        if channel.phase is not ChannelPhase.CLOSED:
            raise Refused("ChannelNotClosed", channel.id, channel.phase)
        freed = {CLIENT: 0, PROVIDER: 0}
        for position in shown:
            if position in channel.outcomes:
                continue
            lock = channel.locks[position]
            revealed_at = self.revealed.get(lock.hash, 0)
            outcome = rules.outcome(lock.expiry, revealed_at, position in cancelled, now)
            if outcome is LockOutcome.ABSENT:
                continue
            channel.outcomes[position] = outcome
            payer, payee = (CLIENT, PROVIDER)
            if lock.direction == Direction.TO_CLIENT:
                payer, payee = payee, payer
            amount = min(lock.amount, channel.locked[payer])
            channel.locked[payer] -= amount
            freed[payee if outcome is LockOutcome.PAID else payer] += amount
        self._pay(channel, freed)

    # ------------------------------------------------------------ steps

    def _require_open(self, channel: ChannelModel) -> None:
        if channel.phase is not ChannelPhase.OPEN:
            raise Refused("ChannelNotOpen", channel.id, channel.phase)

    @staticmethod
    def _divide(
        channel: ChannelModel, transferred: int, by_client: int, by_provider: int
    ) -> rules.Division:
        funds = channel.funds(CLIENT), channel.funds(PROVIDER)
        return rules.divide(*funds, transferred, by_client, by_provider)

    def _end(self, channel: ChannelModel, division: rules.Division, products_root: bytes) -> None:
        channel.phase = ChannelPhase.CLOSED
        channel.products_root = products_root
        channel.locked = {CLIENT: division.locked_by_client, PROVIDER: division.locked_by_provider}
        self._pay(channel, {CLIENT: division.to_client, PROVIDER: division.to_provider})
