"""A channel as an application uses it.

    channel = ClientChannel(peer, await peer.take_up(parameters))
    ended = await channel.buy(product, fee)              # settled with a receipt, or rolled back

    channel = ProviderChannel(peer, peer.find(channel_id))
    await channel.sell(product, fee, seconds=60)
    async for channel_id, event in peer.events(): ...    # Offered, Locked, Concluded, …

Every wait ends: each step of a round has its timer, and a silent peer is left by the chain.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Iterator

from handfast.channels.client import ClientEnd, Round
from handfast.channels.effects import Concluded, Result
from handfast.channels.ends import CONCLUDED, End
from handfast.channels.inputs import (
    Buy,
    Close,
    Command,
    GiveUp,
    Grant,
    Learn,
    Leave,
    Sell,
    Transfer,
    Withdraw,
)
from handfast.channels.live import ROUNDS, Live
from handfast.channels.peer import Peer
from handfast.channels.provider import ProviderEnd
from handfast.channels.state import ChannelId, Lock
from handfast.crypto.keccak import keccak
from handfast.errors import InvalidInput, Rejected

Check = Callable[[], Awaitable[bool]]
"""Looks at what was delivered; whether to pay for it."""


class Handle:
    """What both ends can do. Commands raise InvalidInput if they cannot be followed."""

    def __init__(self, peer: Peer, live: Live) -> None:
        self._peer = peer
        self._live = live

    @property
    def id(self) -> ChannelId:
        """The channel's id."""
        return self._live.id

    @property
    def end(self) -> End:
        """Everything that is known of the channel."""
        return self._live.end

    async def give_up(self, hash_: bytes) -> None:
        """Take back the round that waits for this hash, if it is not paid."""
        await self._do(GiveUp(hash_))

    async def withdraw(self, total: int) -> None:
        """Have taken out `total` in all since the opening, with the other end's consent."""
        await self._do(Withdraw(total))

    async def close(self) -> None:
        """End the channel with the other end once nothing is pending, alone if it is silent."""
        await self._do(Close())

    async def leave(self) -> None:
        """End the channel alone."""
        await self._do(Leave())

    async def over(self) -> None:
        """Return once the channel has ended and nothing of it is open."""
        await self._live.over.wait()

    def rounds(self) -> Iterator[Concluded]:
        """The rounds that ended, out of the journal: first those never locked, then by number."""
        for _, note in self._peer.notes(self._live, ROUNDS):
            yield CONCLUDED.decode(note)

    async def _do(self, command: Command) -> None:
        await self._peer.bring(self._live, command)


class ProviderChannel(Handle):
    """The provider's end."""

    @property
    def open_offers(self) -> int:
        """How many offers nobody has taken up to now."""
        end = self._live.end
        return len(end.offers) if isinstance(end, ProviderEnd) else 0

    async def sell(
        self, product: bytes, amount: int, *, seconds: int, key: bytes | None = None
    ) -> None:
        """Offer a product for a fee, to whoever locks it within so many seconds.

        key    released once the fee is locked; None if the client chooses the number
        """
        await self._do(Sell(product, amount, key, self._peer.now() + seconds))

    async def grant(self, amount: int, hash_: bytes) -> None:
        """Lock money of ours for the client under a hash."""
        await self._do(Grant(amount, hash_))

    async def release(self, preimage: bytes) -> None:
        """Use the preimage of a pending lock: what it pays is paid."""
        await self._do(Learn(preimage))


class ClientChannel(Handle):
    """The client's end."""

    async def lock(
        self, product: bytes, amount: int, *, key_hash: bytes | None = None, hold: bool = True
    ) -> Purchase:
        """Lock a fee for a product.

        key_hash    of the key that the provider releases; None: the client's number, drawn here
        hold        wait for `Purchase.pay` before the number is revealed
        """
        number = secrets.token_bytes(32) if key_hash is None else None
        hash_ = keccak(number) if number is not None else key_hash or b""
        purchase = Purchase(self._peer, self._live, hash_)
        purchase.expect()
        try:
            await self._do(Buy(product, amount, hash_, number, hold and number is not None))
        except InvalidInput:
            purchase.forget()
            raise
        return purchase

    async def buy(
        self,
        product: bytes,
        amount: int,
        *,
        key_hash: bytes | None = None,
        check: Check | None = None,
    ) -> Concluded:
        """One round: lock, look at what is delivered, pay or take back.

        check    asked once the fee is locked; with a key's release there is no choice any more
        """
        hold = check is not None and key_hash is None
        purchase = await self.lock(product, amount, key_hash=key_hash, hold=hold)
        if hold and check is not None:
            try:
                await purchase.locked()
            except Rejected:
                return await purchase.ended()
            if await check():
                await purchase.pay()
            else:
                await purchase.cancel()
        return await purchase.ended()

    async def transfer(self, amount: int) -> None:
        """Pay the provider, unconditionally."""
        await self._do(Transfer(amount))

    def purchases(self) -> list[Purchase]:
        """The rounds that are open, for instance after a restart."""
        end = self._live.end
        if not isinstance(end, ClientEnd):
            raise InvalidInput("this is the provider's end of the channel")
        return [Purchase(self._peer, self._live, hash_) for hash_ in end.rounds]


class Purchase:
    """A round that the client began.

    hash    what its lock waits for
    """

    def __init__(self, peer: Peer, live: Live, hash_: bytes) -> None:
        self._peer = peer
        self._live = live
        self.hash = hash_

    def expect(self) -> None:
        """Wait for what becomes of it, from before it begins or while it is open."""
        loop = asyncio.get_running_loop()
        self._live.locked.setdefault(self.hash, loop.create_future())
        self._live.concluded.setdefault(self.hash, loop.create_future())

    def forget(self) -> None:
        """It never began."""
        self._live.locked.pop(self.hash, None)
        self._live.concluded.pop(self.hash, None)

    @property
    def _round(self) -> Round | None:
        end = self._live.end
        return end.rounds.get(self.hash) if isinstance(end, ClientEnd) else None

    async def locked(self) -> Lock:
        """The lock, once both agreed to it.

        raises   Rejected if the round was rolled back before
        """
        for lock in self._live.end.channel.agreed.locks:
            if lock.hash == self.hash:
                return lock
        if self._round is not None:
            self.expect()
        waiting = self._live.locked.get(self.hash)
        found = await asyncio.shield(waiting) if waiting is not None else await self.ended()
        if isinstance(found, Lock):
            return found
        if found.result is Result.SETTLED:
            return found.lock
        reason = found.reason.value if found.reason is not None else ""
        raise Rejected("the round was rolled back", reason)

    async def pay(self) -> None:
        """Reveal the number: from here on the round is paid, here or on chain."""
        known = self._round
        if known is None or known.number is None:
            raise InvalidInput("the round is not open, or its number is not ours")
        await self._peer.bring(self._live, Learn(known.number))

    async def cancel(self) -> None:
        """Take it back: the fee is free again once the provider agrees, or after the expiry."""
        await self._peer.bring(self._live, GiveUp(self.hash))

    async def ended(self) -> Concluded:
        """How it ended, once it has.

        raises   InvalidInput if there is no such round
        """
        if self._round is not None:
            self.expect()
        waiting = self._live.concluded.get(self.hash)
        if waiting is not None:
            return await asyncio.shield(waiting)
        await self._peer.sync()
        for _, note in self._peer.notes(self._live, ROUNDS):
            concluded = CONCLUDED.decode(note)
            if concluded.lock.hash == self.hash:
                return concluded
        raise InvalidInput("no round with this hash")
