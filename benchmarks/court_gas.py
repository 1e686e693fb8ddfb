"""What do a dispute's steps cost before the court, as whole transactions, beside what others pay?

    python -m benchmarks.court_gas [--write]      --write keeps them in court_gas.json

Runs on an Anvil of its own (Prague). Every figure is the `gasUsed` of receipts, so it includes the
21,000 of each transaction, its calldata and the refunds; the largest of some repetitions counts.
Voters have differing stakes: the first ten registered and staked, the records of the others were
written into the storage of court and pool as staking writes them. The case's client is a plain
account, so what a contract does about its ruling is not in it. All payouts are settled when the
case ends; withdrawing is a line of its own. Notes are 21 bytes long, a choice as `handfast voter`
keeps it. The others' figures were measured in the same way, with five voters in all.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Callable, Sequence
from dataclasses import astuple, replace
from pathlib import Path
from typing import Any

from eth_typing import ChecksumAddress
from web3 import HTTPProvider, Web3
from web3.contract import Contract
from web3.contract.contract import ContractFunction
from web3.types import RPCEndpoint

import handfast
from handfast.chain.anvil import CHAIN_ID, Anvil
from handfast.chain.court import CaseTerms
from handfast.crypto.keccak import keccak
from handfast.crypto.keys import Identity
from handfast.disputes.rules import encode_header, hash_of, medians_of, words_of
from handfast.protocol.constants import (
    MAX_SCORES,
    ROLE_VOTER,
    SEAT_STAKE,
    STAKE_UNIT,
    TOKEN_SUPPLY,
    CaseKind,
)
from handfast.protocol.messages import Domain, Vote
from handfast.registry.possession import prove_possession

RESULT = Path(__file__).with_suffix(".json")
ABIS = Path(handfast.__file__).parent / "abi"
FEW, MANY = 50, 10_000
REAL = 10
REPEATS = 4
PERIOD = 3_600
GAS = 16_777_216  # most that a transaction may have (EIP-7825)
NOTE = bytes(range(100, 121))

# Slots of the two contracts' mappings, in the order of their declarations.
WEIGHTS, NUMBERS, RECORDS, ACCOUNTS = 0, 2, 3, 10

CHOICE = CaseTerms(
    kind=CaseKind.CHOICE,
    seats=5,
    size=2,
    standard=2,
    tolerance=0,
    side=1,
    evidence_period=0,
    commit_period=PERIOD,
    reveal_period=PERIOD,
    appeal_period=PERIOD,
    evidence=keccak(b"a dispute"),
)
SCORES = replace(
    CHOICE, kind=CaseKind.SCORES, seats=15, size=MAX_SCORES, standard=0, side=0, tolerance=10**6
)

# Commit and reveal of a first and of a next voter; a dispute with five voters from end to end.
OTHERS = {"UMA VotingV2, OOv3": (288_156, 171_458, 1_758_036)}
PAIR = "commit and reveal of a next voter"
WHOLE = "disputed case from end to end, 5 of {} voters"
DRAW = "draw of 5 of {} voters"
TARGETS = {PAIR: 110_000, WHOLE.format("50"): 900_000, DRAW.format("10,000"): 250_000}

Costs = dict[str, int]


class Town:
    """A chain with a court, its voters and one account that pays."""

    def __init__(self, anvil: Anvil, voters: int) -> None:
        self.voters = voters
        self._provider = HTTPProvider(anvil.url)
        self.web3 = Web3(self._provider)
        self.random = random.Random(2026)
        self.owner = Identity.parse(anvil.keys[0])
        share = (self.owner.address, TOKEN_SUPPLY // 4)
        self.token = self._deploy("MarketToken", self.owner.address, (share, share, share, share))
        registry = (self.token.address, self.owner.address, PERIOD)
        self.registry = self._deploy("ParticipantRegistry", *registry)
        settings = (PERIOD, 2, PERIOD, PERIOD)
        self.court = self._deploy(
            "OracleCourt", self.token.address, self.registry.address, settings
        )
        abi = json.loads((ABIS / "VoterPool.json").read_text())["abi"]
        self.pool = self.web3.eth.contract(self.court.functions.VOTERS().call(), abi=abi)
        self.domain = Domain(CHAIN_ID, self.court.address)
        self.send(self.owner.address, self.token.functions.approve(self.court.address, 2**256 - 1))
        self.enlisted = [self._enlist(number) for number in range(REAL)]
        self._fill()

    # ------------------------------------------------------------ chain

    def _deploy(self, name: str, *arguments: Any) -> Contract:
        shipped = json.loads((ABIS / f"{name}.json").read_text())
        factory = self.web3.eth.contract(abi=shipped["abi"], bytecode=shipped["bytecode"])
        mined = factory.constructor(*arguments).transact({"from": self.owner.address})
        receipt = self.web3.eth.wait_for_transaction_receipt(mined)
        return factory(receipt["contractAddress"])

    def tell(self, method: str, *parameters: Any) -> Any:
        return self.web3.provider.make_request(RPCEndpoint(method), list(parameters))

    def write(self, contract: Contract, slots: dict[int, int]) -> None:
        """Set slots of a contract, a thousand in one request."""
        items = list(slots.items())
        for start in range(0, len(items), 1_000):
            calls = [
                (
                    RPCEndpoint("anvil_setStorageAt"),
                    [contract.address, f"0x{slot:064x}", f"0x{value:064x}"],
                )
                for slot, value in items[start : start + 1_000]
            ]
            self._provider.make_batch_request(calls)

    def pass_time(self, seconds: int) -> None:
        self.tell("evm_increaseTime", seconds)

    def send(self, sender: str, call: ContractFunction) -> int:
        """Gas used by a call in a block some seconds later."""
        self.pass_time(self.random.randint(1, 4))
        mined = call.transact({"from": Web3.to_checksum_address(sender), "gas": GAS})
        receipt = self.web3.eth.wait_for_transaction_receipt(mined)
        assert receipt["status"] == 1, f"{call.fn_name} reverted"
        return receipt["gasUsed"]

    # ------------------------------------------------------------ voters

    def stake_of(self, number: int) -> int:
        """Units that a voter stakes: from 20 seats' to 60 seats'."""
        return (20 + number % 41) * SEAT_STAKE // STAKE_UNIT

    def address_of(self, number: int) -> ChecksumAddress:
        if number <= REAL:
            return Web3.to_checksum_address(self.enlisted[number - 1].address)
        return Web3.to_checksum_address(keccak(b"voter %d" % number)[:20])

    def _enlist(self, number: int) -> Identity:
        who = Identity(keccak(b"identity %d" % number))
        self.tell("anvil_setBalance", who.address, hex(10**20))
        self.tell("anvil_impersonateAccount", who.address)
        domain = Domain(CHAIN_ID, self.registry.address)
        pair = who.signing_key(1), who.decryption_key(1)
        keys = prove_possession(*pair, who.address, 1, domain).words()
        amount = self.stake_of(number + 1) * STAKE_UNIT
        self.send(
            who.address, self.registry.functions.register((ROLE_VOTER, bytes(32), ""), keys, 0)
        )
        self.send(self.owner.address, self.token.functions.transfer(who.address, amount))
        self.send(who.address, self.token.functions.approve(self.pool.address, amount))
        self.send(who.address, self.pool.functions.stake(amount))
        return who

    def _fill(self) -> None:
        """Write what the other voters would have left, and check it against what contracts say."""
        pool, accounts = {WEIGHTS: self.voters}, {}
        for number in range(REAL + 1, self.voters + 1):
            account = int(self.address_of(number), 16)
            pool[mapped(account, NUMBERS)] = number
            pool[mapped(number, RECORDS)] = account
            pool[mapped(number, RECORDS) + 1] = self.stake_of(number)
            accounts[mapped(number, ACCOUNTS)] = account
        sums = [self.stake_of(number) for number in range(1, self.voters + 1)]
        total, level = sum(sums), 0
        while level == 0 or len(sums) > 1:
            words = [sums[start : start + 8] for start in range(0, len(sums), 8)]
            for index, word in enumerate(words):
                packed = sum(weight << 32 * lane for lane, weight in enumerate(word))
                pool[mapped(level << 64 | index, WEIGHTS + 1)] = packed
            sums, level = [sum(word) for word in words], level + 1
        self.write(self.pool, pool)
        self.write(self.court, accounts)
        self.send(
            self.owner.address,
            self.token.functions.transfer(self.court.address, total * STAKE_UNIT),
        )
        assert self.pool.functions.totalWeight().call() == total * STAKE_UNIT
        for number in (1, REAL):  # the same as staking writes it
            start = mapped(number, RECORDS)
            slots = (self.web3.eth.get_storage_at(self.pool.address, start + at) for at in (0, 1))
            written = [int(self.address_of(number), 16), self.stake_of(number)]
            assert [int.from_bytes(slot) for slot in slots] == written

    # ------------------------------------------------------------ cases

    def open(self, terms: CaseTerms) -> tuple[int, int]:
        """A new case, and its gas."""
        call = self.court.functions.open(astuple(terms), self.owner.address)
        gas = self.send(self.owner.address, call)
        return self.court.functions.caseCount().call(), gas

    def draw(self, case: int) -> int:
        height = self.court.functions.caseOf(case).call()[7]
        self.tell("anvil_mine", hex(max(0, height + 1 - self.web3.eth.block_number)))
        block = self.tell("eth_getBlockByNumber", hex(height), False)["result"]
        return self.send(self.owner.address, self.court.functions.draw(case, encode_header(block)))

    def panel(self, case: int) -> dict[ChecksumAddress, int]:
        """Who sits, and on which seat first."""
        seats = self.court.functions.panelOf(case).call()
        panel = {voter: seats.index(voter) for voter in dict.fromkeys(seats)}
        for voter in panel:
            self.tell("anvil_setBalance", voter, hex(10**20))
            self.tell("anvil_impersonateAccount", voter)
        return panel

    def commit(self, case: int, round_: int, voter: str, seat: int, ballot: bytes) -> int:
        salt = keccak(voter.encode())
        digest = Vote(case, round_, voter, ballot, salt).digest(self.domain)
        return self.send(voter, self.court.functions.commit(case, seat, digest, NOTE))

    def run(
        self, case: int, round_: int, panel: dict[ChecksumAddress, int], votes: Sequence[Any]
    ) -> tuple[list[int], list[int]]:
        """Gas of each commit and each reveal. Votes are choices or lists of scores."""
        commits, reveals = [], []
        for (voter, seat), vote in zip(panel.items(), votes, strict=True):
            ballot = vote.to_bytes(32) if isinstance(vote, int) else hash_of(words_of(vote))
            commits.append(self.commit(case, round_, voter, seat, ballot))
        for (voter, seat), vote in zip(panel.items(), votes, strict=True):
            salt, functions = keccak(voter.encode()), self.court.functions
            if isinstance(vote, int):
                call = functions.reveal(case, seat, vote, salt)
            else:
                call = functions.revealScores(case, seat, (words_of(vote),), salt)
            reveals.append(self.send(voter, call))
        return commits, reveals


def mapped(key: int, slot: int) -> int:
    """Where a mapping has a key."""
    return int.from_bytes(keccak(key.to_bytes(32) + slot.to_bytes(32)))


def staking(town: Town) -> Costs:
    """A real voter changes its stake."""
    who = town.random.choice(town.enlisted).address
    unstake = town.send(who, town.pool.functions.unstake(SEAT_STAKE))
    return {f"unstake, among {town.voters:,} voters": unstake}


def whole_case(town: Town) -> Costs:
    """All five agree, nobody appeals; who settles also rules."""
    case, opening = town.open(CHOICE)
    draw = town.draw(case)
    panel = town.panel(case)
    town.pass_time(1)
    if len(panel) < CHOICE.seats:  # somebody has two seats: a cheaper case
        town.run(case, 0, panel, [1] * len(panel))
        return {}
    commits, reveals = town.run(case, 0, panel, [1] * CHOICE.seats)
    town.pass_time(PERIOD + 1)
    town.tell("anvil_mine", hex(8))
    settle = town.send(town.owner.address, town.court.functions.settle(case, 0))
    withdraw = town.send(next(iter(panel)), town.court.functions.withdraw())
    total = opening + draw + sum(commits) + sum(reveals) + settle
    return {
        "open a case": opening,
        DRAW.format(f"{town.voters:,}"): draw,
        "commit": max(commits),
        "reveal": max(reveals[:-1]),
        "reveal, the last, which counts": reveals[-1],
        PAIR: max(commits[1:]) + max(reveals[1:-1]),
        "rule and settle 5 seats": settle,
        "withdraw": withdraw,
        WHOLE.format(f"{town.voters:,}"): total,
    }


def score_rounds(town: Town) -> Costs:
    """Fifteen seats, then three appeals up to 127, each of 64 entries: the largest there is."""
    case, _ = town.open(SCORES)
    costs: Costs = {}
    for round_, seats in enumerate((15, 31, 63, 127)):
        if round_:
            town.send(town.owner.address, town.court.functions.appeal(case, 0))
        costs[f"draw of {seats} of 10,000 voters"] = town.draw(case)
        panel = town.panel(case)
        votes = [[town.random.getrandbits(20) for _ in range(MAX_SCORES)] for _ in panel]
        town.run(case, round_, panel, votes)
        words = [(words_of(vote),) for vote in votes]
        tally = town.send(town.owner.address, town.court.functions.tally(case, words))
        costs[f"tally of {seats} seats, 64 scores"] = tally
        counts = town.court.functions.panelOf(case).call()
        weighed = [(counts.count(voter), vote) for voter, vote in zip(panel, votes, strict=True)]
    medians = (words_of(medians_of(weighed, MAX_SCORES)),)
    town.pass_time(PERIOD + 1)
    town.tell("anvil_mine", hex(8))
    call = town.court.functions.settleScores(case, 3, words, medians)
    costs["rule and settle 127 seats, 64 scores"] = town.send(town.owner.address, call)
    return costs


def measure(start: Callable[[], Anvil]) -> Costs:
    """The largest gas of each step over some repetitions; the first case fills empty slots."""
    costs: Costs = {}
    for voters in (FEW, MANY):
        with start() as anvil:
            town = Town(anvil, voters)
            whole_case(town)
            scenarios = [staking, whole_case] * REPEATS
            for scenario in [*scenarios, *([score_rounds] if voters == MANY else [])]:
                for step, gas in scenario(town).items():
                    costs[step] = max(gas, costs.get(step, 0))
    return costs


def show(costs: Costs) -> None:
    for step, gas in costs.items():
        target = f"   (< {TARGETS[step]:,})" if step in TARGETS else ""
        print(f"{step:62} {gas:>10,}{target}")
    pair = costs[PAIR]
    rows = {"Handfast": (pair, pair, costs[WHOLE.format("50")]), **OTHERS}
    headings = ("commit + reveal, first", "next voter", "disputed, 5 voters")
    print("\n" + f"{'':22}" + "".join(f"{name:>24}" for name in headings))
    for name, figures in rows.items():
        print(f"{name:22}" + "".join(f"{gas:>24,}" for gas in figures))
    print("\nKleros v2, create and pay an escrow, before any dispute: 169,035 + 70,934")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help=f"write {RESULT.name}")
    arguments = parser.parse_args()
    flags = ("--hardfork", "prague", "--gas-limit", "30000000")
    costs = measure(lambda: Anvil.start(arguments=flags))
    show(costs)
    missed = [step for step, most in TARGETS.items() if costs[step] >= most]
    if arguments.write:
        RESULT.write_text(json.dumps({"gas": costs, "others": OTHERS}, indent=1) + "\n")
    if missed:
        raise SystemExit(f"over target: {', '.join(missed)}")


if __name__ == "__main__":
    main()
