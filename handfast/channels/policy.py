"""Which channels a peer agrees to run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from handfast.channels.state import Parameters
from handfast.channels.terms import Timing
from handfast.errors import Rejected


def no_deposit(
    parameters: Parameters, client_deposit: int, provider_deposit: int, deadline: int
) -> bool:
    """Deposit nothing. Whoever opens a channel without our deposit needs no consent."""
    _ = parameters, client_deposit, provider_deposit, deadline
    return False


_USUAL = Timing()


@dataclass(frozen=True, slots=True)
class Policy:
    """What a peer agrees to.

    market_token    its rounds give receipts
    tokens          others that channels may be in, in lower case
    challenge       least and greatest challenge period, seconds
    channels        most that are run
    wallets         whether to deal with contract wallets; see `Terms.wallet`
    consents        whether to sign an Opening: channel, deposits of client and provider, deadline
    """

    market_token: str
    tokens: frozenset[str] = frozenset()
    challenge: tuple[int, int] = (60, 30 * 86_400)
    channels: int = 10_000
    wallets: bool = False
    timing: Timing = _USUAL
    consents: Callable[[Parameters, int, int, int], bool] = no_deposit

    def require(self, parameters: Parameters, running: int) -> None:
        """Check the parameters of a channel that is to be taken up beside so many others.

        raises   Rejected with the reason
        """
        token = parameters.token.lower()
        if token != self.market_token.lower() and token not in self.tokens:
            raise Rejected(f"no channels in token {parameters.token}", "token")
        low, high = self.challenge
        if not low <= parameters.challenge_period <= high:
            raise Rejected(f"the challenge period must be {low} to {high} s", "challenge_period")
        if running >= self.channels:
            raise Rejected(f"{running} channels are run already", "too_many_channels")
