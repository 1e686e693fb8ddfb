"""Everything that can happen to an end of a channel: commands of the application, messages of the
peer, facts of the chain, and time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from handfast.channels.state import Holdings
from handfast.channels.wire import Message
from handfast.codec import Bytes32, Size, Uint64, Uint128
from handfast.protocol.constants import LockOutcome

# ---------------------------------------------------------------- commands to either end


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Take a round back. What was paid already cannot be."""

    hash: Bytes32


@dataclass(frozen=True, slots=True)
class Learn:
    """Here is the preimage of a pending lock: claim it if it pays us, pay it if it does not."""

    preimage: Bytes32


@dataclass(frozen=True, slots=True)
class Close:
    """End cooperatively once nothing is pending; alone if the peer does not answer."""


@dataclass(frozen=True, slots=True)
class Withdraw:
    """Have taken out `total` in all, with the peer's consent."""

    total: Uint128


@dataclass(frozen=True, slots=True)
class Leave:
    """End alone, by the agreed state, without asking the peer."""


# ---------------------------------------------------------------- commands to the client's end


@dataclass(frozen=True, slots=True)
class Buy:
    """Lock a fee for a product; NO_PRODUCT for money alone.

    hash      what the lock waits for: of `number`, or of the provider's key
    number    the preimage if the client chooses it, else None
    hold      do not reveal the number before `Learn` brings it: the content is looked at first
    """

    product: Bytes32
    amount: Uint128
    hash: Bytes32
    number: Bytes32 | None
    hold: bool = False


@dataclass(frozen=True, slots=True)
class Transfer:
    """Pay the provider, unconditionally."""

    amount: Uint128


# ---------------------------------------------------------------- commands to the provider's end


@dataclass(frozen=True, slots=True)
class Sell:
    """Offer a product for a fee.

    key         the preimage, to be released once the fee is locked; None if the client chooses
    deadline    last second at which to agree to the lock
    """

    product: Bytes32
    amount: Uint128
    key: Bytes32 | None
    deadline: Uint64


@dataclass(frozen=True, slots=True)
class Grant:
    """Ask for a lock of our money for the client."""

    amount: Uint128
    hash: Bytes32


# ---------------------------------------------------------------- from the peer and from time


@dataclass(frozen=True, slots=True)
class Heard:
    """A message of the authenticated peer.

    vouched    digests whose signatures in it the peer's contract wallet took (ERC-1271); None if it
               was not asked
    """

    message: Message
    vouched: Annotated[tuple[Bytes32, ...], Size(0, 256)] | None = None


@dataclass(frozen=True, slots=True)
class Connected:
    """A connection to the peer stands: say again what it may have missed. Changes nothing."""


@dataclass(frozen=True, slots=True)
class Tick:
    """The moment that `wake_at` named has come, or the process has started."""


# ---------------------------------------------------------------- from the chain

# Each is absolute, not a difference: hearing it twice, or after a re-organisation a different one,
# leads to what holds.


@dataclass(frozen=True, slots=True)
class Funded:
    """What the hub holds for the channel, after enough confirmations."""

    holdings: Holdings


@dataclass(frozen=True, slots=True)
class Registered:
    """A state stands registered, and can be replaced until `challenge_end`. No confirmations are
    waited for: answering costs nothing if it turns out not to hold.
    """

    version: Uint64
    challenge_end: Uint64


@dataclass(frozen=True, slots=True)
class Unregistered:
    """No state is registered and the channel has not ended, or not any more: a re-organisation may
    have undone either, or the opening itself.
    """


@dataclass(frozen=True, slots=True)
class Closed:
    """The channel has ended, after enough confirmations.

    version    of the state that was settled; None if the end was cooperative
    """

    version: Uint64 | None


@dataclass(frozen=True, slots=True)
class Revealed:
    """A preimage stands in the registry since `time`; 0 if a re-organisation took it out."""

    preimage: Bytes32
    time: Uint64


@dataclass(frozen=True, slots=True)
class Resolved:
    """The lock at this position of the settled state was resolved; ABSENT if a re-organisation took
    that back.
    """

    position: Uint64
    outcome: LockOutcome


@dataclass(frozen=True, slots=True)
class Final:
    """The end, and whatever was resolved after it, is too deep in the chain to be undone."""


Command = GiveUp | Learn | Close | Withdraw | Leave | Buy | Transfer | Sell | Grant
ChainFact = Funded | Registered | Unregistered | Closed | Revealed | Resolved | Final
Input = Command | Heard | Connected | Tick | ChainFact


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the journal: what happened, and when by our clock.

    now    seconds
    """

    now: Uint64
    input: Input
