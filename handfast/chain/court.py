"""OracleCourt and VoterPool, called from Python."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from typing import Any

from handfast.chain.client import Call, Contract
from handfast.disputes.rules import encode_header
from handfast.errors import Unavailable
from handfast.protocol.constants import CaseKind, CasePeriod


@dataclass(frozen=True, slots=True)
class CaseTerms:
    """What a client asks of a panel: the contract's struct. Periods in seconds. (SPEC OC-6)"""

    kind: CaseKind
    seats: int
    size: int
    standard: int
    tolerance: int
    side: int
    evidence_period: int
    commit_period: int
    reveal_period: int
    appeal_period: int
    evidence: bytes


@dataclass(frozen=True, slots=True)
class Case:
    """Where a case stands.

    round         the running one, from 0; a redraw is a round of its own
    ends_at       second from which the period is over; of Draw and Ruled it says nothing
    draw_height   block that draws the panel, in Draw; otherwise that of the last draw
    voters        who sits on the seats; a voter on several counts once, as in committed, revealed
    """

    client: str
    kind: CaseKind
    period: CasePeriod
    round: int
    appeals: int
    redrawn: bool
    ends_at: int
    draw_height: int
    seats: int
    voters: int
    committed: int
    revealed: int
    size: int
    tolerance: int
    commit_period: int
    reveal_period: int
    appeal_period: int

    @classmethod
    def decode(cls, struct: Sequence[Any]) -> Case:
        """Read the contract's struct, its fields in order."""
        client, kind, period, *rest = struct
        return cls(client, CaseKind(kind), CasePeriod(period), *rest)


@dataclass(frozen=True, slots=True)
class Round:
    """One round of a case, and who paid for it, in smallest units of MarketToken.

    fee   what its coherent seats earn beside the losses; 0 if a redraw took it along
    """

    payer: str
    side: int
    seats: int
    fee: int
    security: int
    settled: bool


@dataclass(frozen=True, slots=True)
class Ruling:
    """How a case stands.

    scores   keccak256 of the words of the medians; zero if there are none
    costs    what is owed to the side that won, beyond the losers' securities
    """

    is_final: bool
    choice: int
    scores: bytes
    costs: int


@dataclass(frozen=True, slots=True)
class VoterStake:
    """A voter's stake, in smallest units of MarketToken.

    number           0 for who never staked
    withdrawable_at  second from which what is unstaking is paid, as far as it is not locked
    """

    number: int
    stake: int
    unstaking: int
    withdrawable_at: int
    locked: int


class OracleCourt(Contract):
    """Panels of voters rule what no contract can compute. (SPEC OC)"""

    async def case(self, id_: int, at: int | None = None) -> Case:
        """Where a case stands, or stood after a block.

        raises   Rejected(UnknownCase) if there is none
        """
        return Case.decode(await self._read("caseOf", id_, at=at))

    async def ruling(self, id_: int, at: int | None = None) -> Ruling:
        """How a case stands, and once it is final how it ended."""
        return Ruling(*await self._read("rulingOf", id_, at=at))

    async def round_of(self, id_: int, round_: int, at: int | None = None) -> Round:
        """A round up to the running one."""
        return Round(*await self._read("roundOf", id_, round_, at=at))

    async def panel_of(self, id_: int, at: int | None = None) -> tuple[str, ...]:
        """Voters of the running round, seat by seat; none before the draw."""
        return tuple(await self._read("panelOf", id_, at=at))

    async def panel_at(self, id_: int, round_: int, at: int | None = None) -> tuple[str, ...]:
        """Voters of a round, seat by seat; none once it is settled."""
        return tuple(await self._read("panelAt", id_, round_, at=at))

    async def ballot_of(self, id_: int, round_: int, voter: str, at: int | None = None) -> int:
        """What the court holds of a vote; 0 if nothing."""
        return int(await self._read("ballotOf", id_, round_, voter, at=at))

    async def next_draw(self, at: int | None = None) -> tuple[int, int]:
        """The case whose draw is next, and its block; zeros if none waits."""
        case, height = await self._read("nextDraw", at=at)
        return int(case), int(height)

    async def case_count(self, at: int | None = None) -> int:
        """The newest case."""
        return int(await self._read("caseCount", at=at))

    async def credit_of(self, account: str, at: int | None = None) -> int:
        """What an account can withdraw now."""
        return int(await self._read("creditOf", account, at=at))

    async def fee_of(self, seats: int) -> int:
        """What a panel costs."""
        return int(await self._read("feeOf", seats))

    async def appeal_cost_of(self, id_: int) -> int:
        """What an appeal takes now: fee, and for choices as much security."""
        return int(await self._read("appealCostOf", id_))

    async def voters(self) -> str:
        """Address of the pool of voters."""
        return str(await self._read("VOTERS"))

    async def header(self, height: int) -> bytes | None:
        """RLP of a block's header, for `draw`; None once the chain can't prove it any more.

        raises   Unavailable if the node has not got the block
        """
        pool = VoterPool(self._chain, await self.voters())
        if await pool.is_missed(height):
            return None
        block = await self._chain.request("eth_getBlockByNumber", hex(height), False)
        if block is None:
            raise Unavailable(f"the node has no block {height}")
        return encode_header(block)

    def open(self, terms: CaseTerms, payer: str) -> Call:
        """Open a case with the sender as its client, and pay the fee."""
        return self._call("open", astuple(terms), payer)

    def submit_evidence(self, id_: int, evidence: bytes, uri: str) -> Call:
        """Leave the digest and place of something that was said about a case."""
        return self._call("submitEvidence", id_, evidence, uri)

    def advance(self, id_: int) -> Call:
        """Move a case on whose period is over."""
        return self._call("advance", id_)

    def draw(self, id_: int, header: bytes) -> Call:
        """Draw the panel of the case that is next."""
        return self._call("draw", id_, header)

    def commit(self, id_: int, seat: int, vote: bytes, note: bytes) -> Call:
        """Commit to the digest of a vote; `note` is for the sender itself."""
        return self._call("commit", id_, seat, vote, note)

    def reveal(self, id_: int, seat: int, choice: int, salt: bytes) -> Call:
        """Reveal a choice."""
        return self._call("reveal", id_, seat, choice, salt)

    def reveal_scores(self, id_: int, seat: int, words: Sequence[int], salt: bytes) -> Call:
        """Reveal scores, as eight words."""
        return self._call("revealScores", id_, seat, _scores(words), salt)

    def tally(self, id_: int, revealed: Sequence[Sequence[int]]) -> Call:
        """Find the medians of what each voter revealed, in the order of seats."""
        return self._call("tally", id_, [_scores(words) for words in revealed])

    def appeal(self, id_: int, side: int) -> Call:
        """Pay for another round; `side` is 0 for scores."""
        return self._call("appeal", id_, side)

    def settle(self, id_: int, round_: int) -> Call:
        """Pay the seats of a round of choices."""
        return self._call("settle", id_, round_)

    def settle_scores(
        self, id_: int, round_: int, revealed: Sequence[Sequence[int]], medians: Sequence[int]
    ) -> Call:
        """Pay the seats of a round of scores.

        revealed   words of each voter that revealed, in the order of seats
        medians    words of the final ones; zeros if there are none
        """
        given = [_scores(words) for words in revealed]
        return self._call("settleScores", id_, round_, given, _scores(medians))

    def pay_costs(self, id_: int, amount: int) -> Call:
        """Pay of a case's costs to those whom they are owed."""
        return self._call("payCosts", id_, amount)

    def withdraw(self) -> Call:
        """Pay the sender what it is credited, and what it unstaked long enough ago."""
        return self._call("withdraw")


class VoterPool(Contract):
    """Stakes of oracle voters. (SPEC OC-1 to OC-5)"""

    async def voter(self, account: str, at: int | None = None) -> VoterStake:
        """What an account has staked."""
        return VoterStake(*await self._read("voterOf", account, at=at))

    async def total_weight(self) -> int:
        """Sum of all weights."""
        return int(await self._read("totalWeight"))

    async def is_missed(self, height: int) -> bool:
        """Whether a past block can't be proven any more."""
        return bool(await self._read("isMissed", height))

    async def unstaking_period(self) -> int:
        """Seconds from `unstake` to the earliest `withdraw`."""
        return int(await self._read("UNSTAKING_PERIOD"))

    def stake(self, amount: int) -> Call:
        """Add to the sender's stake, out of what it allowed the pool to take."""
        return self._call("stake", amount)

    def unstake(self, amount: int) -> Call:
        """Start the delay before a part of the sender's stake can be withdrawn."""
        return self._call("unstake", amount)


def _scores(words: Sequence[int]) -> tuple[tuple[int, ...]]:
    return (tuple(words),)
