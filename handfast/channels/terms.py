"""What an end of a channel goes by: who it deals with, how long it waits, what it accepts."""

from __future__ import annotations

from dataclasses import dataclass

from handfast.channels.rules import id_of
from handfast.channels.state import ChannelId, Parameters
from handfast.channels.wire import Party
from handfast.codec import Uint64
from handfast.errors import InvalidInput
from handfast.protocol.messages import Domain


@dataclass(frozen=True, slots=True)
class Timing:
    """How long an end waits, in seconds. Each end guards itself: the two need not be alike.

    instruction  what a step of a round may take before it is taken back
    patience     how long a silent peer is borne before the channel is left
    margin       so long before the expiry a preimage that waits for its payment goes on chain: what
                 it takes to get a transaction in, whatever the clocks and the fees
    lifetime     of the locks that we propose
    shortest     remaining life below which we do not agree to a lock, nor release a key for it
    longest      remaining life above which we do not agree to a lock
    closing      how long what we sign for a close or a withdrawal is good
    retry        after which an action on chain that shows no effect is asked for again
    """

    instruction: Uint64 = 60
    patience: Uint64 = 120
    margin: Uint64 = 600
    lifetime: Uint64 = 3_600
    shortest: Uint64 = 1_200
    longest: Uint64 = 86_400
    closing: Uint64 = 600
    retry: Uint64 = 60

    def __post_init__(self) -> None:
        if not 0 < self.margin < self.shortest <= self.lifetime <= self.longest:
            raise InvalidInput("timing must have 0 < margin < shortest <= lifetime <= longest")
        if 0 in (self.instruction, self.patience, self.closing, self.retry):
            raise InvalidInput("a timer must be at least one second")


_USUAL = Timing()


@dataclass(frozen=True, slots=True)
class Terms:
    """A channel as one end sees it, fixed when the end takes it up.

    party         which end this is
    rated         whether settled rounds give receipts: the token is MarketToken
    first_nonce   of the first lock: a client numbers what it locks for a provider through all
                  their channels in MarketToken (SPEC RP-1)
    wallet        whether the peer may sign by ERC-1271. That is consent to more than a format: a
                  contract can stop accepting what it accepted, and take an agreed state with it.
                  (SPEC CH-18)
    """

    party: Party
    domain: Domain
    parameters: Parameters
    rated: bool
    first_nonce: Uint64 = 1
    wallet: bool = False
    timing: Timing = _USUAL

    @property
    def channel(self) -> ChannelId:
        """The channel's id."""
        return id_of(self.parameters)

    @property
    def peer(self) -> str:
        """The account at the other end."""
        return self.account(Party.PROVIDER if self.party is Party.CLIENT else Party.CLIENT)

    def account(self, party: Party) -> str:
        """A party's account."""
        parameters = self.parameters
        return parameters.client if party is Party.CLIENT else parameters.provider
