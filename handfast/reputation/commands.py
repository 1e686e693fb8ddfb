"""`handfast reputation`: what opinions say about providers."""

from __future__ import annotations

import gc
import io
import json

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from handfast.errors import InvalidInput
from handfast.protocol.constants import SCALE, SENSITIVITY
from handfast.reputation.history import (
    History,
    neutral_scores,
    parse_share,
    personal_scores,
    read_history,
)
from handfast.reputation.rules import Score


@click.group()
def reputation() -> None:
    """Compute scores from opinions."""


@reputation.command()
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True))
@click.option(
    "--epoch", type=click.IntRange(0, (1 << 32) - 1), required=True, help="The present: N."
)
@click.option("--client", metavar="ID", help="Score in the eyes of this client.")
@click.option(
    "--sensitivity",
    metavar="X",
    help=f"How much the client minds bad service, 0 to 1; {SENSITIVITY / SCALE} if not given.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def score(
    file: str, epoch: int, client: str | None, sensitivity: str | None, as_json: bool
) -> None:
    """Score every provider in FILE at the end of an epoch; FILE - is the standard input.

    FILE is CSV with the columns client,provider,satisfied,fee,epoch in the order of arrival.
    Clients and providers are any text, satisfied is 1, true or yes, or 0, false or no, fee is a
    positive integer of any unit, epoch an integer from 0 that does not fall within a pair.

    Without --client the score is the neutral one, which is rolled up; with it, the client's own
    opinions and its sensitivity to bad service count for more.
    """
    if sensitivity is not None and client is None:
        raise InvalidInput("--sensitivity is a client's: say whose with --client")
    share = SENSITIVITY if sensitivity is None else _share(sensitivity)
    history = _read(file, epoch)
    if client is None:
        scores = neutral_scores(history, epoch)
    else:
        scores = personal_scores(history, epoch, client, share)
    if as_json:
        click.echo(json.dumps({provider: _decimals(score) for provider, score in scores.items()}))
    else:
        _show(scores)


def _share(text: str) -> int:
    try:
        return parse_share(text)
    except InvalidInput as problem:
        raise InvalidInput(f"--sensitivity: {problem}") from problem


def _read(file: str, epoch: int) -> History:
    """Read a file's text, without a byte order mark, its line ends left to the CSV reader."""
    try:
        with click.open_file(file, "rb") as source:
            lines = io.TextIOWrapper(source, encoding="utf-8-sig", newline="")
            # A million small tuples, no cycle among them: looking for one takes a third longer.
            gc.disable()
            try:
                return read_history(lines, epoch)
            finally:
                gc.enable()
                lines.detach()
    except OSError as problem:
        raise InvalidInput(f"{file}: {problem.strerror}") from problem


def _decimals(score: Score) -> dict[str, float]:
    """Shares of SCALE as decimals; nine digits survive a float."""
    return {name: value / SCALE for name, value in score._asdict().items()}


def _show(scores: dict[str, Score]) -> None:
    table = Table("provider", "score", "satisfied", "unsatisfied", "uncertain")
    for column in table.columns[1:]:
        column.justify = "right"
    for provider in sorted(scores, key=lambda name: (-scores[name].score, name)):
        s, u, c, value = (f"{part / SCALE:.6f}" for part in scores[provider])
        table.add_row(Text(provider), value, s, u, c)
    Console().print(table)
