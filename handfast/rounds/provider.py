"""Which requests a provider agrees to, and how far each round has come. (SPEC PR-4 to PR-9)

`step` is the whole decision; the process around it signs, generates, serves and talks to the
channel.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Annotated, Final, assert_never

from handfast.channels.rules import id_of
from handfast.channels.state import NO_PRODUCT, ChannelId, Lock
from handfast.codec import Bytes32, Codec, Size, Uint32, Uint64, Uint128
from handfast.errors import InvalidInput
from handfast.protocol.constants import LockMode
from handfast.rounds.messages import (
    NO_HASH,
    OpenPrompt,
    Product,
    Refusal,
    RequestId,
    SignedRequest,
    prompt_hash,
)


class Stage(IntEnum):
    """How far a round has come, at the provider."""

    AGREED = 1
    MAKING = 2
    MADE = 3
    LOCKED = 4
    PAID = 5
    LOST = 6


class Standing(IntEnum):
    """What a request is worth to a provider before its prompt. (SPEC PR-15)

    STRANGER     nothing is known of the client: a key costs nothing
    REGISTERED   it has an id
    FUNDED       its channel covers the fee
    """

    STRANGER = 1
    REGISTERED = 2
    FUNDED = 3


OPEN_STAGES: Final = frozenset((Stage.AGREED, Stage.MAKING, Stage.MADE, Stage.LOCKED))


@dataclass(frozen=True, slots=True)
class Terms:
    """What a provider sells, and how far it goes along with a client.

    fee            smallest units
    patience       seconds from a request to its prompt
    longest        seconds from a prompt to the lock of the fee, whatever deadline a client names
    kept           seconds for which an ended round's content can still be fetched
    open_rounds    of one funded client; all_rounds: of all of them together
    registered     of one client that is registered and no more, and of all of those
    strangers      of one stranger, and of all of them
    unpaid         rounds that a client may take the content of and not pay, before it is refused
    challenge      least and greatest challenge period of a channel, seconds
    """

    account: str
    token: str
    modality: str
    fee: int
    modes: frozenset[LockMode]
    patience: int = 60
    longest: int = 600
    kept: int = 3_600
    open_rounds: int = 64
    all_rounds: int = 1_024
    registered: tuple[int, int] = (8, 256)
    strangers: tuple[int, int] = (2, 32)
    unpaid: int = 3
    challenge: tuple[int, int] = (60, 30 * 86_400)

    def places(self, standing: Standing) -> tuple[int, int]:
        """Rounds that one client of this standing may have open, and all of them together."""
        match standing:
            case Standing.STRANGER:
                return self.strangers
            case Standing.REGISTERED:
                return self.registered
            case Standing.FUNDED:
                return self.open_rounds, self.all_rounds
            case _:
                assert_never(standing)


@dataclass(frozen=True, slots=True)
class Round:
    """One round.

    deadline   second after which it is given up, unless its fee is locked
    prompt     empty until it arrived
    key        opens the ciphertext and is the preimage, under key release
    served     whether plaintext has left the provider
    standing   of the client when it asked; FUNDED once the prompt came
    """

    request: SignedRequest
    fee: Uint128
    deadline: Uint64
    stage: Stage
    prompt: str = ""
    product: Product | None = None
    key: Bytes32 = NO_HASH
    served: bool = False
    standing: Standing = Standing.STRANGER

    @property
    def channel(self) -> ChannelId:
        """The channel it is paid over."""
        return id_of(self.request.channel)

    @property
    def client(self) -> str:
        """The client's account, in lower case."""
        return self.request.channel.client.lower()

    def waits_for(self, lock: Lock) -> bool:
        """Whether this lock is the payment of this round."""
        product = self.product
        if product is None or lock.product != product.digest or lock.amount != self.fee:
            return False
        return product.key_hash in (NO_HASH, lock.hash)


@dataclass(frozen=True, slots=True)
class Desk:
    """All rounds of a provider, and who has not paid."""

    rounds: Annotated[Mapping[RequestId, Round], Size(0, 1 << 20)]
    unpaid: Annotated[Mapping[str, Uint32], Size(0, 1 << 20)]


EMPTY: Final = Desk({}, {})

# ---------------------------------------------------------------- inputs


@dataclass(frozen=True, slots=True)
class Asked:
    """A request whose signature holds."""

    id: RequestId
    request: SignedRequest
    standing: Standing = Standing.STRANGER


@dataclass(frozen=True, slots=True)
class Prompted:
    """The prompt of a request, decrypted."""

    id: RequestId
    prompt: OpenPrompt


@dataclass(frozen=True, slots=True)
class Made:
    """The model has answered, and the content is stored."""

    id: RequestId
    product: Product
    key: Bytes32


@dataclass(frozen=True, slots=True)
class NotMade:
    """The model could not."""

    id: RequestId


@dataclass(frozen=True, slots=True)
class Served:
    """Plaintext of the round is about to leave."""

    id: RequestId


@dataclass(frozen=True, slots=True)
class FeeLocked:
    """Both ends of a channel agreed to a lock that pays us."""

    channel: ChannelId
    lock: Lock


@dataclass(frozen=True, slots=True)
class FeeConcluded:
    """A lock that was to pay us has ended."""

    channel: ChannelId
    lock: Lock
    paid: bool


@dataclass(frozen=True, slots=True)
class Tick:
    """Time passes."""


Input = Asked | Prompted | Made | NotMade | Served | FeeLocked | FeeConcluded | Tick


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the journal."""

    now: Uint64
    input: Input


ENTRIES: Final = Codec[Entry](Entry)
DESK: Final = Codec[Desk](Desk)

# ---------------------------------------------------------------- effects


@dataclass(frozen=True, slots=True)
class Acknowledge:
    """Sign and send a step of the handshake."""

    id: RequestId
    step: int


@dataclass(frozen=True, slots=True)
class Refuse:
    """Say no."""

    refusal: Refusal


@dataclass(frozen=True, slots=True)
class Generate:
    """Run the model."""

    id: RequestId
    prompt: str


@dataclass(frozen=True, slots=True)
class Announce:
    """Tell who waits for it what was made, and offer it on the channel."""

    id: RequestId


Effect = Acknowledge | Refuse | Generate | Announce


def step(desk: Desk, input_: Input, now: int, terms: Terms) -> tuple[Desk, tuple[Effect, ...]]:
    """Decide. A repeated input has the same answer; one that fits nothing changes nothing.

    now   seconds
    """
    match input_:
        case Asked():
            return _asked(desk, input_, now, terms)
        case Prompted(request_id, prompt):
            return _prompted(desk, request_id, prompt, now, terms)
        case Made(request_id, product, key):
            return _made(desk, request_id, product, key)
        case NotMade(request_id):
            return _ended(desk, request_id, Stage.LOST), ()
        case Served(request_id):
            return _served(desk, request_id), ()
        case FeeLocked(channel, lock):
            return _locked(desk, channel, lock), ()
        case FeeConcluded(channel, lock, paid):
            return _concluded(desk, channel, lock, paid), ()
        case Tick():
            return _swept(desk, now, terms), ()
        case _:
            assert_never(input_)


def resume(desk: Desk) -> tuple[Effect, ...]:
    """What a process that has just read its journal must do again."""
    making = [
        Generate(request_id, each.prompt)
        for request_id, each in desk.rounds.items()
        if each.stage is Stage.MAKING
    ]
    made = [
        Announce(request_id) for request_id, each in desk.rounds.items() if each.stage is Stage.MADE
    ]
    return (*making, *made)


def may_serve(desk: Desk, request_id: RequestId) -> Round:
    """The round whose blocks may be fetched now. (SPEC PR-6, PR-7)

    Plaintext once its fee is locked or paid, ciphertext from the announcement on.

    raises   InvalidInput if there is no such round, or it is too early
    """
    found = desk.rounds.get(request_id)
    if found is None or found.product is None:
        raise InvalidInput("no such round")
    encrypted = found.product.key_hash != NO_HASH
    if not encrypted and found.stage not in (Stage.LOCKED, Stage.PAID):
        raise InvalidInput("the content is served once its fee is locked")
    return found


# ---------------------------------------------------------------- the handshake


def _asked(desk: Desk, asked: Asked, now: int, terms: Terms) -> tuple[Desk, tuple[Effect, ...]]:
    if asked.id in desk.rounds:
        return desk, (Acknowledge(asked.id, 1),)
    request, standing = asked.request, asked.standing
    client = request.channel.client.lower()
    refusal = _misfit(request, now, terms) or _burden(desk, client, standing, terms)
    if refusal is not None:
        return desk, (Refuse(refusal),)
    deadline = min(request.deadline, now + terms.patience)
    agreed = Round(request, terms.fee, deadline, Stage.AGREED, standing=standing)
    return _with(desk, asked.id, agreed), (Acknowledge(asked.id, 1),)


def _misfit(request: SignedRequest, now: int, terms: Terms) -> Refusal | None:
    """What in a request does not fit what is sold."""
    channel, details = request.channel, request.details
    least, greatest = terms.challenge
    rules = (
        (
            channel.provider.lower() == terms.account.lower(),
            Refusal("wrong_provider", "the channel is not with this provider"),
        ),
        (
            channel.token.lower() == terms.token.lower(),
            Refusal("wrong_token", f"fees are taken in {terms.token}"),
        ),
        (
            least <= channel.challenge_period <= greatest,
            Refusal("challenge_period", f"the period must be {least} to {greatest} seconds"),
        ),
        (
            details.modality == terms.modality,
            Refusal("modality", f"this provider makes {terms.modality}"),
        ),
        (
            details.mode in terms.modes,
            Refusal("mode", "this provider does not take this mode of lock"),
        ),
        (request.max_fee >= terms.fee, Refusal("fee", f"the fee is {terms.fee}")),
        (request.deadline > now, Refusal("deadline", "the deadline has passed")),
    )
    return next((refusal for holds, refusal in rules if not holds), None)


def unlocked_rounds(desk: Desk, client: str) -> int:
    """How many rounds of a client are open whose fee is not locked yet."""
    before = OPEN_STAGES - {Stage.LOCKED}
    return sum(each.client == client and each.stage in before for each in desk.rounds.values())


def _burden(desk: Desk, client: str, standing: Standing, terms: Terms) -> Refusal | None:
    """Whether a client, or all of its standing, ask too much."""
    if desk.unpaid.get(client, 0) > terms.unpaid:
        return Refusal("unpaid", "content was taken and not paid for")
    open_now = [
        each
        for each in desk.rounds.values()
        if each.standing is standing and each.stage in OPEN_STAGES
    ]
    of_one, of_all = terms.places(standing)
    if sum(each.client == client for each in open_now) >= of_one:
        return Refusal("busy", "too many rounds of this client are open")
    if len(open_now) >= of_all:
        return Refusal("busy", f"too many rounds of {standing.name.lower()} clients are open")
    return None


def _prompted(
    desk: Desk, request_id: RequestId, prompt: OpenPrompt, now: int, terms: Terms
) -> tuple[Desk, tuple[Effect, ...]]:
    found = desk.rounds.get(request_id)
    if found is None:
        return desk, (Refuse(Refusal("unknown_request", "ask first")),)
    if prompt_hash(prompt) != found.request.details.prompt:
        return desk, (Refuse(Refusal("wrong_prompt", "the prompt is not the one asked with")),)
    if found.stage is not Stage.AGREED:
        return desk, (Acknowledge(request_id, 2),)
    if now > found.deadline:
        return desk, (Refuse(Refusal("deadline", "the prompt came too late")),)
    deadline = min(found.request.deadline, now + terms.longest)
    making = replace(
        found,
        stage=Stage.MAKING,
        prompt=prompt.text,
        deadline=deadline,
        standing=Standing.FUNDED,
    )
    return _with(desk, request_id, making), (
        Acknowledge(request_id, 2),
        Generate(request_id, prompt.text),
    )


# ---------------------------------------------------------------- content and payment


def _made(
    desk: Desk, request_id: RequestId, product: Product, key: bytes
) -> tuple[Desk, tuple[Effect, ...]]:
    found = desk.rounds.get(request_id)
    if found is None or found.stage is not Stage.MAKING:
        return desk, ()
    made = replace(found, stage=Stage.MADE, product=product, key=key)
    return _with(desk, request_id, made), (Announce(request_id),)


def _served(desk: Desk, request_id: RequestId) -> Desk:
    found = desk.rounds.get(request_id)
    if found is None or found.served:
        return desk
    return _with(desk, request_id, replace(found, served=True))


def _find(desk: Desk, channel: ChannelId, lock: Lock, stage: Stage) -> RequestId | None:
    if lock.product == NO_PRODUCT:
        return None
    return next(
        (
            request_id
            for request_id, each in desk.rounds.items()
            if each.stage is stage and each.channel == channel and each.waits_for(lock)
        ),
        None,
    )


def _locked(desk: Desk, channel: ChannelId, lock: Lock) -> Desk:
    request_id = _find(desk, channel, lock, Stage.MADE)
    if request_id is None:
        return desk
    return _with(desk, request_id, replace(desk.rounds[request_id], stage=Stage.LOCKED))


def _concluded(desk: Desk, channel: ChannelId, lock: Lock, paid: bool) -> Desk:
    request_id = _find(desk, channel, lock, Stage.LOCKED)
    if request_id is None:
        return desk
    return _ended(desk, request_id, Stage.PAID if paid else Stage.LOST)


def _ended(desk: Desk, request_id: RequestId, stage: Stage) -> Desk:
    found = desk.rounds.get(request_id)
    if found is None or found.stage not in OPEN_STAGES:
        return desk
    after = _with(desk, request_id, replace(found, stage=stage))
    if stage is Stage.LOST and found.served:
        count = desk.unpaid.get(found.client, 0) + 1
        return replace(after, unpaid={**desk.unpaid, found.client: count})
    return after


def _swept(desk: Desk, now: int, terms: Terms) -> Desk:
    """Give up what nobody locked a fee for in time, and forget what ended long ago."""
    rounds: dict[RequestId, Round] = {}
    for request_id, each in desk.rounds.items():
        if each.stage in (Stage.AGREED, Stage.MAKING, Stage.MADE) and now > each.deadline:
            rounds[request_id] = replace(each, stage=Stage.LOST)
        elif each.stage in OPEN_STAGES or now <= each.deadline + terms.kept:
            rounds[request_id] = each
    return replace(desk, rounds=rounds)


def _with(desk: Desk, request_id: RequestId, each: Round) -> Desk:
    return replace(desk, rounds={**desk.rounds, request_id: each})
