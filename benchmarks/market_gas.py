"""What does a sale cost, and what does it cost to prove that it was a fraud?

    python benchmarks/market_gas.py            print the table
    python benchmarks/market_gas.py --write    and write benchmarks/market_gas.json

Runs on an Anvil of its own (Prague). Figures are the `gasUsed` of receipts, so they include the
21,000 of each transaction and its calldata; "inside a call" is what the library itself uses.
"First" is between two that never dealt with each other and are owed nothing: it writes slots that
were zero before; "next" does not. The fraud is in content of 1 GB: paths have 18 siblings.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import json
import random
import subprocess
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

from eth_abi.abi import encode
from web3 import HTTPProvider, Web3
from web3.contract import Contract
from web3.contract.contract import ContractFunction
from web3.types import RPCEndpoint, TxParams, Wei

from handfast.chain.anvil import CHAIN_ID, Anvil
from handfast.channels.state import NATIVE
from handfast.crypto.bls import SecretKey
from handfast.crypto.ecdsa import Signer
from handfast.crypto.keccak import keccak
from handfast.crypto.keys import Identity
from handfast.crypto.merkle import MerkleTree, leaf_hash
from handfast.market.masking import MaskedKey, SharedPoint, mask, prove_shared, receiver_of
from handfast.market.sealing import decrypt_chunk, hash_key
from handfast.market.seals import chunks_of
from handfast.protocol.constants import (
    CHUNK_BYTES,
    ROLE_CLIENT,
    SELLER_PENALTY,
    TOKEN_SUPPLY,
)
from handfast.protocol.messages import Domain, LockedOffer, ProductOffer, PurchaseKey
from handfast.registry.possession import prove_possession

ROOT = Path(__file__).resolve().parent.parent
RESULT = Path(__file__).with_suffix(".json")
HARNESS = "SealingHarness"
RAW = 0x55
GIGABYTE = 10**9
DAY = 86_400
PRICE = 10**18
PANEL = (5, 3_600, 3_600, 3_600)
PURCHASE = "(bytes32,address,address,address,uint256,bytes32,uint64)"
LISTING = "(address,address,(bytes32,bytes32,bytes32,bytes32,uint8,uint64),bytes32)"

SALTS = itertools.count()

Costs = dict[str, int]
Words = tuple[Any, ...]


class Town:
    """A chain with the contracts on it, a seller and its buyers."""

    def __init__(self, anvil: Anvil) -> None:
        self.web3 = Web3(HTTPProvider(anvil.url))
        self.random = random.Random(2026)
        self.owner, self.seller, *self.buyers = (Identity.parse(key) for key in anvil.keys[:6])
        owner = self.owner.address
        self.token = self.deploy("MarketToken", owner, ((owner, TOKEN_SUPPLY // 4),) * 4)
        self.registry = self.deploy("ParticipantRegistry", self.token.address, owner, 14 * DAY)
        self.preimages = self.deploy("PreimageRegistry")
        hub = (owner, self.preimages.address, 1, 30 * DAY)
        self.hub = self.deploy("ChannelHub", *hub)
        self.products = self.deploy("ProductRegistry", self.hub.address, 100)
        self.ledger = self.deploy("ReputationLedger", owner)
        periods = (14 * DAY, 4, 60, 30 * DAY)
        court = (self.token.address, self.registry.address, periods)
        self.court = self.deploy("OracleCourt", *court)
        built_on = (self.hub, self.registry, self.ledger, self.court)
        addresses = tuple(contract.address for contract in built_on)
        self.market = self.deploy("Marketplace", *addresses, (3 * DAY, 3 * DAY, PANEL))
        self.sale = self.deploy("ProductSale", self.products.address, self.preimages.address)
        self.furnish()

    def furnish(self) -> None:
        """Give the parties what they need to begin."""
        owner, token = self.owner, self.token.functions
        self.send(owner, self.registry.functions.authoriseSlasher(self.market.address))
        self.send(owner, self.ledger.functions.authoriseRecorder(self.market.address))
        self.send(owner, self.hub.functions.allowToken(self.token.address))
        for party in (self.seller, *self.buyers):
            self.send(owner, token.transfer(party.address, 10_000 * PRICE))
            for spender in (self.market, self.registry, self.sale):
                self.send(party, token.approve(spender.address, 2**256 - 1))
            self.register(party, 100 * SELLER_PENALTY if party is self.seller else 0)

    def register(self, who: Identity, bond: int) -> None:
        domain = Domain(CHAIN_ID, self.registry.address)
        pair = who.signing_key(1), who.decryption_key(1)
        keys = prove_possession(*pair, who.address, 1, domain).words()
        profile = (ROLE_CLIENT, bytes(32), "")
        self.send(who, self.registry.functions.register(profile, keys, bond))

    def deploy(self, name: str, *arguments: Any) -> Contract:
        return self.create(json.loads((ROOT / f"handfast/abi/{name}.json").read_text()), *arguments)

    def create(self, build: dict[str, Any], *arguments: Any) -> Contract:
        factory = self.web3.eth.contract(abi=build["abi"], bytecode=build["bytecode"])
        mined = factory.constructor(*arguments).transact({"from": self.owner.address})
        receipt = self.web3.eth.wait_for_transaction_receipt(mined)
        return factory(receipt["contractAddress"])

    def send(self, sender: Identity, call: ContractFunction, value: int = 0) -> int:
        """Gas used by a call in a block some seconds later."""
        self.pass_time(self.random.randint(1, 40))
        sent: TxParams = {"from": sender.address, "gas": 3_000_000, "value": Wei(value)}
        mined = call.transact(sent)
        receipt = self.web3.eth.wait_for_transaction_receipt(mined)
        assert receipt["status"] == 1, f"{call.fn_name} reverted"
        return receipt["gasUsed"]

    def pass_time(self, seconds: int) -> None:
        self.web3.provider.make_request(RPCEndpoint("evm_increaseTime"), [seconds])

    def word(self) -> bytes:
        return self.random.randbytes(32)


@dataclass(frozen=True, slots=True)
class Goods:
    """Content of 1 GB of which one chunk exists; a wrong one, if it is asked for."""

    key: bytes
    words: Words
    proof: Words


def goods_of(town: Town, honest: bool, position: int = 200_003) -> Goods:
    key, content = town.word(), town.random.randbytes(CHUNK_BYTES)
    chunk = decrypt_chunk(key, position, content)
    digest = hashlib.sha256(key + content).digest() if honest else town.word()
    published, promised = (
        MerkleTree(town.word() for _ in range(chunks_of(GIGABYTE))) for _ in range(2)
    )
    published.update(position, leaf_hash(hashlib.sha256(chunk).digest()))
    promised.update(position, leaf_hash(digest))
    roots = promised.root, published.root
    words = (hash_key(key), *roots, town.word(), RAW, GIGABYTE)
    paths = published.path(position), promised.path(position)
    return Goods(key, words, (position, chunk, digest, *paths))


class Deal:
    """One purchase, step by step, with what each step costs."""

    def __init__(self, town: Town, buyer: Identity, goods: Goods, token: str = NATIVE) -> None:
        self.town, self.buyer, self.goods, self.token = town, buyer, goods, token
        self.calls = town.market.functions
        self.secret = buyer.decryption_key(1)
        self.listing = (town.seller.address, token, goods.words, town.word())
        listing = keccak(encode([LISTING], [self.listing]))
        parties = town.seller.address, buyer.address, token
        receiver = receiver_of(self.secret.public_key())
        self.terms = (listing, *parties, PRICE, receiver, next(SALTS))

    def publish(self) -> int:
        return self.town.send(self.town.seller, self.calls.publish(self.listing, PRICE))

    def buy(self) -> int:
        call = self.calls.buy(self.terms[0], PRICE, self.terms[-1])
        return self.town.send(self.buyer, call, PRICE if self.token == NATIVE else 0)

    def deliver(self, key: bytes | None = None) -> int:
        self.handed = mask(key or self.goods.key, self.secret.public_key(), self.context)
        call = self.calls.deliver(self.terms, words_of(self.handed))
        return self.town.send(self.town.seller, call)

    def finalise(self) -> int:
        self.town.pass_time(4 * DAY)
        return self.town.send(self.town.seller, self.calls.finalise(self.terms))

    def collect(self) -> int:
        call = self.calls.collect(self.token, self.town.seller.address)
        return self.town.send(self.town.seller, call)

    def claim_wrong_key(self) -> int:
        return self.town.send(self.buyer, self.calls.claimWrongKey(*self.shown()))

    def claim_wrong_chunk(self) -> int:
        call = self.calls.claimWrongChunk(*self.shown(), self.goods.proof)
        return self.town.send(self.buyer, call)

    def shown(self) -> Words:
        point = prove_shared(self.secret, self.handed, self.context)
        return self.listing, self.terms, words_of(self.handed), point_of(point)

    @property
    def context(self) -> bytes:
        purchase = keccak(encode([PURCHASE], [self.terms]))
        return PurchaseKey(purchase).digest(Domain(CHAIN_ID, self.town.market.address))


def words_of(handed: MaskedKey) -> Words:
    return handed.ephemeral.words(), handed.masked


def point_of(point: SharedPoint) -> Words:
    return point.key.words(), point.shared.words(), (point.challenge, point.response)


def sales(town: Town) -> Costs:
    """Honest sales, by two buyers: one in the native coin, one in MarketToken."""
    costs, goods = {}, goods_of(town, honest=True)
    for kind, token, buyer in (
        ("ETH", NATIVE, town.buyers[0]),
        ("MarketToken", town.token.address, town.buyers[1]),
    ):
        for time in ("first", "next"):
            deal = Deal(town, buyer, goods, token)
            costs[f"publish a listing, {kind}, {time}"] = deal.publish()
            steps = deal.buy(), deal.deliver(), deal.finalise()
            costs |= {
                f"{step}, {kind}, {time}": gas
                for step, gas in zip(("buy", "deliver", "finalise"), steps, strict=True)
            }
            costs[f"buy + deliver + finalise, {kind}, {time}"] = sum(steps)
        costs[f"rate, {kind}"] = town.send(buyer, deal.calls.rate(deal.terms, 10))
        costs[f"collect what is owed, {kind}"] = deal.collect()
    deal = Deal(town, town.buyers[0], goods)
    deal.publish()
    deal.buy()
    return costs | {
        "give an undelivered price back": town.send(town.seller, deal.calls.refund(deal.terms))
    }


def frauds(town: Town) -> Costs:
    """What a third buyer proves, and what it claims falsely."""
    costs, buyer = {}, town.buyers[2]
    honest, garbage = goods_of(town, honest=True), goods_of(town, honest=False)
    for kind, token in (("ETH", NATIVE), ("MarketToken", town.token.address)):
        for time in ("first", "next"):
            deal = Deal(town, buyer, honest, token)
            deal.publish()
            deal.buy()
            deal.deliver(town.word())
            costs[f"prove a wrong key, {kind}, {time}"] = deal.claim_wrong_key()
    deal = Deal(town, buyer, garbage)
    deal.publish()
    deal.buy()
    deal.deliver()
    costs["prove a wrong chunk of 1 GB"] = deal.claim_wrong_chunk()
    for name in ("claim_wrong_key", "claim_wrong_chunk"):
        deal = Deal(town, buyer, honest)
        deal.publish()
        deal.buy()
        deal.deliver()
        costs[f"{name.replace('_', ' ')}, falsely"] = getattr(deal, name)()
    deal = Deal(town, buyer, honest)
    deal.publish()
    deal.buy()
    deal.deliver()
    call = deal.calls.dispute(deal.terms)
    return costs | {"take the quality to the court": town.send(buyer, call)}


def products(town: Town) -> Costs:
    """Tokens of ProductRegistry, at a fixed price and under a hash lock."""
    seller, buyer, sale = town.seller, town.buyers[3], town.sale.functions
    domain = Domain(CHAIN_ID, town.sale.address)
    approval = town.products.functions.setApprovalForAll(town.sale.address, True)
    town.send(seller, approval)
    costs = {}

    def product() -> bytes:
        index = town.word()
        town.send(seller, town.products.functions.register(index, RAW))
        return index

    def signed(offer: Any) -> tuple[Words, bytes]:
        return astuple(offer), Signer(seller.secret).sign(offer.digest(domain))

    for kind, token in (("ETH", NATIVE), ("MarketToken", town.token.address)):
        value = PRICE if token == NATIVE else 0
        for time in ("first", "next"):
            ends = seller.address, buyer.address, product(), token, PRICE
            offer = ProductOffer(*ends, town.word(), 2**64 - 1)
            gas = town.send(buyer, sale.buy(*signed(offer)), value)
            costs[f"sell a product, {kind}, {time}"] = gas
        secret = town.word()
        ends = seller.address, buyer.address, product(), token, PRICE
        locked = LockedOffer(*ends, keccak(secret), 2**64 - 1, town.word(), 2**64 - 1)
        costs[f"lock a product and {kind}"] = town.send(buyer, sale.lock(*signed(locked)), value)
        costs[f"settle with the preimage, {kind}"] = town.send(
            buyer, sale.settle(astuple(locked), secret)
        )
    return costs


def libraries(town: Town) -> Costs:
    """Inside a call."""
    forge = [".tools/bin/forge", "build", "--quiet", f"contracts/mocks/{HARNESS}.sol"]
    subprocess.run(forge, cwd=ROOT, check=True)
    artifact = json.loads((ROOT / f"out/{HARNESS}.sol/{HARNESS}.json").read_text())
    build = {"abi": artifact["abi"], "bytecode": artifact["bytecode"]["object"]}
    library = town.create(build).functions
    chunk = town.random.randbytes(CHUNK_BYTES)
    secret, context = SecretKey.derive(town.word(), b""), town.word()
    handed = mask(town.word(), secret.public_key(), context)
    point = prove_shared(secret, handed, context)
    statement = point.key.words(), handed.ephemeral.words(), point.shared.words()
    proof = point.challenge, point.response
    tag = "handfast/v1/shared-point"
    return {
        "ChaCha20 of 4,096 bytes, inside a call": library.gasOfChaCha20(chunk, town.word()).call(),
        "Chaum-Pedersen, inside a call": library.gasOfVerifyEquality(
            tag, context, *statement, proof
        ).call(),
    }


TARGETS = {
    "publish a listing, ETH, first": 120_000,
    "publish a listing, MarketToken, first": 120_000,
    "buy + deliver + finalise, ETH, next": 200_000,
    "buy + deliver + finalise, MarketToken, next": 200_000,
    "prove a wrong key, ETH, first": 160_000,
    "prove a wrong key, ETH, next": 160_000,
    "prove a wrong key, MarketToken, next": 160_000,
    "prove a wrong chunk of 1 GB": 1_000_000,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help=f"write {RESULT.name}")
    arguments = parser.parse_args()
    with Anvil.start(arguments=("--hardfork", "prague")) as anvil:
        town = Town(anvil)
        costs = sales(town) | frauds(town) | products(town) | libraries(town)
    for step, gas in costs.items():
        target = f"   (< {TARGETS[step]:,})" if step in TARGETS else ""
        print(f"{step:55} {gas:>9,}{target}")
    if arguments.write:
        RESULT.write_text(json.dumps({"gas": costs}, indent=1) + "\n")
    missed = [step for step, most in TARGETS.items() if costs[step] >= most]
    if missed:
        raise SystemExit(f"over target: {', '.join(missed)}")


if __name__ == "__main__":
    main()
