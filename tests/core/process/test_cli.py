"""The command line turns every failure into one line and an exit code, and starts fast."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from types import ModuleType

import click
import pytest
from click.testing import CliRunner, Result

import handfast
from handfast import cli
from handfast.errors import HandfastError, InvalidInput, InvariantBroken, Rejected, Unavailable


def run(monkeypatch: pytest.MonkeyPatch, error: BaseException, *arguments: str) -> Result:
    """Run a command that raises `error`."""

    @click.command()
    def fail() -> None:
        raise error

    module = ModuleType("failing_command")
    vars(module)["fail"] = fail
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(cli, "COMMANDS", {"fail": cli.Entry("failing_command:fail", "Fail.")})
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)  # restored after the test
    return CliRunner().invoke(cli.main, [*arguments, "fail"])


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (InvalidInput("no such CID"), 2, "handfast: no such CID"),
        (Rejected("the hub refused"), 3, "handfast: the hub refused"),
        (Rejected("refused", "NotParty(0x5a)"), 3, "handfast: refused (NotParty(0x5a))"),
        (Rejected("refused: stale", "stale"), 3, "handfast: refused: stale"),
        (Unavailable("nobody answers"), 4, "handfast: nobody answers"),
        (InvariantBroken("money is missing"), 5, "handfast: money is missing"),
        (KeyboardInterrupt(), 130, ""),
    ],
)
def test_a_failure_is_one_line_and_an_exit_code(
    monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int, line: str
) -> None:
    result = run(monkeypatch, error)
    assert result.exit_code == code
    assert result.stderr.strip() == line
    assert result.stdout == ""


def test_each_of_several_faults_is_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    result = run(monkeypatch, InvalidInput("fee is missing\nport is no number"))
    assert result.stderr == "handfast: fee is missing\nhandfast: port is no number\n"


def test_debug_shows_the_failure_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    error = InvalidInput("no such CID")
    assert run(monkeypatch, error, "--debug").exception is error


def test_every_kind_of_error_has_its_exit_code() -> None:
    assert set(HandfastError.__subclasses__()) == set(cli.EXIT_CODES)
    assert len(set(cli.EXIT_CODES.values())) == len(cli.EXIT_CODES)


def test_a_fault_of_ours_is_one_line_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    result = run(monkeypatch, ZeroDivisionError("division\nby zero"))
    assert isinstance(result.exception, ZeroDivisionError)
    sys.excepthook(ZeroDivisionError, result.exception, None)
    printed = capsys.readouterr().err
    assert printed == (
        "handfast: internal error, ZeroDivisionError: division by zero (--debug shows more)\n"
    )


@pytest.mark.parametrize(("name", "entry"), cli.COMMANDS.items())
def test_a_command_exists_and_its_summary_is_its_own(name: str, entry: cli.Entry) -> None:
    module, _, attribute = entry.target.partition(":")
    command = getattr(import_module(module), attribute)
    assert isinstance(command, click.Command)
    assert command.get_short_help_str(limit=200).rstrip(".") == entry.summary.rstrip(".")
    assert name in CliRunner().invoke(cli.main, ["--help"]).stdout


def test_the_help_imports_no_command() -> None:
    program = """
import sys
from handfast.cli import main
main(["--help"], standalone_mode=False)
heavy = {"web3", "numpy", "aiohttp", "sqlalchemy", "pydantic", "eth_account"} & set(sys.modules)
sys.exit(f"imported {heavy}" if heavy else 0)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_says_its_version() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "handfast", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout.split()[-1] == handfast.__version__
