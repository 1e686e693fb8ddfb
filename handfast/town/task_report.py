"""What became of a played task, as one value, two tables and a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from handfast.errors import InvalidInput
from handfast.protocol.constants import SCALE
from handfast.town.report import Check
from handfast.town.town import TOKEN


@dataclass(frozen=True, slots=True)
class WorkerRow:
    """What became of a worker. Amounts in smallest units, scores out of SCALE."""

    name: str
    made: str
    score: int | None
    paid: int
    gained: int


@dataclass(frozen=True, slots=True)
class VoterRow:
    """What became of a voter. Amounts in smallest units."""

    name: str
    did: str
    seats: int
    stake_lost: int
    paid: int


@dataclass(frozen=True, slots=True)
class TaskReport:
    """Everything that the play has to tell."""

    seconds: float
    threshold: int
    workers: Sequence[WorkerRow]
    voters: Sequence[VoterRow]
    gas: Mapping[str, Sequence[int]]
    checks: Sequence[Check]

    @property
    def passed(self) -> bool:
        """Whether every check held."""
        return all(check.held for check in self.checks)

    def json(self) -> dict[str, Any]:
        """The report as plain values."""
        return {"passed": self.passed, "scale": SCALE, **asdict(self)}


def show_tasks(report: TaskReport, console: Console) -> None:
    """Print both tables and every check."""
    workers = Table(title="Who made what")
    for heading in ("worker", "handed in", "accuracy", "share", "gained"):
        workers.add_column(
            heading, justify="left" if heading in ("worker", "handed in") else "right"
        )
    for worker in report.workers:
        score = "" if worker.score is None else f"{worker.score / SCALE:.3f}"
        share, gained = f"{worker.paid / TOKEN:.2f}", f"{worker.gained / TOKEN:+.2f}"
        workers.add_row(worker.name, worker.made, score, share, gained)
    voters = Table(title="Who judged how")
    for number, heading in enumerate(("voter", "did", "seats", "stake lost", "earned")):
        voters.add_column(heading, justify="left" if number < 2 else "right")
    for voter in report.voters:
        lost, paid = f"{voter.stake_lost / TOKEN:.2f}", f"{voter.paid / TOKEN:.2f}"
        voters.add_row(voter.name, voter.did, str(voter.seats), lost, paid)
    console.print(workers, voters)
    for check in report.checks:
        mark = "[green]✓[/green]" if check.held else "[red]✗[/red]"
        console.print(f"{mark} {check.name}: {check.detail}", highlight=False)


def draw_workers(report: TaskReport, file: Path) -> None:
    """A chart of each model's accuracy as the panel found it, and of what its worker was paid.

    raises   InvalidInput if the plotting library is not installed
    """
    try:
        from matplotlib.figure import Figure  # noqa: PLC0415 - an extra, and slow to import
    except ImportError:
        raise InvalidInput("charts need matplotlib: pip install 'handfast[demo]'") from None
    names = [each.name for each in report.workers]
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    scores, shares = figure.subplots(1, 2)
    values = [(each.score or 0) / SCALE for each in report.workers]
    threshold = report.threshold / SCALE
    colours = ["#009E73" if value >= threshold else "#D55E00" for value in values]
    scores.barh(names, values, color=colours)
    scores.axvline(threshold, color="#555555", linestyle=":")
    scores.set(xlabel="accuracy, median of the panel", xlim=(0, 1))
    gained = [each.gained / TOKEN for each in report.workers]
    shares.barh(names, gained, color=["#009E73" if each > 0 else "#D55E00" for each in gained])
    shares.set(xlabel="tokens gained")
    for axes in (scores, shares):
        axes.invert_yaxis()
        axes.grid(alpha=0.25, axis="x")
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(file, dpi=120)
