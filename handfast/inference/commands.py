"""`handfast inference`: draw, judge and look, without any market."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import click

from handfast.errors import InvalidInput
from handfast.inference import digits
from handfast.inference.adapters import open_generator
from handfast.inference.images import encode_png, sheet
from handfast.inference.judge import judge as judge_content


@click.group()
def inference() -> None:
    """Try the models that providers serve and the judge that clients hold."""


@inference.command()
@click.argument("prompt")
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True)
@click.option("--model", default="digits", show_default=True, help="As a provider names it.")
@click.option("--preset", type=click.Choice(list(digits.PRESETS)), help="Of the digit model.")
@click.option("--steps", type=int, help="Of the digit model, instead of its preset's.")
@click.option("--guidance", type=float, help="Of the digit model, instead of its preset's.")
@click.option("--seed", type=int, default=0, show_default=True)
def generate(
    *,
    prompt: str,
    output: Path,
    model: str,
    preset: str | None,
    steps: int | None,
    guidance: float | None,
    seed: int,
) -> None:
    """Make what PROMPT asks for, such as "a handwritten seven"."""
    if preset is None and steps is None and guidance is None:
        content = asyncio.run(open_generator(model).generate(prompt, seed)).content
    elif model != "digits":
        raise InvalidInput("--preset, --steps and --guidance are those of the digit model")
    else:
        how = digits.PRESETS[preset or "fine"]
        how = replace(
            how,
            steps=how.steps if steps is None else steps,
            guidance=how.guidance if guidance is None else guidance,
        )
        content = encode_png(digits.draw(prompt, seed, how))
    output.write_bytes(content)
    click.echo(f"{output}: {len(content)} bytes")


@inference.command()
@click.argument("image", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("prompt")
@click.option("--strictness", type=float, default=0.5, show_default=True, help="0 to 1.")
@click.option("--json", "as_json", is_flag=True)
def judge(image: Path, prompt: str, strictness: float, as_json: bool) -> None:
    """Judge whether IMAGE is what PROMPT asks for."""
    verdict = judge_content(image.read_bytes(), prompt, strictness)
    if as_json:
        click.echo(json.dumps({"satisfied": verdict.satisfied, "confidence": verdict.confidence}))
        return
    word = "satisfied" if verdict.satisfied else "not satisfied"
    click.echo(f"{word}, confidence {verdict.confidence:.3f}")


@inference.command(name="sheet")
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True)
@click.option(
    "--preset", type=click.Choice(list(digits.PRESETS)), default="fine", show_default=True
)
@click.option("--columns", type=click.IntRange(1, 100), default=16, show_default=True)
@click.option("--seed", type=int, default=0, show_default=True, help="Of the first image.")
def sample_sheet(output: Path, preset: str, columns: int, seed: int) -> None:
    """Draw a sheet of samples, one row for each digit."""
    asked = [digit for digit in range(10) for _ in range(columns)]
    seeds = range(seed, seed + len(asked))
    drawn = digits.draw_batch(asked, seeds, digits.PRESETS[preset])
    output.write_bytes(encode_png(sheet(drawn, columns)))
    click.echo(f"{output}: {len(asked)} digits, seeds {seeds.start} to {seeds.stop - 1}")
