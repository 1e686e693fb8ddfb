"""A Python model of the market beside the contract: phases, money, bonds, ratings and reputation.
(SPEC MK-2 to MK-7, MK-I1 to MK-I4)
"""

from __future__ import annotations

from collections import Counter
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any

import pytest
from brownie import chain
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from handfast.protocol.constants import (
    BAD_RATING,
    CHUNK_BYTES,
    GOOD_RATING,
    MAX_RATING,
    REPUTATION_FLOOR,
    SCALE,
    SEAT_FEE,
    SELLER_PENALTY,
    PurchasePhase,
)
from tests.campaign import examples
from tests.chain import plain, reverts, set_next_timestamp

# ruff: noqa: F401 - fixtures, which pytest finds by name
from tests.contracts.market.conftest import (
    BOND,
    BUYER_BOND,
    BUYER_SECRET,
    STRANGER_SECRET,
    court,
    hub,
    ledger,
    market,
    preimages,
    registry,
    token,
)
from tests.market import CHALLENGE_PERIOD, DELIVERY_PERIOD, ETHER, SEATS, Deal, package_of

GARBAGE = bytes(32)
HONEST = package_of(2 * CHUNK_BYTES + 9)
SPOILT = package_of(2 * CHUNK_BYTES, seed=2).with_chunk(1, bytes(CHUNK_BYTES))
SPOILT_POSITION = 1


@dataclass
class Purchase:
    """What the rules say of one purchase."""

    deal: Deal
    spoilt: bool
    phase: PurchasePhase = PurchasePhase.BOUGHT
    deadline: int = 0
    garbage: bool = False
    case: int = 0
    ruling: int = 0


@dataclass
class Standing:
    """What the rules say of one account."""

    score: int = 0
    partners: set[str] = field(default_factory=set)
    participations: int = 0

    def penalise(self) -> None:
        self.score = max(self.score - SCALE, REPUTATION_FLOOR)

    def reward(self) -> None:
        self.score += len(self.partners) * SCALE // self.participations


picks = st.integers(0, 2)
people = st.sampled_from(["seller", "buyer", "other"])
buyers = st.sampled_from(["buyer", "other"])


class Market(RuleBasedStateMachine):
    """One seller, two buyers, an honest listing and a spoilt one; each rule does the same to
    contract and model.
    """

    market: Any
    registry: Any
    ledger: Any
    court: Any
    accounts: dict[str, Any]

    def __init__(self) -> None:
        super().__init__()
        chain.snapshot()
        self.purchases: list[Purchase] = []
        self.owed: Counter[str] = Counter()
        self.standing = {name: Standing() for name in self.accounts}
        self.bond = BOND
        self.rated: list[int] = []
        self.open = 0
        self.now = chain[-1].timestamp
        for package in (HONEST, SPOILT):
            self.deal("buyer", package).publish()

    def teardown(self) -> None:
        chain.revert()

    def deal(self, buyer: str, package: Any) -> Deal:
        secret = {"buyer": BUYER_SECRET, "other": STRANGER_SECRET}[buyer]
        account = self.accounts[buyer]
        salt = len(self.purchases)
        return Deal(
            self.market, self.accounts["seller"], account, secret, package=package, salt=salt
        )

    def name(self, account: Any) -> str:
        return next(name for name, each in self.accounts.items() if each == account)

    def tick(self, seconds: int = 1) -> int:
        self.now += seconds
        set_next_timestamp(self.now)
        return self.now

    def some(self, pick: int) -> Purchase | None:
        """One of the last few."""
        return self.purchases[-1 - pick] if pick < len(self.purchases) else None

    def expect(self, purchase: Purchase, needed: PurchasePhase, *others: Any) -> Any:
        """What reverts, in the order of the contract's checks: phase, then whatever else."""
        if purchase.phase != needed:
            return reverts("WrongPhase", purchase.deal.id, purchase.phase, needed)
        for fails, error, *arguments in others:
            if fails:
                return reverts(error, *arguments)
        return None

    # ---------------------------------------------------------------- what the model does

    def pay(self, purchase: Purchase) -> None:
        purchase.phase, purchase.deadline = PurchasePhase.PAID, 0
        self.owed["seller"] += ETHER
        self.open -= ETHER
        buyer = self.name(purchase.deal.buyer)
        for one, other in (("seller", buyer), (buyer, "seller")):
            self.standing[one].participations += 1
            self.standing[one].partners.add(other)

    def refund_(self, purchase: Purchase, at_once: bool = False) -> None:
        purchase.phase, purchase.deadline = PurchasePhase.REFUNDED, 0
        self.open -= ETHER
        if not at_once:
            self.owed[self.name(purchase.deal.buyer)] += ETHER

    # ---------------------------------------------------------------- rules

    @rule(buyer=buyers, spoilt=st.booleans())
    def buy(self, buyer: str, spoilt: bool) -> None:
        deal = self.deal(buyer, SPOILT if spoilt else HONEST)
        now = self.tick()
        if self.bond < SELLER_PENALTY:
            seller = self.accounts["seller"]
            with reverts("SellerNotBonded", seller, self.bond, SELLER_PENALTY):
                deal.buy()
            return
        deal.buy()
        self.purchases.append(Purchase(deal, spoilt, deadline=now + DELIVERY_PERIOD))
        self.open += ETHER

    @rule(buyer=buyers, spoilt=st.booleans(), garbage=st.booleans())
    def sell(self, buyer: str, spoilt: bool, garbage: bool) -> None:
        """Bought and delivered: where most of what can happen begins."""
        self.buy(buyer, spoilt)
        self.deliver(0, garbage)

    @rule(buyer=buyers, rating=st.integers(0, MAX_RATING))
    def please(self, buyer: str, rating: int) -> None:
        """A sale without a quarrel."""
        self.sell(buyer, False, False)
        self.finalise(0, buyer)
        self.rate(0, rating)

    @rule(buyer=buyers, spoilt=st.booleans())
    def cheat(self, buyer: str, spoilt: bool) -> None:
        """A garbage chunk or a garbage key, and a buyer that proves it."""
        self.sell(buyer, spoilt, not spoilt)
        self.claim(0, spoilt)

    @rule(pick=picks, garbage=st.booleans())
    def deliver(self, pick: int, garbage: bool) -> None:
        if (purchase := self.some(pick)) is None:
            return
        now, deal = self.tick(), purchase.deal
        late = now > purchase.deadline, "DeadlinePassed", deal.id, purchase.deadline, now
        refused = self.expect(purchase, PurchasePhase.BOUGHT, late)
        with refused or nullcontext():
            deal.deliver(deal.masked(GARBAGE if garbage else None))
        if refused is None:
            purchase.phase, purchase.deadline = PurchasePhase.DELIVERED, now + CHALLENGE_PERIOD
            purchase.garbage = garbage

    @rule(pick=picks, who=people)
    def refund(self, pick: int, who: str) -> None:
        if (purchase := self.some(pick)) is None:
            return
        now, deal = self.tick(), purchase.deal
        early = who != "seller" and now <= purchase.deadline
        error = early, "DeadlineNotPassed", deal.id, purchase.deadline, now
        refused = self.expect(purchase, PurchasePhase.BOUGHT, error)
        with refused or nullcontext():
            deal.refund(self.accounts[who])
        if refused is None:
            self.refund_(purchase)

    @rule(pick=picks, who=people)
    def finalise(self, pick: int, who: str) -> None:
        if (purchase := self.some(pick)) is None:
            return
        now, deal = self.tick(), purchase.deal
        early = self.accounts[who] != deal.buyer and now <= purchase.deadline
        error = early, "DeadlineNotPassed", deal.id, purchase.deadline, now
        refused = self.expect(purchase, PurchasePhase.DELIVERED, error)
        with refused or nullcontext():
            deal.finalise(self.accounts[who])
        if refused is None:
            self.pay(purchase)

    @rule(pick=picks, of_chunk=st.booleans())
    def claim(self, pick: int, of_chunk: bool) -> None:
        if (purchase := self.some(pick)) is None:
            return
        now, deal = self.tick(), purchase.deal
        late = now > purchase.deadline, "DeadlinePassed", deal.id, purchase.deadline, now
        refused = self.expect(purchase, PurchasePhase.DELIVERED, late)
        handed = deal.masked(GARBAGE if purchase.garbage else None)
        with refused or nullcontext():
            if of_chunk:
                deal.claim_wrong_chunk(SPOILT_POSITION, handed)
            else:
                deal.claim_wrong_key(handed)
        if refused is not None:
            return
        if purchase.garbage or (of_chunk and purchase.spoilt):
            self.refund_(purchase, at_once=True)
            self.bond -= min(self.bond, SELLER_PENALTY)
            self.standing["seller"].penalise()
        else:
            self.pay(purchase)
            self.standing[self.name(deal.buyer)].penalise()

    @rule(pick=picks)
    def dispute(self, pick: int) -> None:
        if (purchase := self.some(pick)) is None:
            return
        now, deal = self.tick(), purchase.deal
        late = now > purchase.deadline, "DeadlinePassed", deal.id, purchase.deadline, now
        refused = self.expect(purchase, PurchasePhase.DELIVERED, late)
        with refused or nullcontext():
            deal.dispute()
        if refused is None:
            purchase.phase, purchase.deadline = PurchasePhase.DISPUTED, 0
            purchase.case = int(self.court.caseCount())

    @rule(pick=picks, choice=st.integers(1, 2))
    def resolve(self, pick: int, choice: int) -> None:
        """Once before the court has ruled, once after."""
        if (purchase := self.some(pick)) is None:
            return
        self.tick()
        deal, who = purchase.deal, self.accounts["seller"]
        if purchase.phase != PurchasePhase.DISPUTED:
            with self.expect(purchase, PurchasePhase.DISPUTED):
                deal.resolve(who)
            return
        with reverts("NotRuled", deal.id, purchase.case):
            deal.resolve(who)
        costs = SEATS * SEAT_FEE if choice == 1 else 0
        self.court.rule(purchase.case, choice, bytes(32), costs)
        deal.resolve(who)
        self.now = chain[-1].timestamp
        if choice == 1:
            self.refund_(purchase)
            self.standing["seller"].penalise()
            self.bond -= min(self.bond, costs)
        else:
            self.pay(purchase)
            self.standing[self.name(deal.buyer)].penalise()

    @rule(pick=picks, rating=st.integers(0, MAX_RATING + 1))
    def rate(self, pick: int, rating: int) -> None:
        if (purchase := self.some(pick)) is None:
            return
        self.tick()
        wrong = rating > MAX_RATING, "InvalidRating", rating, MAX_RATING
        refused = self.expect(purchase, PurchasePhase.PAID, wrong)
        with refused or nullcontext():
            purchase.deal.rate(rating)
        if refused is not None:
            return
        purchase.phase = PurchasePhase.RATED
        self.rated.append(rating)
        if rating >= GOOD_RATING:
            self.standing["seller"].reward()
        elif rating <= BAD_RATING:
            self.standing["seller"].penalise()

    @rule(who=people)
    def collect(self, who: str) -> None:
        account = self.accounts[who]
        self.tick()
        native = "0x" + "00" * 20
        if not self.owed[who]:
            with reverts("NothingOwed", native, account):
                self.market.collect(native, account, {"from": account})
            return
        tx = self.market.collect(native, account, {"from": account})
        assert tx.return_value == self.owed.pop(who)

    @rule(amount=st.sampled_from([SELLER_PENALTY // 2, 2 * SELLER_PENALTY]))
    def bond_more(self, amount: int) -> None:
        self.tick()
        self.registry.addBond(1, amount, {"from": self.accounts["seller"]})
        self.bond += amount

    @rule(seconds=st.sampled_from([DELIVERY_PERIOD - 3, CHALLENGE_PERIOD - 3]))
    def wait(self, seconds: int) -> None:
        self.now += seconds

    # ---------------------------------------------------------------- what must hold

    @invariant()
    def the_contract_agrees(self) -> None:
        """MK-I1, MK-I2: to the last unit, and in every phase."""
        assert self.market.balance() == self.open + sum(self.owed.values())
        for purchase in self.purchases[-3:]:
            stands = plain(self.market.purchaseOf(purchase.deal.id))
            case = purchase.case if purchase.phase == PurchasePhase.DISPUTED else 0
            assert stands == (purchase.phase, purchase.deadline, case)
        assert self.registry.bondOf(1) == self.bond
        for name, account in self.accounts.items():
            standing = self.standing[name]
            expected = standing.score, len(standing.partners), standing.participations
            assert plain(self.ledger.participationOf(account)) == expected
        ratings = sum(self.rated), len(self.rated)
        assert plain(self.market.ratingsOf(self.accounts["seller"])) == ratings


@pytest.fixture
def machine(market, registry, ledger, court, client, provider, stranger):  # noqa: F811
    Market.market, Market.registry = market, registry
    Market.ledger, Market.court = ledger, court
    Market.accounts = {"seller": provider, "buyer": client, "other": stranger}
    assert registry.bondOf(2) == BUYER_BOND
    return Market


def test_the_market_does_what_the_model_says(machine):
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples(20),
            stateful_step_count=25,
            deadline=None,
            phases=(Phase.generate, Phase.shrink),
        ),
    )
