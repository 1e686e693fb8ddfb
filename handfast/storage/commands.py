"""`handfast storage`: put content into a store and take it out, by CID."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from handfast.errors import InvalidInput
from handfast.storage.bars import progress_bar
from handfast.storage.cid import Cid
from handfast.storage.kubo import KuboStore
from handfast.storage.local import LocalStore
from handfast.storage.reading import file_size
from handfast.storage.remote import RemoteReader
from handfast.storage.store import Reader, Store

Command = TypeVar("Command", bound=Callable[..., Any])


def default_store() -> Path:
    """Where content lies if nothing else is said."""
    data = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(data) / "handfast" / "store"


@click.group()
def storage() -> None:
    """Add, get, pin and verify content by its CID.

    Content lies in a local store (--store), or in a Kubo node (--kubo); CIDs are the same in both.
    Everything that is read is checked against its CID, wherever it came from.
    """


def _places(command: Command) -> Command:
    """The options that say where the content lies."""
    store = click.option(
        "--store",
        type=click.Path(path_type=Path, file_okay=False),
        envvar="HANDFAST_STORE",
        default=default_store,
        show_default="~/.local/share/handfast/store",
        show_envvar=True,
        help="Directory of the local store.",
    )
    kubo = click.option(
        "--kubo",
        metavar="ADDRESS",
        envvar="HANDFAST_KUBO",
        show_envvar=True,
        help="Use the Kubo node whose RPC is at this URL or multiaddress.",
    )
    return store(kubo(command))


_source = click.option(
    "--from", "source", metavar="URL", help="Read from who serves blocks at this URL."
)
_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


@storage.command()
@click.argument("path", type=click.Path(path_type=Path, allow_dash=True))
@click.option("--hidden", is_flag=True, help="Take names that begin with a dot, too.")
@_json
@_places
def add(path: Path, hidden: bool, as_json: bool, store: Path, kubo: str | None) -> None:
    """Store a file or directory and print its CID; PATH - is the standard input."""
    size = path.stat().st_size if path.is_file() else None
    with _store(store, kubo) as target, progress_bar("adding", lambda: size) as report:
        if str(path) == "-":
            cid = target.add_stream(sys.stdin.buffer, report)
        else:
            cid = target.add(path, hidden=hidden, progress=report)
    _print(as_json, str(cid), cid=str(cid))


@storage.command()
@click.argument("cid")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, allow_dash=True),
    default="-",
    help="Path to write to; needed for a directory. An interrupted run goes on where it stopped.",
)
@_source
@_places
def get(cid: str, output: Path, source: str | None, store: Path, kubo: str | None) -> None:
    """Write the content of a CID to a path or the standard output."""
    root = Cid.parse(cid)
    with _reader(store, kubo, source) as reader:
        if str(output) == "-":
            for piece in reader.read(root):
                sys.stdout.buffer.write(piece)
            sys.stdout.buffer.flush()
            return
        with progress_bar("getting", lambda: _size(reader, root)) as report:
            reader.save(root, output, report)


@storage.command()
@click.argument("cid")
@_source
@_json
@_places
def pin(cid: str, source: str | None, as_json: bool, store: Path, kubo: str | None) -> None:
    """Have the whole content of a CID in the store, and keep it.

    With --from, the local store fetches what it does not have.
    """
    root = Cid.parse(cid)
    with ExitStack() as stack:
        target = stack.enter_context(_store(store, kubo))
        report = stack.enter_context(progress_bar("pinning", lambda: None))
        if source is None:
            target.pin(root, report)
        elif isinstance(target, LocalStore):
            target.pin(root, report, stack.enter_context(RemoteReader(source)))
        else:
            raise InvalidInput("a Kubo node fetches from its own peers: leave out --from")
    _print(as_json, f"pinned {root}", cid=str(root))


@storage.command()
@click.argument("cid")
@_source
@_json
@_places
def verify(cid: str, source: str | None, as_json: bool, store: Path, kubo: str | None) -> None:
    """Check every block below a CID."""
    root = Cid.parse(cid)
    with ExitStack() as stack:
        reader = stack.enter_context(_reader(store, kubo, source))
        report = stack.enter_context(progress_bar("verifying", lambda: _size(reader, root)))
        found = reader.verify(root, report)
    text = f"{root} is whole: files {found.files}, bytes {found.size}"
    _print(as_json, text, cid=str(root), files=found.files, bytes=found.size)


@contextmanager
def _store(directory: Path, kubo: str | None) -> Iterator[Store]:
    """The store that was asked for: flags before environment, Kubo before the directory."""
    context = click.get_current_context()
    named = {
        name
        for name in ("store", "kubo")
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE
    }
    if len(named) == 2:
        raise InvalidInput("give either --store or --kubo")
    target: LocalStore | KuboStore
    with LocalStore(directory) if kubo is None or "store" in named else KuboStore(kubo) as target:
        yield target


@contextmanager
def _reader(directory: Path, kubo: str | None, source: str | None) -> Iterator[Reader]:
    if source is None:
        with _store(directory, kubo) as store:
            yield store
    else:
        with RemoteReader(source) as remote:
            yield remote


def _size(reader: Reader, cid: Cid) -> int | None:
    try:
        return file_size(reader, cid)
    except InvalidInput:  # a directory does not say
        return None


def _print(as_json: bool, text: str, **fields: str | int) -> None:
    click.echo(json.dumps(fields) if as_json else text)
