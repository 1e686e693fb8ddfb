"""`handfast coordinator`: collect opinions, roll them up, say how it goes."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from handfast import log
from handfast.coordinator.client import fetch_status
from handfast.coordinator.process import run
from handfast.coordinator.settings import CoordinatorSettings
from handfast.process import process_options


@click.group()
def coordinator() -> None:
    """Collect opinions, roll them up, serve proven scores."""


@coordinator.command("run")
@process_options
@click.option("--host", help="Address to listen on.")
@click.option("--port", type=int, help="Port to listen on; 0 takes a free one.")
@click.option("--database", help="URL of the database; else a SQLite file in the data folder.")
def run_command(config: Path | None, **flags: Any) -> None:
    """Collect until stopped (Ctrl-C); what was accepted is taken up at the next start."""
    settings = CoordinatorSettings.load(config, **flags)
    log.configure(settings.log_level, settings.log_format)
    asyncio.run(run(settings))


@coordinator.command()
@click.option("--url", default="http://127.0.0.1:8800", show_default=True, help="Where it listens.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def status(url: str, as_json: bool) -> None:
    """Say where a running coordinator is."""
    found = asyncio.run(fetch_status(url))
    if as_json:
        click.echo(json.dumps(found))
        return
    click.echo(f"block {found['block']}, {found['participants']} participants")
    names = ("shard", "waiting", "built", "tip", "final", "opinions", "trouble")
    table = Table(*names)
    for shard in found["shards"]:
        table.add_row(*(str(shard[name] if shard[name] is not None else "") for name in names))
    Console().print(table)
