"""The `handfast` command."""

from __future__ import annotations

import click

import handfast


@click.group()
@click.version_option(handfast.__version__)
def main() -> None:
    """Hire, serve and settle AI work between strangers."""
