"""What a party is told before it signs: who pays for what, and who wins by silence. (SPEC MK)"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from handfast.chain.rules import ETHER
from handfast.market.state import NATIVE
from handfast.protocol.constants import SELLER_PENALTY

_MINUTE: Final = 60
_HOUR: Final = 60 * _MINUTE
_DAY: Final = 24 * _HOUR


@dataclass(frozen=True, slots=True)
class Money:
    """How amounts are written.

    market_token   address of MarketToken
    """

    market_token: str

    def text(self, amount: int, token: str) -> str:
        """An amount for people, exact."""
        if token == NATIVE:
            return f"{_decimal(amount)} ETH"
        if token.lower() == self.market_token.lower():
            return f"{_decimal(amount)} MarketToken"
        return f"{amount} of token {token}"


@dataclass(frozen=True, slots=True)
class Conditions:
    """What the market was told for ever, and what the court asks.

    delivery_period, challenge_period   seconds
    court_fee                           of a case about quality, in MarketToken
    """

    delivery_period: int
    challenge_period: int
    court_fee: int


def purchase_terms(price: str, bond: int, conditions: Conditions, money: Money) -> tuple[str, ...]:
    """What a buyer agrees to by paying."""
    token = money.market_token
    penalty, held = money.text(SELLER_PENALTY, token), money.text(bond, token)
    delivery, challenge = span(conditions.delivery_period), span(conditions.challenge_period)
    fee = money.text(conditions.court_fee, token)
    return (
        f"You pay {price} into escrow now, and the gas of your transactions.",
        (
            f"The seller has {delivery} to hand over the key. If it stays silent, you win: the "
            "price comes back."
        ),
        (
            f"Then you have {challenge} to object. This process decrypts, verifies and objects by "
            "itself; if it does not run in that time, the seller wins and is paid."
        ),
        (
            f"A wrong key or chunk is proven on chain: the price comes back, and the seller loses "
            f"{penalty} of its bond (it has {held}). Proving costs you gas alone."
        ),
        "A claim that proves to be false pays the seller at once and lowers your reputation.",
        (
            f"Whether the goods are as described no proof can tell: a panel of voters can, for "
            f"{fee}. You pay that and lose it if you lose; if you win it comes out of the seller's "
            "bond, as far as that goes. If the panel stays silent, the seller wins."
        ),
    )


def dispute_terms(price: str, conditions: Conditions, money: Money) -> tuple[str, ...]:
    """What a buyer agrees to by going to the court."""
    fee = money.text(conditions.court_fee, money.market_token)
    return (
        f"You pay the panel's fee of {fee} now.",
        (
            f"If it rules for you, {price} comes back, and the fee out of the seller's bond, as "
            "far as that goes. If it rules for the seller, you lose both, and reputation."
        ),
        "If the panel stays silent or is divided, the seller wins.",
        "Either side can pay for a larger panel; who loses in the end has paid its own appeals.",
    )


def span(seconds: int) -> str:
    """A duration for people, exact."""
    for unit, name in ((_DAY, "day"), (_HOUR, "hour"), (_MINUTE, "minute"), (1, "second")):
        if seconds % unit == 0 and seconds >= unit:
            count = seconds // unit
            return f"{count} {name}{'' if count == 1 else 's'}"
    return "no time"


def _decimal(amount: int) -> str:
    whole, rest = divmod(amount, ETHER)
    return f"{whole}.{rest:018d}".rstrip("0").rstrip(".")
