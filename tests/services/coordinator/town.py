"""A chain with the protocol deployed, participants on it, and opinions of theirs."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from eth_account import Account
from eth_account.signers.local import LocalAccount

from handfast.chain.anvil import Anvil
from handfast.chain.client import Call, Chain
from handfast.chain.deployment import Deployment, DeploymentParameters, deploy, save
from handfast.chain.outbox import Outbox
from handfast.chain.registry import ParticipantRegistry
from handfast.chain.reputation import ReputationRollup
from handfast.chain.rules import GWEI, Policy
from handfast.chain.sender import Sender
from handfast.chain.token import MarketToken
from handfast.channels.rules import id_of
from handfast.channels.state import Parameters
from handfast.crypto.ecdsa import Signer
from handfast.crypto.keys import Identity
from handfast.database import open_database
from handfast.protocol.constants import FEE_UNIT
from handfast.protocol.messages import Domain, Opinion, Receipt
from handfast.registry.participants import Role
from handfast.registry.possession import prove_possession
from handfast.reputation.evidence import Evidence, Receipted

EPOCH = 10_000
WINDOW = 100
TOKENS = 10**18


@dataclass
class Party:
    """A participant with its key."""

    identity: Identity
    id: int

    @property
    def signer(self) -> Signer:
        return Signer(self.identity.secret)


@dataclass
class Town:
    """Account 0 deployed everything and owns all tokens; account 1 is the coordinator.

    deployments   folder of the deployment's file
    folder        of whoever uses it
    """

    anvil: Anvil
    deployments: Path
    folder: Path
    deployment: Deployment
    providers: list[Party]
    clients: list[Party]
    nonces: dict[tuple[int, int], int] = field(default_factory=dict)

    @property
    def coordinator(self) -> Identity:
        return Identity.parse(self.anvil.keys[1])

    @property
    def hub(self) -> Domain:
        return Domain(self.deployment.chain_id, self.deployment.channel_hub.address)

    def rollup(self, chain: Chain) -> ReputationRollup:
        return ReputationRollup(chain, self.deployment.reputation_rollup.address)

    def evidence(
        self,
        provider: int = 0,
        client: int = 0,
        *,
        satisfied: bool = True,
        units: int = 1_000,
        nonce: int | None = None,
    ) -> Evidence:
        """The pair's next opinion, signed by both."""
        by, of = self.clients[client], self.providers[provider]
        key = (of.id, by.id)
        self.nonces[key] = self.nonces.get(key, 0) + 1 if nonce is None else nonce
        parameters = Parameters(
            by.identity.address,
            of.identity.address,
            self.deployment.market_token.address,
            3_600,
            bytes(32),
        )
        product = bytes([provider]) * 32
        receipt = Receipt(id_of(parameters), 1, product, units * FEE_UNIT, self.nonces[key])
        digest = receipt.digest(self.hub)
        opinion = Opinion(digest, satisfied).digest(self.hub)
        return Evidence(
            parameters,
            receipt,
            satisfied,
            Receipted(of.signer.sign(digest)),
            by.signer.sign(opinion),
        )


def identities(kind: int, count: int) -> list[Identity]:
    return [Identity(bytes([kind, number + 1]) * 16) for number in range(count)]


async def build(
    anvil: Anvil, folder: Path, providers: int = 2, clients: int = 3, shards: int = 1
) -> Town:
    """Deploy, give the coordinator tokens, register everybody."""
    owner = Account.from_key(anvil.keys[0])
    parameters = replace(
        DeploymentParameters.local(owner.address),
        epoch_length=EPOCH,
        window=WINDOW,
        shards=shards,
    )
    async with Chain(anvil.url) as chain:
        deployment = await deploy(chain, owner, parameters)
        save(deployment, folder)
        outbox = Outbox(open_database(folder / "owner.db"), owner.address)
        async with Sender(chain, owner, outbox, Policy(interval=0.05)) as sender:
            token = MarketToken(chain, deployment.market_token.address)
            coordinator = Identity.parse(anvil.keys[1]).address
            await sender.send("fund", token.transfer(coordinator, 100_000 * TOKENS))
        registry = ParticipantRegistry(chain, deployment.participant_registry.address)
        parties = [
            await register(chain, registry, identity, role)
            for role, found in (
                (Role.PROVIDER, identities(1, providers)),
                (Role.CLIENT, identities(2, clients)),
            )
            for identity in found
        ]
    return Town(anvil, folder, folder, deployment, parties[:providers], parties[providers:])


async def register(
    chain: Chain, registry: ParticipantRegistry, identity: Identity, role: Role
) -> Party:
    """Register an account that has nothing yet."""
    await chain.request("anvil_setBalance", identity.address, hex(10**18))
    where = Domain(await chain.id(), registry.address)
    keys = prove_possession(
        identity.signing_key(), identity.decryption_key(), identity.address, 1, where
    )
    await send(chain, identity.account(), registry.register(role, bytes(32), "", keys, 0))
    id_ = await registry.id_of(identity.address)
    assert id_ is not None
    return Party(identity, id_)


async def send(chain: Chain, account: LocalAccount, call: Call) -> None:
    """Send a call without care, and wait until it is mined."""
    fields: dict[str, Any] = {
        "chainId": await chain.id(),
        "nonce": await chain.transaction_count(account.address),
        "gas": 2_000_000,
        "gasPrice": 20 * GWEI,
        "data": call.data,
        "to": call.to,
        "value": call.value,
    }
    signed = account.sign_transaction(fields)
    await chain.broadcast(bytes(signed.raw_transaction))
    mined = None
    while mined is None:
        mined = await chain.mined(bytes(signed.hash))
    assert mined.status


async def pass_time(chain: Chain, seconds: int) -> None:
    """Move the chain's clock, and mine a block with the new time."""
    await chain.request("evm_increaseTime", seconds)
    await chain.request("anvil_mine", "0x1")


def bodies(evidence: Iterable[Evidence]) -> bytes:
    return b"".join(each.encode() for each in evidence)


async def until(condition: Any, seconds: float = 30.0) -> Any:
    """Wait for an async condition to be true; returns what it returned."""
    async with asyncio.timeout(seconds):
        while not (found := await condition()):
            await asyncio.sleep(0.02)
    return found
