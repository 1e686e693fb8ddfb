"""What do registering, proving keys, bonding, and registering or claiming a product cost?

    python benchmarks/registry_gas.py            print the table
    python benchmarks/registry_gas.py --write    and write benchmarks/registry_gas.json

Runs on an Anvil of its own (Prague). Figures are the `gasUsed` of receipts, so they include the
21,000 of each transaction and its calldata; "inside a call" is what the library itself uses.
"First" writes slots of the caller's that were zero before, "next" does not.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
from dataclasses import astuple
from pathlib import Path
from typing import Any

from web3 import HTTPProvider, Web3
from web3.contract import Contract
from web3.contract.contract import ContractFunction
from web3.types import RPCEndpoint

from handfast.chain.anvil import CHAIN_ID, Anvil
from handfast.channels.rules import id_of, leaf_of
from handfast.channels.state import NATIVE, Lock, Parameters
from handfast.crypto.bls import SecretKey
from handfast.crypto.ecdsa import Signer
from handfast.crypto.keccak import keccak
from handfast.crypto.keys import Identity
from handfast.crypto.merkle import MerkleTree, leaf_hash
from handfast.protocol.constants import (
    BLS_SIGNATURE_TAG,
    ROLE_CLIENT,
    ROLE_PROVIDER,
    TOKEN_SUPPLY,
    Direction,
)
from handfast.protocol.messages import CooperativeClose, Domain, SignedMessage, State
from handfast.registry.possession import prove_possession

ROOT = Path(__file__).resolve().parent.parent
RESULT = Path(__file__).with_suffix(".json")
HARNESS = "BLS12381Harness"
PRODUCTS = 10_000
RAW = 0x55
DAY = 86_400
BOND = 10**21
CLAIM = "claim one of 10,000 products, client's"
# A client's first token of all writes its balance, too: 17,100 more, whoever mints.
TARGETS = dict.fromkeys((f"{CLAIM} first", f"{CLAIM} next"), 110_000)

Costs = dict[str, int]


class Town:
    """A chain with the contracts on it, one client and one provider."""

    def __init__(self, anvil: Anvil) -> None:
        self.web3 = Web3(HTTPProvider(anvil.url))
        self.random = random.Random(2026)
        self.owner, self.client, self.provider = (Identity.parse(key) for key in anvil.keys[:3])
        share = (self.owner.address, TOKEN_SUPPLY // 4)
        self.token = self.deploy("MarketToken", self.owner.address, (share, share, share, share))
        registry = (self.token.address, self.owner.address, DAY)
        self.registry = self.deploy("ParticipantRegistry", *registry)
        self.preimages = self.deploy("PreimageRegistry")
        hub = (self.owner.address, self.preimages.address, 1, 30 * DAY)
        self.hub = self.deploy("ChannelHub", *hub)
        self.products = self.deploy("ProductRegistry", self.hub.address, 100)

    def deploy(self, name: str, *arguments: Any) -> Contract:
        return self.create(json.loads((ROOT / f"handfast/abi/{name}.json").read_text()), *arguments)

    def create(self, build: dict[str, Any], *arguments: Any) -> Contract:
        factory = self.web3.eth.contract(abi=build["abi"], bytecode=build["bytecode"])
        mined = factory.constructor(*arguments).transact({"from": self.owner.address})
        receipt = self.web3.eth.wait_for_transaction_receipt(mined)
        return factory(receipt["contractAddress"])

    def send(self, sender: Identity, call: ContractFunction) -> int:
        """Gas used by a call in a block some seconds later."""
        self.pass_time(self.random.randint(1, 40))
        mined = call.transact({"from": sender.address, "gas": 2_000_000})
        receipt = self.web3.eth.wait_for_transaction_receipt(mined)
        assert receipt["status"] == 1, f"{call.fn_name} reverted"
        return receipt["gasUsed"]

    def sign(self, who: Identity, message: SignedMessage) -> bytes:
        """The signature of a message to the hub."""
        return Signer(who.secret).sign(message.digest(Domain(CHAIN_ID, self.hub.address)))

    def pass_time(self, seconds: int) -> None:
        self.web3.provider.make_request(RPCEndpoint("evm_increaseTime"), [seconds])

    def word(self) -> bytes:
        return self.random.randbytes(32)


def signatures(town: Town) -> Costs:
    """The library, inside a call."""
    forge = [".tools/bin/forge", "build", "--quiet", f"contracts/mocks/{HARNESS}.sol"]
    subprocess.run(forge, cwd=ROOT, check=True)
    artifact = json.loads((ROOT / f"out/{HARNESS}.sol/{HARNESS}.json").read_text())
    build = {"abi": artifact["abi"], "bytecode": artifact["bytecode"]["object"]}
    library = town.create(build).functions
    key, message, tag = SecretKey.derive(town.word(), b""), town.word(), BLS_SIGNATURE_TAG.encode()
    signed = key.public_key().words(), key.sign(message, tag).words()
    return {
        "hash to G2, inside a call": library.gasOfHashToG2(message, tag).call(),
        "verify a BLS signature, inside a call": library.gasOfVerify(*signed, message, tag).call(),
    }


def participants(town: Town) -> Costs:
    registry, domain = town.registry.functions, Domain(CHAIN_ID, town.registry.address)

    def keys(who: Identity, epoch: int = 1) -> Any:
        pair = who.signing_key(epoch), who.decryption_key(epoch)
        return prove_possession(*pair, who.address, epoch, domain).words()

    offer = (ROLE_PROVIDER, town.word(), "https://provider.example:8443")
    changed = (ROLE_PROVIDER, town.word(), "https://provider.example:8444")
    allowed = town.token.functions.transfer(town.provider.address, 3 * BOND)
    town.send(town.owner, allowed)
    town.send(town.provider, town.token.functions.approve(town.registry.address, 3 * BOND))
    town.send(town.owner, registry.authoriseSlasher(town.hub.address))  # any contract

    def provider(call: ContractFunction) -> int:
        return town.send(town.provider, call)

    plain = registry.register((ROLE_CLIENT, bytes(32), ""), keys(town.client), 0)
    costs = {
        "register a client: no endpoint, metadata or bond": town.send(town.client, plain),
        "register a provider": provider(registry.register(offer, keys(town.provider), BOND)),
        "rotate keys": provider(registry.rotateKeys(keys(town.provider, 2))),
        "change the profile": provider(registry.setProfile(changed)),
        "add to a bond": provider(registry.addBond(2, BOND)),
        "unbond a part": provider(registry.unbond(BOND)),
    }
    town.pass_time(DAY)
    costs["withdraw it"] = provider(registry.withdraw())
    return costs | {"deregister": provider(registry.deregister())}


def closed_channel(town: Town, products_root: bytes) -> Parameters:
    """A channel that both ends closed at once, in which these products were sold."""
    parties = town.client.address, town.provider.address
    parameters = Parameters(*parties, NATIVE, DAY, town.word())
    hub = town.hub.functions
    town.send(town.client, hub.open(astuple(parameters), 0, 0, 0, b""))
    close = CooperativeClose(id_of(parameters), 0, products_root, 2**64 - 1)
    signature = town.sign(town.provider, close)
    terms = astuple(parameters), *astuple(close)[1:]
    town.send(town.client, hub.closeCooperatively(*terms, b"", signature))
    return parameters


def products(town: Town) -> Costs:
    sold = [town.word() for _ in range(PRODUCTS)]
    tree = MerkleTree(leaf_hash(product) for product in sold)
    parameters = closed_channel(town, tree.root)
    registry = town.products.functions

    def claim(position: int) -> int:
        place = sold[position], RAW, position, tree.path(position)
        return town.send(town.client, registry.claim(astuple(parameters), *place))

    costs = {
        f"{CLAIM} first": claim(0),
        f"{CLAIM} next": max(claim(position) for position in (1, 4_711, PRODUCTS - 1)),
        "register a product, creator's first": town.send(
            town.provider, registry.register(sold[77], RAW)
        ),
        "register a product, creator's next": town.send(
            town.provider, registry.register(sold[78], RAW)
        ),
    }
    return costs | {
        "claim what the provider registered": claim(77),
        "claim the product of a lock that paid": claim_of_lock(town),
    }


def claim_of_lock(town: Town) -> int:
    """The channel ended with one lock pending, whose preimage was revealed in time."""
    parties = town.client.address, town.provider.address
    parameters = Parameters(*parties, NATIVE, DAY, town.word())
    hub, secret = town.hub.functions, town.word()
    expiry = town.web3.eth.get_block("latest")["timestamp"] + 30 * DAY
    lock = Lock(Direction.TO_PROVIDER, 1, keccak(secret), expiry, town.word(), 1)
    state = State(id_of(parameters), 1, 0, 1, 0, MerkleTree([leaf_of(lock)]).root, bytes(32))
    town.send(town.client, hub.open(astuple(parameters), 0, 0, 0, b""))
    signature = town.sign(town.provider, state)
    terms = astuple(parameters), astuple(state)
    town.send(town.client, hub.registerState(*terms, b"", signature))
    town.send(town.provider, town.preimages.functions.reveal(secret))
    town.pass_time(DAY + 1)
    town.send(town.client, hub.settle(*terms, []))
    call = town.products.functions.claimPaid(*terms, astuple(lock), RAW, 0, [])
    return town.send(town.client, call)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help=f"write {RESULT.name}")
    arguments = parser.parse_args()
    with Anvil.start(arguments=("--hardfork", "prague")) as anvil:
        town = Town(anvil)
        costs = signatures(town) | participants(town) | products(town)
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
