"""Has a funded channel to a provider ready, opening or topping it up where need be.

What was opened is never forgotten: a channel's parameters are in the journal before its opening is
sent, and a restart looks for those that are not run yet.
"""

from __future__ import annotations

import asyncio
import secrets

from handfast import log
from handfast.chain.channels import ChannelHub
from handfast.chain.token import MarketToken
from handfast.channels.channel import spendable
from handfast.channels.handles import ClientChannel
from handfast.channels.live import Live
from handfast.channels.network import Network
from handfast.channels.peer import Peer
from handfast.channels.rules import id_of
from handfast.channels.state import Parameters, same_account
from handfast.codec import Codec
from handfast.crypto.keccak import keccak
from handfast.errors import Rejected, Unavailable
from handfast.process import World

_log = log.get(__name__)

_OPENINGS = b"openings"
_PARAMETERS = Codec[Parameters](Parameters)
_CHANNEL_ROUTE = "/channel"
_CERTAIN_SECONDS = 120.0
_MEET_SECONDS = 15.0
_LOOK_SECONDS = 0.1


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
        self._opening: dict[str, asyncio.Lock] = {}

    async def resume(self) -> None:
        """Take up the channels that were being opened when the process died."""
        for line in self._world.scribe.journal.load(_OPENINGS).lines:
            parameters = _PARAMETERS.decode(line)
            if id_of(parameters) in self._peer.channels:
                continue
            try:
                await self._peer.take_up(parameters)
                _log.info("found a channel that was opened", provider=parameters.provider)
            except Rejected as error:
                _log.info("a channel was not opened", reason=error.reason)

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
        return Parameters(
            self._world.identity.address.lower(),
            provider.lower(),
            self._world.deployment.market_token.address.lower(),
            self._challenge_period,
            secrets.token_bytes(32),
        )

    async def ready(self, parameters: Parameters, endpoint: str, fee: int) -> Live:
        """The channel with these parameters, open, funded for the fee, and connected.

        raises   Rejected if the account can't pay, Unavailable if the chain or the provider does
                 not answer
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
            if not channel.end.channel.leaving:
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
        deposit = max(self._deposit, fee)
        stream = self._world.scribe.stream(_OPENINGS)
        stream.append(_PARAMETERS.encode(parameters))
        await stream.sync()
        await self._allow(deposit, id_of(parameters))
        call = self._hub.open(parameters, deposit, 0, own=deposit)
        await self._world.sender.send(f"open {id_of(parameters).hex()}", call)
        _log.info("channel opened", provider=parameters.provider, deposit=deposit)
        deadline = _deadline(_CERTAIN_SECONDS)
        while True:
            try:
                return await self._peer.take_up(parameters)
            except Rejected as error:
                if error.reason != "not_open":  # else it is not deep enough yet
                    raise
            await _pause(deadline, "the channel's opening is not certain yet")

    async def _top_up(self, live: Live, fee: int) -> None:
        amount = max(self._deposit, fee)
        before = live.end.channel.holdings.client_deposit
        deed = keccak(live.id + before.to_bytes(16, "big"))
        await self._allow(amount, deed)
        call = self._hub.top_up(live.terms.parameters, live.terms.parameters.client, amount)
        await self._world.sender.send(f"top up {deed.hex()}", call)
        _log.info("channel topped up", provider=live.terms.peer, amount=amount)
        deadline = _deadline(_CERTAIN_SECONDS)
        while live.end.channel.holdings.client_deposit <= before:
            await _pause(deadline, "the top-up is not certain yet")

    async def _allow(self, amount: int, deed: bytes) -> None:
        """Let the hub take an amount; the deed it is for names the transaction."""
        owner, hub = self._world.identity.address, self._hub.address
        if await self._token.allowance(owner, hub) < amount:
            call = self._token.approve(hub, amount)
            await self._world.sender.send(f"approve {deed.hex()}", call)


def _deadline(seconds: float) -> float:
    return asyncio.get_running_loop().time() + seconds


async def _pause(deadline: float, missed: str) -> None:
    """Wait a moment before the next look; Unavailable once the deadline has passed."""
    if asyncio.get_running_loop().time() > deadline:
        raise Unavailable(missed)
    await asyncio.sleep(_LOOK_SECONDS)
