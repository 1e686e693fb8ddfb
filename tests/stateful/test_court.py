"""A Python model of the court beside the contract: panels, votes, money, to the last unit.

(SPEC OC-I1 to OC-I4)
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace

import pytest
from brownie import chain, web3
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from handfast.crypto.bls import SecretKey
from handfast.disputes import rules
from handfast.disputes.rules import Ballot, Contribution, Weight
from handfast.protocol.constants import (
    MAX_APPEALS,
    ROLE_VOTER,
    SEAT_FEE,
    SEAT_STAKE,
    STAKE_UNIT,
    TOKEN_SUPPLY,
    CasePeriod,
)
from handfast.protocol.messages import Domain
from handfast.registry.possession import prove_possession
from tests.campaign import examples
from tests.chain import plain
from tests.courts import CHOICE, SETTINGS, Courtroom, header_of

VOTERS = 4
STAKE = 8 * SEAT_STAKE


@dataclass
class Round:
    """A round as the rules have it.

    panel   numbers seat by seat; `votes`: what was revealed by number
    """

    payer: int
    side: int
    seats: int
    paid: bool = True
    secured: bool = False
    panel: tuple[int, ...] = ()
    commits: dict[int, int] = field(default_factory=dict)
    votes: dict[int, int] = field(default_factory=dict)
    settled: bool = False

    @property
    def ballots(self) -> list[Ballot]:
        seats = Counter(number for number in self.panel if number)
        return [
            Ballot(number, seats[number], rules.revealed_choice(self.votes[number]))
            if number in self.votes
            else Ballot(number, seats[number], 0)
            for number in dict.fromkeys(self.panel)
            if number
        ]


@dataclass
class Case:
    """A case as the rules have it."""

    size: int
    standing: int
    rounds: list[Round]
    period: CasePeriod = CasePeriod.DRAW
    redrawn: bool = False
    appeals: int = 0
    costs: int = 0

    @property
    def last(self) -> Round:
        return self.rounds[-1]


@dataclass
class Model:
    """All that the court owes and locks, in smallest units."""

    stakes: list[int]
    unstaking: list[int]
    locked: list[int]
    credits: Counter[int] = field(default_factory=Counter)
    cases: list[Case] = field(default_factory=list)
    burnt: int = 0

    def undecided(self, case: Case) -> None:
        """A tie, or nobody voted."""
        if case.redrawn:
            case.period = CasePeriod.APPEAL
            return
        old = case.last
        case.rounds.append(Round(old.payer, old.side, old.seats, old.paid, old.secured))
        old.paid = old.secured = False
        case.redrawn, case.period = True, CasePeriod.DRAW

    def count(self, case: Case) -> None:
        winner = rules.winner_of(case.last.ballots, case.size)
        if not winner:
            self.undecided(case)
            return
        case.standing, case.period = winner, CasePeriod.APPEAL

    def rule(self, case: Case) -> None:
        case.period = CasePeriod.RULED
        paid = [
            Contribution(
                each.seats * SEAT_FEE if each.paid else 0,
                each.seats * SEAT_FEE if each.secured else 0,
                each.paid and each.side == case.standing,
                each.paid and each.side not in (0, case.standing),
                case.standing in each.votes.values(),
            )
            for each in case.rounds
        ]
        credited, case.costs = rules.divide(paid)
        for each, amount in zip(case.rounds, credited, strict=True):
            self.credits[each.payer] += amount

    def settle(self, case: Case, round_: Round) -> None:
        round_.settled = True
        word = rules.revealed_choice(case.standing)
        good = [each for each in round_.ballots if each.word == word]
        bad = [each for each in round_.ballots if each.word != word]
        coherent, others = (sum(each.seats for each in part) for part in (good, bad))
        fee = round_.seats * SEAT_FEE if round_.paid and good else 0
        reward, odd, burnt = rules.reward_of(fee, coherent, others)
        for ballot in good:
            self.credits[-ballot.voter] += ballot.seats * reward + odd
            odd = 0
        for ballot in bad:
            loss, at = ballot.seats * rules.SEAT_PENALTY, ballot.voter - 1
            from_stake = min(loss, self.stakes[at])
            self.stakes[at] -= from_stake
            self.unstaking[at] -= loss - from_stake
        for ballot in round_.ballots:
            self.locked[ballot.voter - 1] -= ballot.seats * SEAT_STAKE
        self.burnt += burnt


class Court(RuleBasedStateMachine):
    """Four voters and two payers; each rule does the same to contract and model."""

    room: Courtroom

    def __init__(self) -> None:
        super().__init__()
        chain.snapshot()
        self.model = Model([STAKE] * VOTERS, [0] * VOTERS, [0] * VOTERS)
        self.supply = self.room.token.totalSupply()

    def teardown(self):
        chain.revert()

    def find(self, period: CasePeriod, pick: int) -> int | None:
        """One of the cases in this period."""
        found = [at for at, case in enumerate(self.model.cases, 1) if case.period is period]
        return found[pick % len(found)] if found else None

    def free(self) -> None:
        """Make every draw that waits, so that stakes and locks may change."""
        while int(plain(self.room.court.nextDraw())[0]):
            self.draw()

    picks = st.integers(0, 9)

    @precondition(lambda self: len(self.model.cases) < 4)
    @rule(seats=st.sampled_from([1, 3]), standard=st.integers(1, 2), side=st.integers(0, 2))
    def open(self, seats, standard, side):
        self.room.open(replace(CHOICE, seats=seats, standard=standard, side=side))
        self.model.cases.append(Case(2, standard, [Round(0, side, seats)]))

    @rule()
    def draw(self):
        case, height = plain(self.room.court.nextDraw())
        if not case:
            return
        chain.mine(max(0, height + 1 - len(chain)))
        self.room.court.draw(case, header_of(height))
        known, model = self.model.cases[case - 1], self.model
        seed = int.from_bytes(web3.eth.get_block(height)["mixHash"])
        weights = [Weight(*each) for each in zip(model.stakes, model.locked, strict=True)]
        number = len(known.rounds) - 1
        known.last.panel = rules.draw(seed, case, number, known.last.seats, weights)
        for voter in filter(None, known.last.panel):
            model.locked[voter - 1] += SEAT_STAKE
        known.period = CasePeriod.COMMIT
        if not any(known.last.panel):
            model.undecided(known)

    @rule(pick=picks, who=picks, choice=st.integers(1, 2))
    def commit(self, pick, who, choice):
        case = self.find(CasePeriod.COMMIT, pick)
        if case is None:
            return
        known = self.model.cases[case - 1]
        waiting = [
            each.voter for each in known.last.ballots if each.voter not in known.last.commits
        ]
        number = waiting[who % len(waiting)]
        self.room.commit(case, self.room.voters[number - 1], choice)
        known.last.commits[number] = choice
        if len(waiting) == 1:
            known.period = CasePeriod.REVEAL

    @rule(pick=picks, who=picks)
    def reveal(self, pick, who):
        case = self.find(CasePeriod.REVEAL, pick)
        if case is None:
            return
        known = self.model.cases[case - 1]
        waiting = [each for each in known.last.commits if each not in known.last.votes]
        number = waiting[who % len(waiting)]
        self.room.reveal(case, self.room.voters[number - 1], known.last.commits[number])
        known.last.votes[number] = known.last.commits[number]
        if len(waiting) == 1:
            self.model.count(known)

    @rule(pick=picks, period=st.sampled_from([CasePeriod.COMMIT, CasePeriod.REVEAL]))
    def time_is_over(self, pick, period):
        case = self.find(period, pick)
        if case is None:
            return
        known = self.model.cases[case - 1]
        end = self.room.case(case)["endsAt"]
        if any(  # else others' time would be over, too
            other != case
            and self.model.cases[other - 1].period is not CasePeriod.RULED
            and self.room.case(other)["endsAt"] <= end + 60
            for other in range(1, len(self.model.cases) + 1)
        ):
            return
        self.room.pass_period(case)
        if period is CasePeriod.COMMIT and known.last.commits:
            known.period = CasePeriod.REVEAL
        elif period is CasePeriod.COMMIT:
            self.model.undecided(known)
        else:
            self.model.count(known)

    @rule(pick=picks)
    def appeal(self, pick):
        case = self.find(CasePeriod.APPEAL, pick)
        if case is None or self.room.case(case)["endsAt"] <= chain[-1].timestamp + 30:
            return
        known = self.model.cases[case - 1]
        if known.appeals == 2:  # a third one's 31 seats take long
            return
        assert known.appeals < MAX_APPEALS
        side, seats = 3 - known.standing, 2 * known.last.seats + 1
        self.room.court.appeal(case, side, {"from": self.room.payer})
        known.rounds.append(Round(0, side, seats, secured=True))
        known.appeals += 1
        known.redrawn, known.period = False, CasePeriod.DRAW

    @rule(pick=picks)
    def end(self, pick):
        """Rule and settle every round, after those of others that have time left."""
        case = self.find(CasePeriod.APPEAL, pick)
        if case is None:
            return
        self.free()
        known = self.model.cases[case - 1]
        if known.period is not CasePeriod.APPEAL or any(
            each.period in (CasePeriod.COMMIT, CasePeriod.REVEAL) for each in self.model.cases
        ):
            return
        self.room.wait_for_end(case)
        self.model.rule(known)
        for number, round_ in enumerate(known.rounds):
            self.room.court.settle(case, number)
            self.model.settle(known, round_)

    @rule(who=st.integers(1, VOTERS), seats=st.integers(1, 3))
    def unstake(self, who, seats):
        amount = min(seats * SEAT_STAKE, self.model.stakes[who - 1])
        amount -= amount % STAKE_UNIT
        if amount:
            self.free()
            self.room.pool.unstake(amount, {"from": self.room.voters[who - 1]})
            self.model.stakes[who - 1] -= amount
            self.model.unstaking[who - 1] += amount

    @rule(who=st.integers(1, VOTERS))
    def collect(self, who):
        owed, voter = self.model.credits[-who], self.room.voters[who - 1]
        ready = self.room.stake_of(voter)["withdrawableAt"] <= chain[-1].timestamp + 60
        if owed and not ready:
            before = self.room.token.balanceOf(voter)
            self.room.court.withdraw({"from": voter})
            assert self.room.token.balanceOf(voter) == before + owed
            self.model.credits[-who] = 0

    @invariant()
    def the_contract_agrees(self):
        model, room = self.model, self.room
        for at, voter in enumerate(room.voters):
            found = room.stake_of(voter)
            stake = model.stakes[at], model.unstaking[at], model.locked[at]
            assert (found["stake"], found["unstaking"], found["locked"]) == stake
            assert stake[0] + stake[1] >= stake[2]
        assert room.court.creditOf(room.payer) == model.credits[0]
        for number, case in enumerate(model.cases, 1):
            assert room.period(number) is case.period
            costs = case.costs if case.period is CasePeriod.RULED else 0
            ruling = (case.period is CasePeriod.RULED, case.standing, bytes(32), costs)
            assert room.ruling(number) == ruling
        assert room.token.totalSupply() == self.supply - model.burnt

    @invariant()
    def no_unit_is_lost(self):
        """What is held is owed: stakes, credits, fees and securities of cases under way, and what
        rounds that are ruled and not settled will pay.
        """
        model = self.model
        under_way = sum(
            round_.seats * SEAT_FEE * (round_.paid + round_.secured)
            for case in model.cases
            if case.period is not CasePeriod.RULED
            for round_ in case.rounds
        )
        owed = sum(model.stakes) + sum(model.unstaking) + sum(model.credits.values()) + under_way
        assert self.room.token.balanceOf(self.room.court) == owed


@pytest.fixture(scope="module")
def room(
    deployer, accounts, MarketToken, ParticipantRegistry, OracleCourt, VoterPool, HostileCourtClient
):
    share = TOKEN_SUPPLY // 4
    token = deployer.deploy(MarketToken, deployer, [(deployer, share)] * 4)
    registry = deployer.deploy(ParticipantRegistry, token, deployer, 1_000)
    court = deployer.deploy(OracleCourt, token, registry, SETTINGS)
    pool = VoterPool.at(court.VOTERS())
    client = deployer.deploy(HostileCourtClient, court)
    payer, voters = accounts[1], list(accounts[2 : 2 + VOTERS])
    domain = Domain(chain.id, registry.address)
    for voter in voters:
        keys = prove_possession(SecretKey(11), SecretKey(13), voter.address, 1, domain)
        registry.register((ROLE_VOTER, bytes(32), ""), keys.words(), 0, {"from": voter})
        token.transfer(voter, STAKE, {"from": deployer})
        token.approve(pool, STAKE, {"from": voter})
        pool.stake(STAKE, {"from": voter})
    token.transfer(client, 10**24, {"from": deployer})
    token.transfer(payer, 10**24, {"from": deployer})
    token.approve(court, 2**256 - 1, {"from": payer})
    return Courtroom(court, pool, token, client, voters, payer)


def test_the_court_does_what_its_model_does(room):
    Court.room = room
    few = settings(
        max_examples=examples(20),
        stateful_step_count=25,
        phases=(Phase.generate, Phase.shrink),
        deadline=None,
    )
    run_state_machine_as_test(Court, settings=few)
