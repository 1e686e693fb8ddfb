"""Opens a process's durable tables: SQLite by a file's path, any other database by its URL."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from handfast.errors import InvalidInput

_BUSY_MILLISECONDS = 10_000


def open_database(place: str | Path) -> Engine:
    """An engine whose commits are durable when they return.

    place    a file's path (made with its folder if absent), or a URL, e.g. "postgresql+psycopg://…"
    raises   InvalidInput if the URL is not understood or its driver is not installed
    """
    if isinstance(place, str) and "://" in place:
        url = place
    else:
        path = Path(place)
        path.parent.mkdir(parents=True, exist_ok=True)
        url = f"sqlite:///{path}"
    try:
        engine = create_engine(url)
    except (ArgumentError, NoSuchModuleError, ImportError) as error:
        # The URL itself may hold a password.
        raise InvalidInput(f"the database's URL can't be used: {type(error).__name__}") from error
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    for pragma in (
        "journal_mode = WAL",
        "synchronous = FULL",
        "foreign_keys = ON",
        f"busy_timeout = {_BUSY_MILLISECONDS}",
    ):
        connection.execute(f"PRAGMA {pragma}")
