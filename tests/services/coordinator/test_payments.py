"""Opinions on payments whose receipt the provider refused, on a real chain. (RP-5, CO-10)"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import aiohttp
from eth_account import Account

from handfast.chain.channels import ChannelHub, PreimageRegistry
from handfast.chain.client import Call, Chain
from handfast.chain.token import MarketToken
from handfast.channels.rules import apply, id_of, state_of
from handfast.channels.state import AddLock, Book, Parameters, SettleLock
from handfast.coordinator.payments import Payments
from handfast.coordinator.settings import BatchSettings
from handfast.crypto.keccak import keccak
from handfast.protocol.constants import FEE_UNIT, Direction
from handfast.protocol.messages import Receipt
from handfast.reputation.evidence import Evidence, Receipted, give_evidence, split
from handfast.reputation.payments import Payment, Signed, prove_payment
from handfast.storage.cid import Cid, Codec
from tests.services.coordinator.running import running
from tests.services.coordinator.town import TOKENS, Party, Town, pass_time, send, until

CHALLENGE = 5
FEE = 1_000 * FEE_UNIT


@dataclass
class Deal:
    """A client's channel with a provider on chain."""

    town: Town
    chain: Chain
    client: Party
    provider: Party

    @property
    def parameters(self) -> Parameters:
        token = self.town.deployment.market_token.address
        parties = (self.client.identity.address, self.provider.identity.address)
        return Parameters(*parties, token, CHALLENGE, bytes(32))

    @property
    def hub(self) -> ChannelHub:
        return ChannelHub(self.chain, self.town.deployment.channel_hub.address)

    async def do(self, call: Call) -> None:
        await send(self.chain, self.client.identity.account(), call)

    async def open(self) -> None:
        owner = Account.from_key(self.town.anvil.keys[0])
        token = MarketToken(self.chain, self.town.deployment.market_token.address)
        await send(self.chain, owner, token.transfer(self.client.identity.address, TOKENS))
        await self.do(token.approve(self.hub.address, TOKENS))
        await self.do(self.hub.open(self.parameters, TOKENS, 0, own=TOKENS))

    async def locked(self, number: int) -> Book:
        """A book with two locks pending, the first of which has this number."""
        book = Book(id_of(self.parameters), last_nonce=number - 1)
        head = await self.chain.head()
        locks = tuple(
            AddLock(
                Direction.TO_PROVIDER,
                FEE,
                keccak(bytes([each]) * 32),
                head.timestamp + 500,
                bytes([each]) * 32,
            )
            for each in (number, number + 1)
        )
        return apply(book, locks, 1).book

    def signed(self, book: Book) -> Signed:
        digest = state_of(book).digest(self.town.hub)
        return Signed(book, self.provider.signer.sign(digest))

    async def register(self, book: Book) -> None:
        by_client = self.client.signer.sign(state_of(book).digest(self.town.hub))
        signatures = (by_client, self.signed(book).signature)
        await self.do(self.hub.register_state(self.parameters, book, signatures))

    async def settle(self, book: Book) -> None:
        await pass_time(self.chain, CHALLENGE + 1)
        await self.do(self.hub.settle(self.parameters, book, (), {}))

    async def reveal(self, number: int) -> None:
        address = self.town.deployment.preimage_registry.address
        await self.do(PreimageRegistry(self.chain, address).reveal(bytes([number]) * 32))

    def opinion(self, proof: Payment, satisfied: bool = False) -> Evidence:
        receipt = proof.pledge.receipt(id_of(self.parameters))
        sign = self.client.signer.sign
        return give_evidence(self.parameters, receipt, proof, satisfied, self.town.hub, sign)

    def receipted(self, proof: Payment, satisfied: bool = False) -> Evidence:
        """The same opinion with the receipt, which the provider signs too late."""
        lock = proof.pledge.lock
        receipt = Receipt(id_of(self.parameters), 2, lock.product, lock.amount, lock.nonce)
        signature = Receipted(self.provider.signer.sign(receipt.digest(self.town.hub)))
        sign = self.client.signer.sign
        return give_evidence(self.parameters, receipt, signature, satisfied, self.town.hub, sign)


def of(book: Book, agreed: Signed, nonce: int, products: tuple[bytes, ...] = ()) -> Payment:
    proof = prove_payment(agreed, book, nonce, products)
    assert proof is not None
    return proof


def test_a_paid_lock_is_rated_once_and_its_archive_proves_it(town: Town, run: Any) -> None:
    async def scenario() -> None:
        async with running(town) as here, aiohttp.ClientSession(here.url) as session:
            deal = Deal(town, here.chain, town.clients[0], town.providers[0])
            await deal.open()
            book = await deal.locked(1)
            paid, other = (of(book, deal.signed(book), nonce) for nonce in (1, 2))
            sent = deal.opinion(paid)

            async def codes(*evidence: Evidence) -> list[str]:
                return [answer.code for answer in await here.clients.submit_all(evidence)]

            await deal.register(book)
            assert await codes(sent) == ["unpaid"]
            await deal.settle(book)
            assert await codes(sent) == ["unpaid"]
            await deal.reveal(1)
            await here.caught_up()
            assert await codes(replace(sent, satisfied=True)) == ["opinion_signature"]
            assert await codes(sent, deal.opinion(other)) == ["accepted", "unpaid"]
            late = [sent, deal.receipted(paid), deal.receipted(paid, satisfied=True)]
            assert await codes(*late) == ["accepted", "accepted", "contradiction"]
            await here.reached(tip=1, opinions=1, waiting=0)
            assert await codes(*late) == ["accepted", "accepted", "contradiction"]

            async def kept() -> Any:
                async with session.get("/batches") as response:
                    return (await response.json())["batches"]

            (batch,) = await until(kept)
            cid = Cid(Codec.RAW, bytes.fromhex(batch["archive"][2:]))
            async with session.get(f"/blocks/{cid}") as response:
                (piece,) = split(await response.read())
            shown = Evidence.decode(piece)
            assert shown.encode() == sent.encode()
            shown.check(town.hub, town.deployment.market_token.address)
            async with Chain(town.anvil.url) as own:
                head = await own.head()
                payments = Payments(ChannelHub(own, deal.hub.address), lambda: head.number)
                assert await payments.confirm(shown)
                assert not await payments.confirm(deal.opinion(other))

    run(scenario())


def test_a_payment_that_a_reorganisation_took_back_is_waited_for(town: Town, run: Any) -> None:
    """CO-11: an opinion that is not in a batch yet is not posted without its payment."""

    async def scenario() -> None:
        async with running(town, batch=BatchSettings(count=100, age=3_600)) as here:
            deal = Deal(town, here.chain, town.clients[0], town.providers[0])
            await deal.open()
            book = await deal.locked(1)
            sent = deal.opinion(of(book, deal.signed(book), 1))
            await deal.register(book)
            await deal.settle(book)
            await deal.reveal(1)
            await here.caught_up()
            assert await here.clients.submit(sent)
            await here.reached(waiting=1)
            await here.chain.request("anvil_reorg", 1, [])
            await here.reached(waiting=0)
            await deal.reveal(1)
            await here.reached(waiting=1)
            await here.chain.request("anvil_reorg", 1, [])
            await here.reached(waiting=0)
        async with running(town) as here:
            deal = Deal(town, here.chain, town.clients[0], town.providers[0])
            assert here.shard["waiting"] == 0
            assert await here.clients.submit(sent)
            assert here.shard["waiting"] == 0
            await deal.reveal(1)
            await here.reached(opinions=1, tip=1)

    run(scenario())


def test_a_product_of_the_channels_end_is_rated_at_the_coordinators_confirmations(
    town: Town, run: Any
) -> None:
    async def scenario() -> None:
        async with running(town, confirmations=3) as here:
            await here.chain.request("anvil_mine", "0x3")
            deal = Deal(town, here.chain, town.clients[1], town.providers[1])
            await deal.open()
            agreed = await deal.locked(7)
            settling = (SettleLock(8, bytes([8]) * 32),)
            book = apply(agreed, settling, 2).book
            moved = of(book, deal.signed(agreed), 8, (bytes([8]) * 32,))
            assert prove_payment(deal.signed(agreed), agreed, 8, ()) != moved
            await deal.register(book)
            await deal.settle(book)
            sent = deal.opinion(moved)

            async def accepted() -> bool:
                (answer,) = await here.clients.submit_all([sent])
                assert answer.code in {"provider", "client", "unpaid", "accepted"}
                return answer.code == "accepted"

            assert not await accepted()
            await here.chain.request("anvil_mine", "0x1")
            assert not await accepted()
            await here.chain.request("anvil_mine", "0x1")
            await until(accepted)
            # What it was locked for in the state, and did not settle, is not paid.
            still = of(book, deal.signed(agreed), 7)
            assert (await here.clients.submit_all([deal.opinion(still)]))[0].code == "unpaid"

            async def included() -> bool:
                await here.chain.request("anvil_mine", "0x1")
                return bool(here.shard["tip"] == 1)

            await until(included)

    run(scenario())
