"""How far each of a client's rounds has come, from the announcement to the durable opinion.
(SPEC PR-6 to PR-9)

Before the announcement nothing is at stake and nothing is kept. From there `step` decides; the
process around it talks to the channel, fetches, judges and submits.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Annotated, Final, assert_never

from handfast.channels.rules import id_of
from handfast.channels.state import ChannelId
from handfast.codec import Bytes32, Codec, Size, Uint32, Uint64, Uint128
from handfast.protocol.constants import LockMode
from handfast.rounds.messages import OpenPrompt, Product, RequestId, SignedRequest


class Stage(IntEnum):
    """How far a round has come, at the client."""

    BEGUN = 1
    LOCKED = 2
    VERIFIED = 3
    GIVEN_UP = 4
    PAID = 5
    JUDGED = 6
    RATED = 7
    UNRATED = 8
    LOST = 9


ENDED: Final = frozenset((Stage.RATED, Stage.UNRATED, Stage.LOST))
UNPAID: Final = frozenset((Stage.BEGUN, Stage.LOCKED, Stage.VERIFIED, Stage.GIVEN_UP))


@dataclass(frozen=True, slots=True)
class Payment:
    """What settled a round.

    round      version of the settled state; 0 if the lock paid on chain
    nonce      the pair's number of the payment
    receipt    the provider's signature of the receipt; empty if it gave none
    preimage   what paid the lock
    position   of the product in the channel's products tree; None if the lock paid on chain
    """

    round: Uint64
    nonce: Uint64
    receipt: Annotated[bytes, Size(0, 1024)]
    preimage: Bytes32
    position: Uint64 | None


@dataclass(frozen=True, slots=True)
class Round:
    """One round.

    provider   registry id
    number     the preimage, where the client chooses it; zero under key release
    hold       whether somebody is to look at the content and agree before it is paid
    """

    request: SignedRequest
    provider: Uint32
    endpoint: Annotated[str, Size(1, 500)]
    prompt: OpenPrompt
    fee: Uint128
    product: Product
    number: Bytes32
    hash: Bytes32
    stage: Stage
    hold: bool = False
    payment: Payment | None = None
    satisfied: bool | None = None

    @property
    def channel(self) -> ChannelId:
        """The channel it is paid over."""
        return id_of(self.request.channel)

    @property
    def is_held(self) -> bool:
        """Whether the client looks at the content before it pays."""
        return self.request.details.mode is LockMode.CLIENT_NUMBER


Rounds = Annotated[Mapping[RequestId, Round], Size(0, 1 << 20)]


@dataclass(frozen=True, slots=True)
class Ledger:
    """All rounds of a client that are open, or whose opinion is not durable yet."""

    rounds: Rounds


EMPTY: Final = Ledger({})

# ---------------------------------------------------------------- inputs


@dataclass(frozen=True, slots=True)
class Begun:
    """A product was announced, and will be locked for."""

    id: RequestId
    round: Round


@dataclass(frozen=True, slots=True)
class FeeLocked:
    """Both ends agreed to the lock."""

    id: RequestId


@dataclass(frozen=True, slots=True)
class Checked:
    """The content was fetched: it is what was announced, or it is not to be had."""

    id: RequestId
    good: bool


@dataclass(frozen=True, slots=True)
class Approved:
    """Who was to look at the content agrees to pay."""

    id: RequestId


@dataclass(frozen=True, slots=True)
class GaveUp:
    """The client wants it no more, and will not pay."""

    id: RequestId


@dataclass(frozen=True, slots=True)
class Settled:
    """The lock paid."""

    id: RequestId
    payment: Payment


@dataclass(frozen=True, slots=True)
class RolledBack:
    """The lock did not pay, and never will."""

    id: RequestId


@dataclass(frozen=True, slots=True)
class Judged:
    """The client's verdict; None if it has none."""

    id: RequestId
    satisfied: bool | None


@dataclass(frozen=True, slots=True)
class Submitted:
    """A coordinator answered: the opinion is durable, or will never be taken."""

    id: RequestId
    taken: bool


Input = Begun | FeeLocked | Checked | Approved | GaveUp | Settled | RolledBack | Judged | Submitted


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the journal."""

    input: Input


ENTRIES: Final = Codec[Entry](Entry)
LEDGER: Final = Codec[Ledger](Ledger)
ROUND: Final = Codec[Round](Round)

# ---------------------------------------------------------------- effects


@dataclass(frozen=True, slots=True)
class Buy:
    """Lock the fee."""

    id: RequestId


@dataclass(frozen=True, slots=True)
class Fetch:
    """Get the content and check it against the announcement."""

    id: RequestId


@dataclass(frozen=True, slots=True)
class Pay:
    """Reveal the number."""

    id: RequestId


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Take the lock back."""

    id: RequestId


@dataclass(frozen=True, slots=True)
class Judge:
    """Look at the content."""

    id: RequestId


@dataclass(frozen=True, slots=True)
class Submit:
    """Bring the opinion to a coordinator until one has it."""

    id: RequestId


Effect = Buy | Fetch | Pay | GiveUp | Judge | Submit


def step(  # noqa: C901 - one case an input
    ledger: Ledger, input_: Input
) -> tuple[Ledger, tuple[Effect, ...]]:
    """Decide. An input that a round is already past changes nothing."""
    match input_:
        case Begun(request_id, each):
            if request_id in ledger.rounds:
                return ledger, ()
            return _with(ledger, request_id, each), (Buy(request_id),)
        case FeeLocked(request_id):
            return _locked(ledger, request_id)
        case Checked(request_id, good):
            return _checked(ledger, request_id, good)
        case Approved(request_id):
            return _approved(ledger, request_id)
        case GaveUp(request_id):
            return _given_up(ledger, request_id)
        case Settled(request_id, payment):
            return _settled(ledger, request_id, payment)
        case RolledBack(request_id):
            return _moved(ledger, request_id, UNPAID, Stage.LOST), ()
        case Judged(request_id, satisfied):
            return _judged(ledger, request_id, satisfied)
        case Submitted(request_id, taken):
            stage = Stage.RATED if taken else Stage.UNRATED
            return _moved(ledger, request_id, {Stage.JUDGED}, stage), ()
        case _:
            assert_never(input_)


def resume(ledger: Ledger) -> tuple[Effect, ...]:
    """What a process that has just read its journal must do again."""
    found = ((request_id, _due(request_id, each)) for request_id, each in ledger.rounds.items())
    return tuple(effect for _, effect in found if effect is not None)


def _due(request_id: RequestId, each: Round) -> Effect | None:
    if each.hold and each.stage in UNPAID:
        return GiveUp(request_id)  # who was to look at it is gone
    match each.stage:
        case Stage.BEGUN:
            return Buy(request_id)
        case Stage.LOCKED:
            return Fetch(request_id) if each.is_held else None
        case Stage.VERIFIED:
            return Pay(request_id)
        case Stage.GIVEN_UP:
            return GiveUp(request_id)
        case Stage.PAID:
            return Judge(request_id)
        case Stage.JUDGED:
            return Submit(request_id)
        case Stage.RATED | Stage.UNRATED | Stage.LOST:
            return None
        case _:
            assert_never(each.stage)


def without(ledger: Ledger, names: Collection[RequestId]) -> Ledger:
    """The ledger without some rounds."""
    if not names:
        return ledger
    gone = set(names)
    return Ledger({key: each for key, each in ledger.rounds.items() if key not in gone})


def _at(ledger: Ledger, request_id: RequestId, stages: AbstractSet[Stage]) -> Round | None:
    """The round, if it is at one of these stages."""
    each = ledger.rounds.get(request_id)
    return each if each is not None and each.stage in stages else None


def _moved(
    ledger: Ledger, request_id: RequestId, stages: AbstractSet[Stage], stage: Stage
) -> Ledger:
    each = _at(ledger, request_id, stages)
    return ledger if each is None else _with(ledger, request_id, replace(each, stage=stage))


def _locked(ledger: Ledger, request_id: RequestId) -> tuple[Ledger, tuple[Effect, ...]]:
    each = _at(ledger, request_id, {Stage.BEGUN})
    if each is None:
        return ledger, ()
    after = _with(ledger, request_id, replace(each, stage=Stage.LOCKED))
    return after, (Fetch(request_id),) if each.is_held else ()


def _checked(
    ledger: Ledger, request_id: RequestId, good: bool
) -> tuple[Ledger, tuple[Effect, ...]]:
    each = _at(ledger, request_id, {Stage.LOCKED})
    if each is None or not each.is_held:
        return ledger, ()
    if not good:
        return _given_up(ledger, request_id)
    effects = () if each.hold else (Pay(request_id),)
    return _with(ledger, request_id, replace(each, stage=Stage.VERIFIED)), effects


def _approved(ledger: Ledger, request_id: RequestId) -> tuple[Ledger, tuple[Effect, ...]]:
    each = _at(ledger, request_id, {Stage.BEGUN, Stage.LOCKED, Stage.VERIFIED})
    if each is None or not each.hold:
        return ledger, ()
    effects = (Pay(request_id),) if each.stage is Stage.VERIFIED else ()
    return _with(ledger, request_id, replace(each, hold=False)), effects


def _given_up(ledger: Ledger, request_id: RequestId) -> tuple[Ledger, tuple[Effect, ...]]:
    """A number that was revealed already is not taken back."""
    each = _at(ledger, request_id, {Stage.BEGUN, Stage.LOCKED, Stage.VERIFIED})
    if each is None or (each.stage is Stage.VERIFIED and not each.hold):
        return ledger, ()
    after = _with(ledger, request_id, replace(each, stage=Stage.GIVEN_UP))
    return after, (GiveUp(request_id),)


def _settled(
    ledger: Ledger, request_id: RequestId, payment: Payment
) -> tuple[Ledger, tuple[Effect, ...]]:
    each = _at(ledger, request_id, UNPAID)
    if each is None:
        return ledger, ()
    paid = replace(each, stage=Stage.PAID, payment=payment)
    return _with(ledger, request_id, paid), (Judge(request_id),)


def _judged(
    ledger: Ledger, request_id: RequestId, satisfied: bool | None
) -> tuple[Ledger, tuple[Effect, ...]]:
    each = _at(ledger, request_id, {Stage.PAID})
    if each is None or each.payment is None:
        return ledger, ()
    if satisfied is None:
        return _with(ledger, request_id, replace(each, stage=Stage.UNRATED)), ()
    judged = replace(each, stage=Stage.JUDGED, satisfied=satisfied)
    return _with(ledger, request_id, judged), (Submit(request_id),)


def _with(ledger: Ledger, request_id: RequestId, each: Round) -> Ledger:
    return Ledger({**ledger.rounds, request_id: each})
