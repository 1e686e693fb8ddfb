"""What to do about a transaction that was signed, and where two histories of a chain part."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass

from handfast.errors import Unavailable

GWEI = 10**9
ETHER = 10**18

CONFIRMATIONS = 12
"""What a process waits for where nothing else is set, its own block included. (SPEC PR-14)"""
_LOCAL_CHAINS = frozenset((31_337, 1_337))


def default_confirmations(chain_id: int) -> int:
    """How many blocks make a fact of this chain certain, unless somebody says otherwise."""
    return 1 if chain_id in _LOCAL_CHAINS else CONFIRMATIONS


@dataclass(frozen=True, slots=True)
class Fees:
    """EIP-1559 fees, in wei per gas."""

    max_fee: int
    priority: int


@dataclass(frozen=True, slots=True)
class Policy:
    """How patiently and how dearly transactions are sent.

    confirmations   blocks that must hold a transaction, its own included, before it counts
    stuck_blocks    blocks that may pass by the next transaction before it is sent again dearer
    max_fee         ceiling of what is bid, in wei per gas
    hold            looks for which what fell out of the chain, and would fail now, is held back
    interval        seconds between two looks while something is under way
    idle_interval   seconds between two looks while nothing is
    """

    confirmations: int = 1
    stuck_blocks: int = 3
    max_fee: int = 500 * GWEI
    hold: int = 30
    interval: float = 1.0
    idle_interval: float = 12.0


def first_fees(base_fee: int, priority: int, ceiling: int) -> Fees:
    """Fees that hold out while the base fee doubles, or as far as the ceiling allows.

    raises   Unavailable if the chain is dearer than the ceiling now
    """
    if base_fee + priority > ceiling:
        raise Unavailable(
            f"gas costs {base_fee + priority} wei now, more than the ceiling of {ceiling}"
        )
    return Fees(min(2 * base_fee + priority, ceiling), priority)


def bumped_fees(fees: Fees, market: Fees, ceiling: int) -> Fees | None:
    """Fees of a replacement: a quarter more, as nodes ask for at least a tenth, and what the
    market asks. None if the ceiling leaves no room for that."""
    priority = max(_quarter_more(fees.priority), market.priority)
    max_fee = max(_quarter_more(fees.max_fee), market.max_fee, priority)
    if max_fee > ceiling:
        return None
    return Fees(max_fee, priority)


def _quarter_more(amount: int) -> int:
    return amount + -(-amount // 4) + 1


class Refusal(enum.Enum):
    """Why a node did not take a transaction."""

    KNOWN = "it has it already"
    NONCE_USED = "the nonce was used"
    UNDERPRICED = "it bids too little"
    FUNDS = "the account can't pay"
    FINAL = "it will never be taken"


# Nodes share no error codes, only phrases: geth, Nethermind, Besu, Erigon, Reth and Anvil.
_PHRASES = (
    (Refusal.KNOWN, ("already known", "already imported", "known transaction", "already in")),
    (Refusal.NONCE_USED, ("nonce too low", "nonce is too low", "oldnonce", "nonce_too_low")),
    (
        Refusal.UNDERPRICED,
        ("underpriced", "less than block base fee", "feetoolow", "too low", "below current"),
    ),
    (Refusal.FUNDS, ("insufficient funds", "insufficient balance", "upfront cost")),
)


def classify_refusal(message: str) -> Refusal:
    """What a node's words about a transaction mean."""
    lowered = message.lower()
    for refusal, phrases in _PHRASES:
        if any(phrase in lowered for phrase in phrases):
            return refusal
    return Refusal.FINAL


@dataclass(frozen=True, slots=True)
class Seen:
    """What a look at the chain found about one transaction.

    head       number of the newest block
    count      transactions of the account up to the newest block
    mined_in   number of the block that holds one of its attempts; None if none does
    taken      whether a block deep enough shows another transaction under its nonce
    waited     blocks since its newest attempt was signed
    refusal    why the node did not take its newest attempt; None if it did
    fell_out   whether the chain held it before
    held       at so many looks in a row it was the account's next, and would have failed
    """

    head: int
    count: int
    mined_in: int | None
    taken: bool
    waited: int
    refusal: Refusal | None
    fell_out: bool = False
    held: int = 0


class Action(enum.Enum):
    """What to do about one transaction."""

    WAIT = "nothing yet"
    CONCLUDE = "it is deep enough: tell the outcome"
    BROADCAST = "hand the same bytes to the node again"
    BUMP = "replace it, dearer"
    CANCEL = "fill its nonce with nothing"
    RENEW = "its nonce went to another: sign it anew"


def is_deep(block: int, head: int, policy: Policy) -> bool:
    """Whether enough blocks stand on this one, itself included."""
    return head - block + 1 >= policy.confirmations


def next_action(nonce: int, seen: Seen, policy: Policy) -> Action:
    """Decide about a transaction of this nonce.

    All attempts under a nonce exclude each other, so whatever is done here, at most one takes
    effect. A new nonce is safe only once another transaction was seen under the old one: that the
    node has no receipt proves nothing, it may lag. What fell out of the chain goes back in order:
    what it builds on, another account's perhaps, may have to come first. (SPEC PR-12)
    """
    if seen.mined_in is not None:
        deep = is_deep(seen.mined_in, seen.head, policy)
        return Action.CONCLUDE if deep else Action.WAIT
    if seen.taken:
        return Action.RENEW
    if nonce < seen.count:
        return Action.WAIT
    if seen.refusal is Refusal.FINAL:
        return Action.CANCEL
    if seen.fell_out and nonce > seen.count:
        return Action.WAIT
    if seen.held:
        return Action.CANCEL if seen.held > policy.hold else Action.WAIT
    too_cheap = seen.refusal is Refusal.UNDERPRICED or seen.waited >= policy.stuck_blocks
    return Action.BUMP if nonce == seen.count and too_cheap else Action.BROADCAST


def funds_line(account: str, chain_id: int, label: str, needed: int, held: int) -> str:
    """The one line that says which account needs what."""
    return (
        f"{account} needs {ether(needed)} on chain {chain_id} for {label}, "
        f"it holds {ether(held)}: send it at least {ether(max(needed - held, 0))}"
    )


def ether(wei: int) -> str:
    """An amount for people, exact."""
    whole, rest = divmod(wei, ETHER)
    return f"{whole}.{rest:018d}".rstrip("0").rstrip(".") + " ETH"


@dataclass(frozen=True, slots=True)
class Point:
    """A block by number and hash."""

    number: int
    hash: bytes


def thinned(points: Sequence[Point], keep: int) -> tuple[Point, ...]:
    """Points worth remembering, so that the place where two histories part is found at any depth
    in little room: all of the last `keep` blocks, about two of each doubling of age before, and
    the oldest, where everything began.

    points   newest first
    """
    return tuple(
        point
        for position, point in enumerate(points)
        if position == len(points) - 1 or _is_kept(point.number, points[0].number, keep)
    )


def _is_kept(number: int, newest: int, keep: int) -> bool:
    age = newest - number
    # Multiples of a larger power of two are multiples of the smaller ones: what an older age asks
    # for has survived the younger ones.
    return age < keep or number % (1 << max(age.bit_length() - 2, 0)) == 0
