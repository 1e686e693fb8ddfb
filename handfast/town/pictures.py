"""Draws what a town did: scores over rounds, and every generated image with its verdict."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw

from handfast.errors import InvalidInput
from handfast.protocol.constants import SCALE
from handfast.town.report import Report, Round

_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
_GOOD, _BAD, _NONE = "#009E73", "#D55E00", "#888888"
_TILE, _EDGE, _CAPTION, _COLUMNS, _HEADING = 84, 6, 30, 10, 24


def draw_scores(report: Report, file: Path) -> None:
    """A chart of each provider's final score over the rounds, above the rounds it sold.

    raises   InvalidInput if the plotting library is not installed
    """
    try:
        from matplotlib.figure import Figure  # noqa: PLC0415 - an extra, and slow to import
    except ImportError:
        raise InvalidInput("charts need matplotlib: pip install 'handfast[demo]'") from None
    names = sorted({each.provider for each in report.rounds} | set(_scored(report)))
    last = len(report.rounds)
    figure = Figure(figsize=(9, 6), layout="constrained")
    scores, sales = figure.subplots(2, 1, sharex=True, height_ratios=(2, 1))
    for name, colour in zip(names, _cycle(len(names)), strict=True):
        points = [
            (each.after, each.scores[name]) for each in report.standings if name in each.scores
        ]
        if points:
            scores.plot([points[-1][0], last], [points[-1][1] / SCALE] * 2, color=colour)
        scores.plot(
            [after for after, _ in points],
            [score / SCALE for _, score in points],
            color=colour,
            marker="o",
            label=name,
            drawstyle="steps-post",
        )
        sold = [each.number for each in report.rounds if each.provider == name]
        counts = [0, *range(1, len(sold) + 1), len(sold)]
        sales.step([0, *sold, last], counts, where="post", color=colour)
    for axes in (scores, sales):
        axes.axvline(report.turn, color="#555555", linestyle=":", linewidth=1)
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    scores.annotate(
        "the best provider breaks", (report.turn, 1.02), ha="center", annotation_clip=False
    )
    scores.set(ylabel="reputation, finalised on chain", ylim=(0, 1))
    scores.legend(loc="lower left", frameon=False, ncols=2)
    sales.set(xlabel="paid rounds in the town", ylabel="rounds sold", ylim=(0, None))
    figure.savefig(file, dpi=120)


def draw_images(rounds: Sequence[Round], file: Path) -> None:
    """A sheet of what was bought: a green frame satisfied its client, an orange one did not."""
    lines = max(1, -(-len(rounds) // _COLUMNS))
    width, height = _TILE + 2 * _EDGE, _TILE + 2 * _EDGE + _CAPTION
    sheet = Image.new("RGB", (width * _COLUMNS, _HEADING + height * lines), "white")
    draw = ImageDraw.Draw(sheet)
    _write_heading(draw)
    for index, each in enumerate(rounds):
        left, top = index % _COLUMNS * width, _HEADING + index // _COLUMNS * height
        frame = _NONE if each.satisfied is None else _GOOD if each.satisfied else _BAD
        draw.rectangle((left + 2, top + 2, left + width - 3, top + width - 3), fill=frame)
        with Image.open(each.image) as content:
            tile = content.convert("RGB").resize((_TILE, _TILE), Image.Resampling.NEAREST)
        sheet.paste(tile, (left + _EDGE, top + _EDGE))
        draw.text((left + _EDGE, top + width), f"{each.number} {each.provider}", fill="black")
        draw.text((left + _EDGE, top + width + 13), each.prompt.split()[-1][:12], fill="#555555")
    sheet.save(file)


def _write_heading(draw: ImageDraw.ImageDraw) -> None:
    left = float(_EDGE)
    for text, colour in (
        ("What was bought, in order, of whom, and what was asked for. The client was ", "black"),
        ("satisfied", _GOOD),
        (" or ", "black"),
        ("not", _BAD),
        (".", "black"),
    ):
        draw.text((left, _EDGE), text, fill=colour)
        left += draw.textlength(text)


def _scored(report: Report) -> set[str]:
    return {name for each in report.standings for name in each.scores}


def _cycle(count: int) -> list[str]:
    return [_COLOURS[index % len(_COLOURS)] for index in range(count)]
