"""The tables are standard SQL: nothing of theirs is SQLite's alone."""

from __future__ import annotations

import pytest
from sqlalchemy import Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.schema import CreateTable

from handfast.coordinator.tables import METADATA, OPINIONS


@pytest.mark.parametrize("table", METADATA.sorted_tables, ids=lambda table: table.name)
def test_postgresql_has_every_type(table: Table) -> None:
    statement = str(CreateTable(table).compile(dialect=postgresql.dialect()))
    assert statement.count("BIGINT") + statement.count("BYTEA") + statement.count("VARCHAR")
    assert "BLOB" not in statement


def test_numbers_that_grow_for_ever_have_64_bits_and_sqlite_keeps_their_order() -> None:
    create = CreateTable(OPINIONS)
    assert "number BIGINT" in str(create.compile(dialect=postgresql.dialect()))
    # A rowid, which SQLite stores in 64 bits whatever the name.
    assert "number INTEGER" in str(create.compile(dialect=sqlite.dialect()))
