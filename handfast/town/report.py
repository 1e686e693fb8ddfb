"""What a town did, as one value: who earned what, how scores moved, what each step cost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from statistics import mean
from typing import Any

from handfast.protocol.constants import SCALE


@dataclass(frozen=True, slots=True)
class Round:
    """One finished round, as its client saw it.

    number     order of arrival in the town, from 1
    fee        smallest units
    seconds    from the request to the settled payment
    satisfied  the client's verdict, None if it gave none
    image      path of the delivered content
    product    digest, 0x and 64 hexadecimal digits
    """

    number: int
    client: str
    provider: str
    prompt: str
    fee: int
    seconds: float
    satisfied: bool | None
    confidence: float
    image: str
    product: str


@dataclass(frozen=True, slots=True)
class Standing:
    """Scores that were final at one moment.

    after    rounds finished by then
    scores   out of SCALE, by the provider's name
    """

    after: int
    epoch: int
    scores: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that must hold for the demo to succeed."""

    name: str
    held: bool
    detail: str


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that a demo has to tell.

    turn     rounds that were paid when the best provider came back broken
    gas      used by each transaction, by the name of its step
    """

    seconds: float
    rounds: Sequence[Round]
    turn: int
    standings: Sequence[Standing]
    gas: Mapping[str, Sequence[int]]
    checks: Sequence[Check] = field(default_factory=tuple)

    @property
    def passed(self) -> bool:
        """Whether every check held."""
        return all(check.held for check in self.checks)

    def rows(self) -> list[ProviderRow]:
        """One row for each provider that sold something or has a score, by its last score."""
        last = self.standings[-1].scores if self.standings else {}
        names = {each.provider for each in self.rounds} | set(last)
        rows = [
            ProviderRow(
                name,
                sum(each.provider == name for each in self.rounds[: self.turn]),
                sum(each.provider == name for each in self.rounds[self.turn :]),
                sum(each.fee for each in self.rounds if each.provider == name),
                _share(each.satisfied for each in self.rounds if each.provider == name),
                max((each.scores.get(name, 0) for each in self.standings), default=0),
                last.get(name),
            )
            for name in names
        ]
        return sorted(rows, key=lambda row: (-(row.score or 0), row.name))

    def gas_rows(self) -> list[tuple[str, int, int]]:
        """Step, number of transactions and mean gas of one, dearest first."""
        rows = [(step, len(used), round(mean(used))) for step, used in self.gas.items() if used]
        return sorted(rows, key=lambda row: -row[2])

    def json(self) -> dict[str, Any]:
        """The report as plain values."""
        return {
            "passed": self.passed,
            "seconds": round(self.seconds, 2),
            "rounds_per_second": round(len(self.rounds) / self.seconds, 3) if self.seconds else 0,
            "turn": self.turn,
            "scale": SCALE,
            "checks": [asdict(check) for check in self.checks],
            "providers": [asdict(row) for row in self.rows()],
            "gas": {step: list(used) for step, used in self.gas.items()},
            "standings": [
                {"after": each.after, "epoch": each.epoch, "scores": dict(each.scores)}
                for each in self.standings
            ],
            "rounds": [asdict(each) for each in self.rounds],
        }


@dataclass(frozen=True, slots=True)
class ProviderRow:
    """A provider's line in the table.

    before, after   rounds sold before and after the turn
    earned          smallest units
    satisfied       share of satisfied verdicts, None without any
    best, score     highest and last score, out of SCALE
    """

    name: str
    before: int
    after: int
    earned: int
    satisfied: float | None
    best: int
    score: int | None


def _share(verdicts: Iterable[bool | None]) -> float | None:
    given = [verdict for verdict in verdicts if verdict is not None]
    return sum(given) / len(given) if given else None
