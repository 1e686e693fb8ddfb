"""A court with voters, for the tests that need Brownie: cases are named, run and read here."""

from __future__ import annotations

from dataclasses import astuple, dataclass, replace
from typing import Any

from brownie import chain, web3

from handfast.chain.court import CaseTerms
from handfast.crypto.keccak import keccak
from handfast.disputes import rules
from handfast.disputes.rules import Weight, encode_header, hash_of, words_of
from handfast.protocol.constants import SEAT_STAKE, CaseKind, CasePeriod
from handfast.protocol.messages import Domain, Vote
from tests.chain import mine_at, plain

UNSTAKING_PERIOD = 10_000
DRAW_DELAY = 2
MIN_PERIOD = 60
MAX_PERIOD = 100_000
_NOBODY = "0x" + 20 * "77"
SETTINGS = (UNSTAKING_PERIOD, DRAW_DELAY, MIN_PERIOD, MAX_PERIOD)

CASE = (
    "client", "kind", "period", "round", "appeals", "redrawn", "endsAt", "drawHeight", "seats",
    "voters", "committed", "revealed", "size", "tolerance", "commitPeriod", "revealPeriod",
    "appealPeriod",
)  # fmt: skip
VOTER = ("number", "stake", "unstaking", "withdrawableAt", "locked")

CHOICE = CaseTerms(
    kind=CaseKind.CHOICE,
    seats=5,
    size=2,
    standard=2,
    tolerance=0,
    side=1,
    evidence_period=0,
    commit_period=600,
    reveal_period=600,
    appeal_period=600,
    evidence=keccak(b"what it is about"),
)
SCORES = replace(CHOICE, kind=CaseKind.SCORES, size=3, standard=0, side=0, tolerance=10)


def header_of(height: int) -> bytes:
    """RLP of a block's header, as Python makes it of what the node says."""
    answer = web3.provider.make_request("eth_getBlockByNumber", [hex(height), False])
    return encode_header(answer["result"])


def salt_of(voter: Any, case: int, round_: int) -> bytes:
    """A salt that tests can find again."""
    return keccak(f"{voter.address} {case} {round_}".encode())


@dataclass
class Courtroom:
    """A court, its pool of voters and a client, and what tests do with them."""

    court: Any
    pool: Any
    token: Any
    client: Any
    voters: list[Any]
    payer: Any

    @property
    def domain(self) -> Domain:
        return Domain(chain.id, self.court.address)

    # -------------------------------------------------------------- steps

    def open(self, terms: CaseTerms = CHOICE, payer: Any = None) -> int:
        """A new case."""
        self.client.open(astuple(terms), payer or self.payer, {"from": self.payer})
        return int(self.court.caseCount())

    def reach_draw(self, case: int) -> int:
        """Mine until the case's draw can be made; its height.

        Blocks that would seat fewer than three voters, where there are three, are mined again. What
        Anvil mixes depends on the state alone: somebody's balance makes it another one each time.
        """
        found = self.case(case)
        height, seats = found["drawHeight"], found["seats"]
        stakes = [self.stake_of(voter) for voter in self.voters]
        weights = [Weight(stake["stake"], stake["locked"]) for stake in stakes]
        able = [each for each in weights if each.weight and each.stake - each.locked >= SEAT_STAKE]
        attempt = 0
        while len(chain) <= height:
            snapshot = self._ask("evm_snapshot")
            self._ask("anvil_setBalance", _NOBODY, hex(attempt := attempt + 1))
            chain.mine(height + 1 - len(chain))
            seed = int.from_bytes(web3.eth.get_block(height)["mixHash"])
            panel = set(rules.draw(seed, case, found["round"], seats, weights)) - {0}
            if len(panel) < min(3, seats, len(able)):
                self._ask("evm_revert", snapshot)
        return int(height)

    @staticmethod
    def _ask(method: str, *parameters: Any) -> Any:
        return web3.provider.make_request(method, list(parameters))["result"]

    def draw(self, case: int) -> Any:
        """Draw the panel."""
        height = self.reach_draw(case)
        return self.court.draw(case, header_of(height), {"from": self.payer})

    def drawn(self, terms: CaseTerms = CHOICE) -> int:
        """A case whose panel sits."""
        case = self.open(terms)
        self.draw(case)
        return case

    def panel(self, case: int) -> list[Any]:
        """Who sits, each once, in the order of seats."""
        seats = [address for address in plain(self.court.panelOf(case)) if int(address, 16)]
        return [self.account(address) for address in dict.fromkeys(seats)]

    def account(self, address: str) -> Any:
        """The voter of an address."""
        return next(each for each in self.voters if each.address == address)

    def seat(self, case: int, voter: Any) -> int:
        """Its first seat."""
        return plain(self.court.panelOf(case)).index(voter.address)

    def vote(self, case: int, voter: Any, ballot: bytes) -> bytes:
        """The digest that commits the voter to a ballot."""
        round_ = self.case(case)["round"]
        salt = salt_of(voter, case, round_)
        return Vote(case, round_, voter.address, ballot, salt).digest(self.domain)

    def commit(self, case: int, voter: Any, vote: int | list[int], note: bytes = b"note") -> Any:
        """Commit to a choice, or to scores."""
        ballot = ballot_of(vote)
        digest = self.vote(case, voter, ballot)
        return self.court.commit(case, self.seat(case, voter), digest, note, {"from": voter})

    def reveal(self, case: int, voter: Any, vote: int | list[int]) -> Any:
        """Reveal it."""
        salt = salt_of(voter, case, self.case(case)["round"])
        seat, sender = self.seat(case, voter), {"from": voter}
        if isinstance(vote, int):
            return self.court.reveal(case, seat, vote, salt, sender)
        return self.court.revealScores(case, seat, (words_of(vote),), salt, sender)

    def play(self, case: int, votes: dict[Any, Any]) -> Any:
        """All of these commit and reveal; who is missing stays silent. Returns the last deed."""
        for voter, vote in votes.items():
            self.commit(case, voter, vote)
        if len(votes) < self.case(case)["voters"]:
            self.pass_period(case)
        if not votes:
            return None
        deeds = [self.reveal(case, voter, vote) for voter, vote in votes.items()]
        return deeds[-1]

    def pass_period(self, case: int) -> Any:
        """Wait for the end of the period, and advance."""
        self.wait_for_end(case)
        return self.court.advance(case, {"from": self.payer})

    def wait_for_end(self, case: int) -> None:
        mine_at(max(self.case(case)["endsAt"], chain[-1].timestamp + 1))

    def rest(self) -> None:
        """Mine past the draw that waits, if it is not due: no more are scheduled by then."""
        chain.mine(3 * DRAW_DELAY)

    # -------------------------------------------------------------- reading

    def case(self, case: int) -> dict[str, Any]:
        """The struct by name."""
        return dict(zip(CASE, plain(self.court.caseOf(case)), strict=True))

    def period(self, case: int) -> CasePeriod:
        return CasePeriod(self.court.periodOf(case))

    def ruling(self, case: int) -> tuple[bool, int, bytes, int]:
        is_final, choice, scores, costs = plain(self.court.rulingOf(case))
        return is_final, choice, scores, costs

    def seats_of(self, case: int) -> dict[str, int]:
        """Seats by address."""
        seats = [each for each in plain(self.court.panelOf(case)) if int(each, 16)]
        return {each: seats.count(each) for each in seats}

    def stake_of(self, voter: Any) -> dict[str, int]:
        return dict(zip(VOTER, plain(self.pool.voterOf(voter)), strict=True))


def ballot_of(vote: int | list[int]) -> bytes:
    """What stands in the signed vote."""
    return vote.to_bytes(32, "big") if isinstance(vote, int) else hash_of(words_of(vote))


STAKE = 10 * SEAT_STAKE
