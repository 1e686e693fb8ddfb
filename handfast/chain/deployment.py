"""Puts the protocol's contracts on a chain, and keeps where they are and what they were told.

One file for each chain, deployments/<chain id>.json, with the hash of each contract's code: what is
read from a file is checked against the chain before it is used.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, Final

from eth_account.signers.local import LocalAccount
from eth_utils.address import to_checksum_address
from pydantic import PlainSerializer, TypeAdapter, ValidationError

from handfast.chain.abi import shipped
from handfast.chain.client import Call, Chain, creation
from handfast.chain.outbox import Outbox
from handfast.chain.rules import Policy
from handfast.chain.sender import Sender
from handfast.crypto.keccak import keccak
from handfast.database import open_database
from handfast.errors import InvalidInput, InvariantBroken
from handfast.protocol.constants import TOKEN_SUPPLY
from handfast.protocol.messages import is_address

FOLDER: Final = Path("deployments")

MINUTE: Final = 60
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR
TOKEN: Final = 10**18

Amount = Annotated[int, PlainSerializer(str, when_used="json")]
"""Smallest units: text in JSON, whose numbers lose digits elsewhere."""


@dataclass(frozen=True, slots=True)
class Allotment:
    """One part of the token's supply."""

    beneficiary: str
    amount: Amount


@dataclass(frozen=True, slots=True)
class Allotments:
    """The four parts of the token's supply. [meta-bmeoc eq. 15]"""

    development: Allotment
    contributors: Allotment
    community: Allotment
    incentives: Allotment

    @staticmethod
    def to_one(beneficiary: str) -> Allotments:
        """A fifth each, and the rest as incentives, all in one account's keeping."""
        fifth = Allotment(beneficiary, TOKEN_SUPPLY // 5)
        rest = Allotment(beneficiary, TOKEN_SUPPLY - 3 * fifth.amount)
        return Allotments(fifth, fifth, fifth, rest)

    def all(self) -> tuple[Allotment, Allotment, Allotment, Allotment]:
        """In the order of the token's constructor."""
        return self.development, self.contributors, self.community, self.incentives


@dataclass(frozen=True, slots=True)
class CourtParameters:
    """What the court is told for ever, its struct CourtSettings; periods in seconds.

    draw_delay               blocks between the end of the evidence and the draw's randomness
    min_period, max_period   bounds of each period of a case
    """

    unstaking_period: int
    draw_delay: int
    min_period: int
    max_period: int


@dataclass(frozen=True, slots=True)
class MarketParameters:
    """What the market is told for ever, its struct MarketSettings; periods in seconds.

    delivery_period    from buying to the last second for delivering
    challenge_period   from delivering to the last second for objecting
    seats              of the first panel that judges quality, whose periods follow
    """

    delivery_period: int
    challenge_period: int
    seats: int
    commit_period: int
    reveal_period: int
    appeal_period: int

    def encode(self) -> tuple[int, int, tuple[int, int, int, int]]:
        """The struct, its fields in order."""
        panel = (self.seats, self.commit_period, self.reveal_period, self.appeal_period)
        return self.delivery_period, self.challenge_period, panel


@dataclass(frozen=True, slots=True)
class DeploymentParameters:
    """What the contracts are told for ever. Periods are in seconds.

    owner                     names the token's reward pool and allows tokens in the hub; unless it
                              deploys itself, it has to accept the hub first
    unbonding_period          from asking for a participant's bond to getting it
    min_challenge_period      bounds of a channel's challenge period, with max_challenge_period
    product_challenge_blocks  in which challenging a product needs no deposit
    shards                    among which providers are divided
    epoch_length              of reputation
    window                    in which a batch can be challenged
    proposer_bond             that each batch stakes
    min_task_period           bounds of each period of a task, with max_task_period
    """

    owner: str
    allotments: Allotments
    unbonding_period: int
    min_challenge_period: int
    max_challenge_period: int
    product_challenge_blocks: int
    shards: int
    epoch_length: int
    window: int
    proposer_bond: Amount
    court: CourtParameters
    market: MarketParameters
    min_task_period: int
    max_task_period: int

    def __post_init__(self) -> None:
        parts = self.allotments.all()
        for address in (self.owner, *(part.beneficiary for part in parts)):
            if not is_address(address):
                raise InvalidInput(f"{address!r} is not an address")
        total = sum(part.amount for part in parts)
        if total != TOKEN_SUPPLY or any(part.amount < 0 for part in parts):
            raise InvalidInput(f"the allotments are {total} together, the supply {TOKEN_SUPPLY}")
        if not 0 < self.min_challenge_period <= self.max_challenge_period:
            raise InvalidInput("the bounds of challenge periods are the wrong way round, or zero")
        for name in ("unbonding_period", "product_challenge_blocks"):
            if getattr(self, name) < 0:
                raise InvalidInput(f"{name} must not be negative")
        for name in ("shards", "epoch_length", "window", "proposer_bond"):
            if getattr(self, name) <= 0:
                raise InvalidInput(f"{name} must be positive")
        self._check_cases()

    def _check_cases(self) -> None:
        court, market = self.court, self.market
        if not 0 < court.min_period <= court.max_period or court.draw_delay <= 0:
            raise InvalidInput("the bounds of the court's periods are the wrong way round, or zero")
        if not 0 < self.min_task_period <= self.max_task_period:
            raise InvalidInput("the bounds of task periods are the wrong way round, or zero")
        if self.unbonding_period <= market.delivery_period + market.challenge_period:
            raise InvalidInput(
                "unbonding must take longer than the market's delivery and challenge"
            )
        periods = astuple(market)[3:]
        if not all(court.min_period <= period <= court.max_period for period in periods):
            raise InvalidInput("a period of the market's cases is out of the court's bounds")

    @staticmethod
    def default(owner: str) -> DeploymentParameters:
        """For a public chain: time enough for people to notice and answer."""
        return DeploymentParameters(
            owner=owner,
            allotments=Allotments.to_one(owner),
            unbonding_period=14 * DAY,
            min_challenge_period=HOUR,
            max_challenge_period=30 * DAY,
            product_challenge_blocks=50_400,
            shards=1,
            epoch_length=DAY,
            window=2 * DAY,
            proposer_bond=10_000 * TOKEN,
            court=CourtParameters(14 * DAY, 4, HOUR, 30 * DAY),
            market=MarketParameters(DAY, 3 * DAY, 5, DAY, DAY, 2 * DAY),
            min_task_period=HOUR,
            max_task_period=90 * DAY,
        )

    @staticmethod
    def local(owner: str) -> DeploymentParameters:
        """For a chain on one's own machine: everything ends while one watches."""
        return DeploymentParameters(
            owner=owner,
            allotments=Allotments.to_one(owner),
            unbonding_period=2 * MINUTE,
            min_challenge_period=5,
            max_challenge_period=DAY,
            product_challenge_blocks=20,
            shards=1,
            epoch_length=10,
            window=5,
            proposer_bond=1_000 * TOKEN,
            court=CourtParameters(2 * MINUTE, 1, 1, DAY),
            market=MarketParameters(15, 15, 5, 10, 10, 10),
            min_task_period=1,
            max_task_period=DAY,
        )


@dataclass(frozen=True, slots=True)
class Deployed:
    """A contract on the chain.

    code_hash   keccak256 of its code, as 0x-hex
    """

    address: str
    code_hash: str


@dataclass(frozen=True, slots=True)
class Deployment:
    """The protocol's contracts on one chain.

    block   from which their events are to be read
    """

    chain_id: int
    block: int
    deployer: str
    parameters: DeploymentParameters
    market_token: Deployed
    participant_registry: Deployed
    preimage_registry: Deployed
    channel_hub: Deployed
    product_registry: Deployed
    reputation_rollup: Deployed
    reputation_ledger: Deployed
    oracle_court: Deployed
    marketplace: Deployed
    product_sale: Deployed
    model_tasks: Deployed
    delivery_proofs: Deployed
    data_tasks: Deployed

    def contracts(self) -> Iterator[tuple[str, Deployed]]:
        """Each contract with its name."""
        for part in fields(self):
            value = getattr(self, part.name)
            if isinstance(value, Deployed):
                yield part.name.title().replace("_", ""), value


_FILE = TypeAdapter(Deployment)


def path_of(chain_id: int, folder: Path = FOLDER) -> Path:
    """The file of a chain's deployment."""
    return folder / f"{chain_id}.json"


def save(deployment: Deployment, folder: Path = FOLDER, *, replace: bool = False) -> Path:
    """Write a deployment's file.

    replace   whether the file of an earlier deployment on this chain gives way
    raises    InvalidInput if there is one and it does not, or it can't be written
    """
    path = path_of(deployment.chain_id, folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with path.open("wb" if replace else "xb") as stream:
            stream.write(_FILE.dump_json(deployment, indent=1) + b"\n")
    except FileExistsError:
        raise InvalidInput(f"{path} has an earlier deployment; it is not overwritten") from None
    except OSError as fault:
        raise InvalidInput(f"{path}: {fault.strerror}") from None
    return path


def read(path: Path) -> Deployment:
    """Read a deployment's file, without asking the chain.

    raises   InvalidInput if it can't be read or is none
    """
    try:
        return _FILE.validate_json(path.read_bytes())
    except OSError as fault:
        raise InvalidInput(f"{path}: {fault.strerror}") from None
    except ValidationError as fault:
        first = fault.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"])) or "file"
        raise InvalidInput(f"{path} is no deployment: {place}, {first['msg']}") from None


async def load(chain: Chain, folder: Path = FOLDER) -> Deployment:
    """The deployment on a chain, from its file, checked against the chain.

    raises   InvalidInput if there is none, or the chain has something else at its addresses
    """
    chain_id = await chain.id()
    path = path_of(chain_id, folder)
    if not path.exists():
        raise InvalidInput(f"no deployment on chain {chain_id} is known: there is no {path}")
    deployment = read(path)
    if deployment.chain_id != chain_id:
        raise InvalidInput(f"{path} is of chain {deployment.chain_id}")
    await check(chain, deployment)
    return deployment


async def check(chain: Chain, deployment: Deployment) -> None:
    """Check that the chain has these contracts.

    raises   InvalidInput naming the first one that it has not
    """
    contracts = list(deployment.contracts())
    codes = await asyncio.gather(*(chain.code(each.address) for _, each in contracts))
    for (name, each), code in zip(contracts, codes, strict=True):
        if not code:
            raise InvalidInput(
                f"chain {deployment.chain_id} has no {name} at {each.address}: "
                "it is another chain, or was started anew; deploy again"
            )
        if _hash(code) != each.code_hash:
            raise InvalidInput(f"what is at {each.address} is not the {name} that was deployed")


async def deploy(
    chain: Chain, account: LocalAccount, parameters: DeploymentParameters
) -> Deployment:
    """Deploy every contract, allow MarketToken in the hub, and seal registry and ledger.

    account   pays; keeps no power, unless it is the owner
    raises    Rejected if the account can't pay, Unavailable without a node. What was deployed until
              then stays on the chain, unused: deploy again
    """
    with TemporaryDirectory() as folder:
        database = open_database(Path(folder) / "outbox.db")
        outbox = Outbox(database, account.address)
        try:
            async with Sender(chain, account, outbox, Policy(interval=0.05)) as sender:
                return await _Deployer(chain, sender).deploy(parameters)
        finally:
            database.dispose()


class _Deployer:
    """One run of a deployment, by one account."""

    def __init__(self, chain: Chain, sender: Sender) -> None:
        self._chain = chain
        self._sender = sender
        self._first_block: int | None = None

    async def deploy(self, parameters: DeploymentParameters) -> Deployment:
        me, owner = self._sender.address, parameters.owner
        allotments = [astuple(part) for part in parameters.allotments.all()]
        token = await self._create("MarketToken", owner, allotments)
        registry = await self._create(
            "ParticipantRegistry", token.address, me, parameters.unbonding_period
        )
        preimages = await self._create("PreimageRegistry")
        bounds = parameters.min_challenge_period, parameters.max_challenge_period
        hub = await self._create("ChannelHub", me, preimages.address, *bounds)
        products = await self._create(
            "ProductRegistry", hub.address, parameters.product_challenge_blocks
        )
        rollup = await self._create(
            "ReputationRollup",
            token.address,
            parameters.shards,
            parameters.epoch_length,
            parameters.window,
            parameters.proposer_bond,
        )
        trade = await self._deploy_trade(parameters, token, registry, hub)
        sale = await self._create("ProductSale", products.address, preimages.address)
        await self._tell("ChannelHub", hub, "allowToken", token.address)
        if owner.lower() != me.lower():
            await self._tell("ChannelHub", hub, "transferOwnership", owner)
        await self._tell(
            "ParticipantRegistry", registry, "authoriseSlasher", trade["marketplace"].address
        )
        await self._tell("ParticipantRegistry", registry, "seal")
        return Deployment(
            chain_id=await self._chain.id(),
            block=self._first_block or 0,
            deployer=me,
            parameters=parameters,
            market_token=token,
            participant_registry=registry,
            preimage_registry=preimages,
            channel_hub=hub,
            product_registry=products,
            reputation_rollup=rollup,
            product_sale=sale,
            **trade,
        )

    async def _deploy_trade(
        self,
        parameters: DeploymentParameters,
        token: Deployed,
        registry: Deployed,
        hub: Deployed,
    ) -> dict[str, Deployed]:
        """Court, ledger, market and tasks; the last three are all that ever write the ledger."""
        ledger = await self._create("ReputationLedger", self._sender.address)
        court = await self._create(
            "OracleCourt", token.address, registry.address, astuple(parameters.court)
        )
        market = await self._create(
            "Marketplace",
            hub.address,
            registry.address,
            ledger.address,
            court.address,
            parameters.market.encode(),
        )
        proofs = await self._create("DeliveryProofs")
        bounds = parameters.min_task_period, parameters.max_task_period
        judged = court.address, ledger.address
        models = await self._create("ModelTasks", *judged, token.address, *bounds)
        data = await self._create(
            "DataTasks", *judged, registry.address, proofs.address, token.address, *bounds
        )
        for recorder in (market, models, data):
            await self._tell("ReputationLedger", ledger, "authoriseRecorder", recorder.address)
        await self._tell("ReputationLedger", ledger, "seal")
        return {
            "reputation_ledger": ledger,
            "oracle_court": court,
            "marketplace": market,
            "delivery_proofs": proofs,
            "model_tasks": models,
            "data_tasks": data,
        }

    async def _create(self, name: str, *arguments: Any) -> Deployed:
        mined = await self._sender.send(f"create {name}", creation(name, *arguments))
        if mined.created is None:
            raise InvariantBroken(f"the deployment of {name} made no contract")
        if self._first_block is None:
            self._first_block = mined.block_number
        code = await self._chain.code(mined.created)
        return Deployed(to_checksum_address(mined.created), _hash(code))

    async def _tell(self, name: str, contract: Deployed, function: str, *arguments: Any) -> None:
        data = shipped(name).encode(function, arguments)
        deed = " ".join((f"{name}.{function}", *map(str, arguments)))
        await self._sender.send(deed, Call(contract.address, data, f"{name}.{function}"))


def _hash(code: bytes) -> str:
    return "0x" + keccak(code).hex()
