"""`handfast provider`: serve a model for a fee."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import click

from handfast import log
from handfast.process import process_options
from handfast.provider.process import run
from handfast.provider.settings import MODES, ProviderSettings


@click.group("provider")
def provider() -> None:
    """Serve a model for a fee."""


@provider.command("run")
@process_options
@click.option("--host", help="Address to listen on.")
@click.option("--port", type=int, help="Port to listen on; 0 takes a free one.")
@click.option("--model", help="digits, python:module:function, images:URL#model, chat:URL#model…")
@click.option("--modality", help="What a Python callable makes: image, text, …")
@click.option("--fee", type=int, help="Fee of a round, smallest units of MarketToken.")
@click.option(
    "--mode", "modes", multiple=True, type=click.Choice(list(MODES)), help="Lock modes taken."
)
def run_command(config: Path | None, modes: tuple[str, ...], **flags: Any) -> None:
    """Serve until stopped (Ctrl-C); what was promised is taken up at the next start."""
    settings = ProviderSettings.load(config, modes=modes or None, **flags)
    log.configure(settings.log_level, settings.log_format)
    asyncio.run(run(settings))
