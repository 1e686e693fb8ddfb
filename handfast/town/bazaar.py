"""Plays the market of finished goods, from listing to settlement: cheating does not pay.

Four sellers offer a model: one is honest, one hands over a garbage key, one published a garbage
chunk, one falls silent. Five buyers buy; one of them, who got what it paid for, claims otherwise.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import handfast
from handfast.chain.deployment import MarketParameters
from handfast.chain.ledger import ReputationLedger
from handfast.chain.registry import ParticipantRegistry
from handfast.errors import Unavailable
from handfast.market.process import read_book
from handfast.market.settings import ReadSettings
from handfast.market.state import FALSE_CLAIM, WRONG_CHUNK, WRONG_KEY, Purchase
from handfast.protocol.constants import SCALE, SELLER_PENALTY, TOKEN_SUPPLY, PurchasePhase
from handfast.registry.participants import ParticipantId, Role
from handfast.town.audit import gas_by_step, token_of
from handfast.town.report import Check
from handfast.town.town import TOKEN, Citizen, Member, Town, found

PRICE = 10 * TOKEN
BOND = 2 * SELLER_PENALTY
RATING = 9
PERIODS = MarketParameters(8, 8, 5, 10, 10, 10)
CHEATS = "handfast.town.cheats"
GOODS = Path(handfast.__file__).parent / "inference" / "weights" / "generator.safetensors"
"""A real model, the one of the digits."""
_LOOK_SECONDS = 0.5
_SETTLE_SECONDS = 90.0
_OPEN = (PurchasePhase.BOUGHT, PurchasePhase.DELIVERED, PurchasePhase.DISPUTED)


@dataclass(frozen=True, slots=True)
class Sale:
    """One sale of the play, and how it must end.

    seller_kind, buyer_kind   of the cheats, or empty for the honest
    paid                      whether the price goes to the seller
    verdict                   what the chain says of a claim
    """

    title: str
    seller: str
    buyer: str
    seller_kind: str = ""
    buyer_kind: str = ""
    paid: bool = False
    verdict: str = ""


SALES = (
    Sale("an honest sale", "Ada", "Eve", paid=True),
    Sale("a garbage key", "Ben", "Finn", "garbage-key", verdict=WRONG_KEY),
    Sale("a garbage chunk", "Cleo", "Gil", "garbage-chunk", verdict=WRONG_CHUNK),
    Sale("a silent seller", "Dov", "Hana", "silent"),
    Sale("a lying buyer", "Ada", "Ira", buyer_kind="liar", paid=True, verdict=FALSE_CLAIM),
)


@dataclass(frozen=True, slots=True)
class Ending:
    """How a sale ended.

    opened   whether the buyer has the content, verified
    """

    title: str
    seller: str
    buyer: str
    phase: str
    verdict: str
    opened: bool
    seconds: float


@dataclass(frozen=True, slots=True)
class Account:
    """What became of a citizen, in smallest units of MarketToken; reputation out of SCALE."""

    name: str
    gained: int
    bond_lost: int
    reputation: int


@dataclass(frozen=True, slots=True)
class BazaarReport:
    """Everything that the demo has to tell.

    gas   used by each transaction, by the name of its step
    """

    seconds: float
    size: int
    endings: Sequence[Ending]
    accounts: Sequence[Account]
    gas: dict[str, list[int]]
    checks: Sequence[Check]

    @property
    def passed(self) -> bool:
        """Whether every check held."""
        return all(check.held for check in self.checks)

    def json(self) -> dict[str, Any]:
        """The report as plain values; amounts as text."""
        return {
            "passed": self.passed,
            "seconds": round(self.seconds, 2),
            "size": self.size,
            "price": str(PRICE),
            "scale": SCALE,
            "checks": [asdict(check) for check in self.checks],
            "sales": [asdict(ending) for ending in self.endings],
            "accounts": [
                asdict(each) | {"gained": str(each.gained), "bond_lost": str(each.bond_lost)}
                for each in self.accounts
            ],
            "gas": self.gas,
        }


def members() -> list[Member]:
    """Everybody in the demo's town: sellers with a bond, buyers."""
    sellers = dict.fromkeys(sale.seller for sale in SALES)
    people = [Member(name, Role.PROVIDER, bond=BOND, funds=BOND) for name in sellers]
    return people + [Member(sale.buyer, Role.CLIENT, funds=2 * PRICE) for sale in SALES]


@dataclass(slots=True)
class Bazaar:
    """The play under way; `watch` is told of every change.

    listings   by seller
    balances   MarketToken of each citizen before the first sale
    """

    town: Town
    watch: Callable[[Bazaar], None]
    started: float = field(default_factory=time.monotonic)
    doing: str = ""
    listings: dict[str, str] = field(default_factory=dict)
    balances: dict[str, int] = field(default_factory=dict)
    endings: list[Ending] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)

    def say(self, doing: str) -> None:
        """Tell what happens now."""
        self.doing = doing
        self.watch(self)

    def check(self, name: str, held: bool, detail: str) -> None:
        """Note whether something holds that must."""
        self.checks.append(Check(name, held, detail))
        self.watch(self)

    def citizen(self, name: str) -> Citizen:
        """Somebody of the play."""
        return self.town.citizens[name]


async def play(folder: Path, watch: Callable[[Bazaar], None]) -> BazaarReport:
    """The whole demo, in a folder of its own.

    raises   Unavailable if a process does not do what it is for
    """
    async with found(folder, members(), market=PERIODS) as town:
        bazaar = Bazaar(town, watch)
        for name, citizen in town.citizens.items():
            bazaar.balances[name] = await token_of(town).balance_of(citizen.identity.address)
        bazaar.say("sellers seal the model and put it on sale")
        sellers = {sale.seller: sale.seller_kind for sale in SALES}
        await asyncio.gather(*(_open_shop(bazaar, *each) for each in sellers.items()))
        bazaar.say("buyers check, pay, open; who was cheated objects")
        await asyncio.gather(*(_trade(bazaar, sale) for sale in SALES))
        bazaar.say("what is left over is paid out")
        bought = await _until_settled(bazaar)
        await _rate(bazaar, bought)
        bazaar.say("counting to the last unit")
        accounts = await _check_all(bazaar)
        seconds = time.monotonic() - bazaar.started
        gas = await gas_by_step(town)
        order = [sale.title for sale in SALES]
        endings = sorted(bazaar.endings, key=lambda ending: order.index(ending.title))
        size = GOODS.stat().st_size
        return BazaarReport(seconds, size, endings, accounts, gas, bazaar.checks)


# ---------------------------------------------------------------- what they do


async def _open_shop(bazaar: Bazaar, name: str, kind: str) -> None:
    citizen = bazaar.citizen(name)
    if kind:
        said = await _run(bazaar, name, kind, "publish", str(GOODS), str(PRICE), module=CHEATS)
        await bazaar.town.start(citizen, kind, "sell", module=CHEATS)
    else:
        told = ("--price", str(PRICE), "--description", "a model that draws digits", "--json")
        said = await _run(bazaar, name, "market", "publish", str(GOODS), *told)
        await bazaar.town.start(citizen, "market", "sell")
    bazaar.listings[name] = said["listing"]
    bazaar.watch(bazaar)


async def _trade(bazaar: Bazaar, sale: Sale) -> None:
    began = time.monotonic()
    listing, output = bazaar.listings[sale.seller], _output(bazaar, sale)
    if sale.buyer_kind:
        words = [sale.buyer_kind, "buy", listing, str(output)]
        said = await _run(bazaar, sale.buyer, *words, module=CHEATS)
    else:
        words = ["market", "buy", listing, "--output", str(output), "--yes", "--json"]
        said = await _run(bazaar, sale.buyer, *words)
    bought = await _purchase(bazaar, said["purchase"])
    bazaar.endings.append(
        Ending(
            sale.title,
            sale.seller,
            sale.buyer,
            bought.phase.name.lower(),
            bought.verdict,
            _is_good(output),
            round(time.monotonic() - began, 2),
        )
    )
    bazaar.watch(bazaar)


async def _run(
    bazaar: Bazaar, name: str, *command: str, module: str = "handfast"
) -> dict[str, Any]:
    """The JSON that a citizen's command prints.

    raises   Unavailable with the last line of its log if it fails
    """
    citizen = bazaar.citizen(name)
    process = await bazaar.town.launch(
        citizen, *command, output=asyncio.subprocess.PIPE, module=module
    )
    output, _ = await process.communicate()
    if process.returncode:
        raise Unavailable(f"{name} fails: {bazaar.town.last(citizen)}")
    said: dict[str, Any] = json.loads(output.splitlines()[-1]) if output else {}
    return said


async def _rate(bazaar: Bazaar, bought: Sequence[Purchase]) -> None:
    honest = SALES[0]
    buyer = bazaar.citizen(honest.buyer).identity.address
    (purchase,) = (each for each in bought if each.terms.buyer == buyer)
    bazaar.say(f"{honest.buyer} rates what it bought")
    await _run_silent(bazaar, honest.buyer, "market", "rate", purchase.id.hex(), str(RATING))


async def _run_silent(bazaar: Bazaar, name: str, *command: str) -> None:
    process = await bazaar.town.launch(bazaar.citizen(name), *command)
    if await process.wait():
        raise Unavailable(f"{name} fails: {bazaar.town.last(bazaar.citizen(name))}")


async def _until_settled(bazaar: Bazaar) -> list[Purchase]:
    """Wait until every purchase has ended and everybody has collected."""
    token, market = token_of(bazaar.town), bazaar.town.deployment.marketplace.address
    deadline = time.monotonic() + _SETTLE_SECONDS
    while True:
        bought = await _purchases(bazaar)
        is_open = any(each.phase in _OPEN for each in bought)
        if not is_open and await token.balance_of(market) == 0:
            return bought
        if time.monotonic() > deadline:
            raise Unavailable("purchases do not end")
        await asyncio.sleep(_LOOK_SECONDS)


async def _purchases(bazaar: Bazaar) -> list[Purchase]:
    settings = ReadSettings.load(
        rpc=bazaar.town.anvil.url, deployments=bazaar.town.folder / "deployments"
    )
    book, _ = await read_book(settings)
    return list(book.purchases.values())


async def _purchase(bazaar: Bazaar, id_: str) -> Purchase:
    return next(each for each in await _purchases(bazaar) if "0x" + each.id.hex() == id_)


def _output(bazaar: Bazaar, sale: Sale) -> Path:
    return (bazaar.town.folder / f"{sale.buyer}-bought.safetensors").absolute()


def _is_good(path: Path) -> bool:
    """Whether a file is what the sellers had, byte for byte."""
    if not path.exists():
        return False
    return hashlib.sha256(path.read_bytes()).digest() == hashlib.sha256(GOODS.read_bytes()).digest()


# ---------------------------------------------------------------- what must hold


async def _check_all(bazaar: Bazaar) -> list[Account]:
    bought = {each.terms.buyer: each for each in await _purchases(bazaar)}
    for sale in SALES:
        _check_sale(bazaar, sale, bought[bazaar.citizen(sale.buyer).identity.address])
    accounts = [await _account(bazaar, name) for name in bazaar.town.citizens]
    for account in accounts:
        due = expected(account.name)
        bazaar.check(
            f"{account.name} has what is due, to the last unit",
            (account.gained, account.bond_lost) == due,
            f"{account.gained / TOKEN:+g} tokens, {account.bond_lost / TOKEN:g} of the bond lost",
        )
    by_name = {account.name: account.reputation for account in accounts}
    honest, cheats = SALES[0].seller, [sale for sale in SALES if sale.verdict]
    punished = [sale.buyer if sale.buyer_kind else sale.seller for sale in cheats]
    bazaar.check(
        "who cheated lost reputation, who did not gained",
        by_name[honest] > 0 and all(by_name[name] < 0 for name in punished),
        ", ".join(f"{name} {by_name[name] / SCALE:+.2f}" for name in (honest, *punished)),
    )
    await _check_supply(bazaar)
    return accounts


def _check_sale(bazaar: Bazaar, sale: Sale, purchase: Purchase) -> None:
    paid = purchase.phase in (PurchasePhase.PAID, PurchasePhase.RATED)
    opened = _is_good(_output(bazaar, sale))
    ended = "paid to the seller" if paid else "back with the buyer"
    bazaar.check(
        f"{sale.title} ends as it must",
        (paid, purchase.verdict, opened) == (sale.paid, sale.verdict, sale.paid),
        f"price {ended}{', ' + purchase.verdict if purchase.verdict else ''}",
    )


def expected(name: str) -> tuple[int, int]:
    """What a citizen gains in all, and what its bond loses."""
    gained = lost = 0
    for sale in SALES:
        if sale.paid:
            gained += PRICE * ((name == sale.seller) - (name == sale.buyer))
        elif sale.verdict and name == sale.seller:
            lost += SELLER_PENALTY
    return gained, lost


async def _account(bazaar: Bazaar, name: str) -> Account:
    town, citizen = bazaar.town, bazaar.citizen(name)
    registry = ParticipantRegistry(town.chain, town.deployment.participant_registry.address)
    ledger = ReputationLedger(town.chain, town.deployment.reputation_ledger.address)
    address = citizen.identity.address
    held = await token_of(town).balance_of(address)
    bond = await registry.bond_of(ParticipantId(citizen.id))
    score = await ledger.score_of(address)
    return Account(name, held - bazaar.balances[name], citizen.member.bond - bond, score)


async def _check_supply(bazaar: Bazaar) -> None:
    town, token = bazaar.town, token_of(bazaar.town)
    deployment = town.deployment
    escrow = await token.balance_of(deployment.marketplace.address)
    bazaar.check("nothing is left in escrow", escrow == 0, f"{escrow} units")
    holders = (
        deployment.participant_registry.address,
        deployment.deployer,
        *(citizen.identity.address for citizen in town.citizens.values()),
    )
    held = sum([await token.balance_of(address) for address in holders])
    supply = await token.total_supply()
    burnt = sum(expected(name)[1] for name in town.citizens)
    bazaar.check(
        "the supply is all accounted for",
        held == supply == TOKEN_SUPPLY - burnt,
        f"{supply} units, {burnt} burnt as penalties",
    )
