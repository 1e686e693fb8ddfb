"""Has a funded channel to a provider ready, opening or topping it up where need be.

What was opened is never forgotten: a channel's parameters are in the journal before its opening is
sent, and a restart goes on with those that are not run yet.
"""

from __future__ import annotations

import asyncio
import secrets
from contextlib import suppress
from dataclasses import dataclass

from handfast import log
from handfast.chain.channels import ChannelHub
from handfast.chain.client import Call
from handfast.chain.token import MarketToken
from handfast.channels.channel import spendable
from handfast.channels.handles import ClientChannel
from handfast.channels.live import Live
from handfast.channels.network import Network
from handfast.channels.peer import Peer
from handfast.channels.rules import id_of
from handfast.channels.state import ChannelId, Parameters, same_account
from handfast.codec import Codec, Uint128
from handfast.crypto.keccak import keccak
from handfast.errors import InvalidInput, Rejected, Unavailable
from handfast.process import World
from handfast.protocol.constants import ChannelPhase

_log = log.get(__name__)

OPENINGS = b"openings"
"""Name of the journal's stream of channels that are being opened."""

_FAILED = "failed"
_CHANNEL_ROUTE = "/channel"
_CERTAIN_SECONDS = 900.0
_MEET_SECONDS = 60.0
_LOOK_SECONDS = 0.1


class Poor(Rejected):
    """The account has not what a channel takes: no other provider is worth asking."""


@dataclass(frozen=True, slots=True)
class Opening:
    """A channel that we open, and with how much."""

    parameters: Parameters
    deposit: Uint128


OPENING_LINES = Codec[Opening](Opening)


class ClientChannels:
    """The channels of one client, by provider.

    deposit           of a new channel, and of a top-up, in smallest units
    challenge_period  of a new channel, seconds
    """

    def __init__(
        self, world: World, peer: Peer, network: Network, deposit: int, challenge_period: int
    ) -> None:
        self._world = world
        self._peer = peer
        self._network = network
        self._deposit = deposit
        self._challenge_period = challenge_period
        self._hub = ChannelHub(world.chain, world.deployment.channel_hub.address)
        self._token = MarketToken(world.chain, world.deployment.market_token.address)
        self._lines = world.scribe.stream(OPENINGS)
        self._planned: dict[str, Parameters] = {}
        self._sent: dict[ChannelId, Opening] = {}
        self._opening: dict[str, asyncio.Lock] = {}
        self._allowing = asyncio.Lock()

    async def resume(self) -> None:
        """Take up the channels that were being opened when the process died."""
        for line in self._lines.load().lines:
            opening = OPENING_LINES.decode(line)
            channel = id_of(opening.parameters)
            if channel in self._peer.channels or self._lines.find(_FAILED, channel) is not None:
                continue
            phase = (await self._hub.channel(channel)).phase
            if phase is ChannelPhase.CLOSED:
                _log.warning("a channel ended before it was used", channel=channel.hex())
                continue
            if phase is not ChannelPhase.CLOSING:
                # The next round with this provider goes on with it; if it was sent, it shows.
                self._sent[channel] = opening
                self._planned[opening.parameters.provider.lower()] = opening.parameters
            self._peer.spawn(self._find(opening.parameters), "opening")

    async def _find(self, parameters: Parameters) -> None:
        try:
            await self._certain(parameters, ending=True)
        except (Rejected, Unavailable) as error:
            _log.info("a channel was not opened", reason=str(error))

    def usable(self, provider: str) -> Live | None:
        """The channel to a provider that rounds can be paid over."""
        token = self._world.deployment.market_token.address
        for live in self._peer.channels.values():
            known = live.terms.parameters
            ours = same_account(known.provider, provider) and same_account(known.token, token)
            if ours and not live.end.channel.leaving and not live.over.is_set():
                return live
        return None

    def plan(self, provider: str) -> Parameters:
        """Parameters of the channel to pay a provider over: the one there is, or a new one's."""
        live = self.usable(provider)
        if live is not None:
            return live.terms.parameters
        planned = self._planned.get(provider.lower())
        if planned is None or id_of(planned) in self._peer.channels:
            planned = self._planned[provider.lower()] = Parameters(
                self._world.identity.address.lower(),
                provider.lower(),
                self._world.deployment.market_token.address.lower(),
                self._challenge_period,
                secrets.token_bytes(32),
            )
        return planned

    async def ready(self, parameters: Parameters, endpoint: str, fee: int) -> Live:
        """The channel with these parameters, open, funded for the fee, and connected.

        raises   Poor if the account can't pay, Unavailable if the chain or the provider does not
                 answer
        """
        lock = self._opening.setdefault(parameters.provider.lower(), asyncio.Lock())
        async with lock:
            live = self._peer.channels.get(id_of(parameters))
            if live is None:
                live = await self._open(parameters, fee)
            elif self.free(live) < fee:
                await self._top_up(live, fee)
            await self.meet(live, endpoint)
        return live

    def free(self, live: Live) -> int:
        """What the client can still lock."""
        channel = live.end.channel
        balance = spendable(channel, self._peer.now()).client_balance(channel.agreed)
        return balance - channel.agreed.locked_by_client

    async def close_all(self) -> None:
        """End every channel, with its provider where that answers."""
        channels = [
            ClientChannel(self._peer, live)
            for live in self._peer.channels.values()
            if not live.over.is_set()
        ]
        for channel in channels:
            # It may be ending by itself just now.
            with suppress(InvalidInput):
                await channel.close()
        await asyncio.gather(*(channel.over() for channel in channels))

    async def meet(self, live: Live, endpoint: str) -> None:
        """Connect to the provider, and have it take the channel up."""
        url = endpoint.replace("http", "ws", 1).rstrip("/") + _CHANNEL_ROUTE
        await self._network.connect(url, live.terms.peer)
        deadline = _deadline(_MEET_SECONDS)
        while live.session is None:
            # The provider declines until the opening is certain to it.
            await self._network.introduce(live)
            await _pause(deadline, f"{live.terms.peer} does not take up the channel")

    # ------------------------------------------------------------ internals

    async def _open(self, parameters: Parameters, fee: int) -> Live:
        channel = id_of(parameters)
        opening = self._sent.get(channel)
        if opening is None:
            opening = Opening(parameters, max(self._deposit, fee))
            self._lines.append(OPENING_LINES.encode(opening))
            await self._lines.sync()
            self._sent[channel] = opening
        deposit = opening.deposit
        call = self._hub.open(parameters, deposit, 0, own=deposit)
        try:
            await self._pay_in(f"open {channel.hex()}", call, deposit)
        except Rejected as error:
            if not isinstance(error, Poor):
                await self._forget(parameters)
            raise
        _log.info("channel opened", provider=parameters.provider, deposit=deposit)
        return await self._certain(parameters)

    async def _forget(self, parameters: Parameters) -> None:
        """The chain refused the opening: the next one has other parameters."""
        self._planned.pop(parameters.provider.lower(), None)
        self._lines.note(_FAILED, id_of(parameters), b"")
        await self._lines.sync()

    async def _certain(self, parameters: Parameters, *, ending: bool = False) -> Live:
        """The channel, once its opening is certain; or, if wanted, that it is Closing."""
        deadline = _deadline(_CERTAIN_SECONDS)
        while True:
            try:
                return await self._peer.take_up(parameters, ending=ending)
            except Rejected as error:
                if error.reason != "not_open":  # else it is not deep enough yet
                    raise
            await _pause(deadline, "the channel's opening is not certain yet")

    async def _top_up(self, live: Live, fee: int) -> None:
        amount = max(self._deposit, fee)
        before = live.end.channel.holdings.client_deposit
        deed = keccak(live.id + before.to_bytes(16, "big"))
        call = self._hub.top_up(live.terms.parameters, live.terms.parameters.client, amount)
        await self._pay_in(f"top up {deed.hex()}", call, amount)
        _log.info("channel topped up", provider=live.terms.peer, amount=amount)
        deadline = _deadline(_CERTAIN_SECONDS)
        while live.end.channel.holdings.client_deposit <= before:
            await _pause(deadline, "the top-up is not certain yet")

    async def _pay_in(self, deed: str, call: Call, amount: int) -> None:
        """Let the hub take an amount, and do the call that takes it.

        raises   Poor if the account has not so much, or can't pay for the transactions
        """
        owner, hub, sender = self._world.identity.address, self._hub.address, self._world.sender
        # One at a time: the allowance is one for all channels.
        async with self._allowing:
            try:
                if not sender.knows(deed):
                    held = await self._token.balance_of(owner)
                    if held < amount:
                        raise Poor(f"{owner} has {held}, a channel takes {amount}", "no_funds")
                    if await self._token.allowance(owner, hub) < amount:
                        approval = self._token.approve(hub, amount)
                        await sender.send(f"approve {secrets.token_hex(16)}", approval)
                await sender.send(deed, call)
            except Rejected as error:
                if error.reason == "InsufficientFunds":
                    raise Poor(str(error), error.reason) from error
                raise


def _deadline(seconds: float) -> float:
    return asyncio.get_running_loop().time() + seconds


async def _pause(deadline: float, missed: str) -> None:
    """Wait a moment before the next look; Unavailable once the deadline has passed."""
    if asyncio.get_running_loop().time() > deadline:
        raise Unavailable(missed)
    await asyncio.sleep(_LOOK_SECONDS)
