"""The `handfast` command: finds the subcommand, turns failures into a line and an exit code."""

from __future__ import annotations

import gc
import sys
from importlib import import_module
from types import TracebackType
from typing import Any, NamedTuple

import click

import handfast
from handfast.errors import HandfastError, InvalidInput, InvariantBroken, Rejected, Unavailable


class Entry(NamedTuple):
    """A subcommand that is imported only when it is used."""

    target: str
    """"module:attribute" of a click command."""
    summary: str
    """Its line in the help; the same as the command's own."""


COMMANDS: dict[str, Entry] = {
    "demo": Entry(
        "handfast.town.commands:demo",
        "Run a market of four clients and four providers, and check that it is sound.",
    ),
    "devnet": Entry(
        "handfast.town.commands:devnet",
        "Keep a market running on this machine, to try things by hand.",
    ),
    "key": Entry(
        "handfast.crypto.commands:key",
        "Make and show the one secret that a participant keeps.",
    ),
    "deploy": Entry(
        "handfast.chain.commands:command",
        "Deploy the contracts to a chain and write where they are.",
    ),
    "send": Entry(
        "handfast.chain.sending:send", "Give ACCOUNT coins of the chain, MarketToken, or both."
    ),
    "registry": Entry(
        "handfast.registry.commands:registry", "Register, change and list participants."
    ),
    "provider": Entry("handfast.provider.commands:provider", "Serve a model for a fee."),
    "client": Entry(
        "handfast.client.commands:client",
        "Buy AI generations from providers chosen by reputation.",
    ),
    "coordinator": Entry(
        "handfast.coordinator.commands:coordinator",
        "Collect opinions, roll them up, serve proven scores.",
    ),
    "voter": Entry("handfast.disputes.commands:voter", "Judge disputes for a fee, with a stake."),
    "reputation": Entry("handfast.reputation.commands:reputation", "Compute scores from opinions."),
    "market": Entry(
        "handfast.market.commands:market",
        "Trade finished models and data: sealed content against escrow.",
    ),
    "task": Entry(
        "handfast.tasks.commands:task",
        "Have strangers make a model or collect data, or work for them.",
    ),
    "storage": Entry(
        "handfast.storage.commands:storage", "Add, get, pin and verify content by its CID."
    ),
    "inference": Entry(
        "handfast.inference.commands:inference",
        "Try the models that providers serve and the judge that clients hold.",
    ),
}

EXIT_CODES: dict[type[HandfastError], int] = {  # of everything that is raised on purpose
    InvalidInput: 2,
    Rejected: 3,
    Unavailable: 4,
    InvariantBroken: 5,
}
INTERNAL_ERROR = 1
INTERRUPTED = 130


def describe(error: HandfastError) -> str:
    """An error's text, with the refusing side's reason where the text does not name it."""
    text = str(error)
    if isinstance(error, Rejected) and error.reason and error.reason not in text:
        return f"{text} ({error.reason})"
    return text


class Commands(click.Group):
    """The subcommands of COMMANDS, none of which is imported for the help of the others."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        module, _, attribute = entry.target.partition(":")
        # What is imported stays: looking for garbage in it is a fifth of the time to start.
        gc.disable()
        command: click.Command = getattr(import_module(module), attribute)
        gc.freeze()
        gc.enable()
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        if COMMANDS:
            with formatter.section("Commands"):
                formatter.write_dl([(name, entry.summary) for name, entry in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> Any:
        if not ctx.params["debug"]:
            sys.excepthook = _one_line
        try:
            return super().invoke(ctx)
        except HandfastError as error:
            if ctx.params["debug"]:
                raise
            for line in describe(error).splitlines():
                click.echo(f"handfast: {line}", err=True)
            ctx.exit(next(code for kind, code in EXIT_CODES.items() if isinstance(error, kind)))
        except KeyboardInterrupt:
            ctx.exit(INTERRUPTED)


def _one_line(kind: type[BaseException], error: BaseException, _: TracebackType | None) -> None:
    """Report a fault of ours in one line; Python exits with INTERNAL_ERROR after it."""
    text = " ".join(str(error).split())
    click.echo(f"handfast: internal error, {kind.__name__}: {text} (--debug shows more)", err=True)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(handfast.__version__, message="%(prog)s %(version)s")
@click.option("--debug", is_flag=True, help="Show the traceback of a failure.")
def main(debug: bool) -> None:
    """A market of AI work between strangers: hire, serve, settle and rate."""
