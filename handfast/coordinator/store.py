"""Keeps what a coordinator was given and what it did, so that it resumes from here alone. (CO-4)

Opinions are only ever added. A batch names those it holds, so none is touched again. Everything is
standard SQL, for SQLite and PostgreSQL alike.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from sqlalchemy import (
    BigInteger,
    Column,
    Engine,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    and_,
    func,
    insert,
    or_,
    select,
)
from sqlalchemy.exc import DBAPIError

from handfast.chain.follower import prepare_cursors
from handfast.errors import InvalidInput, InvariantBroken, Unavailable

SCHEMA_VERSION = 1
_CURSOR = "coordinator"
_CHUNK = 500

_METADATA = MetaData()

_FACTS = Table(
    "coordinator_facts",
    _METADATA,
    Column("name", String(50), primary_key=True),
    Column("value", String(200), nullable=False),
)
_PARTICIPANTS = Table(
    "coordinator_participants",
    _METADATA,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("account", String(42), nullable=False),
    Column("block", BigInteger, nullable=False),
)
_OPINIONS = Table(
    "coordinator_opinions",
    _METADATA,
    # SQLite has a table of rows in this order only under the name INTEGER.
    Column(
        "number",
        BigInteger().with_variant(Integer, "sqlite"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("provider", BigInteger, nullable=False),
    Column("client", BigInteger, nullable=False),
    Column("nonce", BigInteger, nullable=False),
    Column("evidence", LargeBinary, nullable=False),
    UniqueConstraint("provider", "client", "nonce"),
)


class OpinionRow(NamedTuple):
    """An accepted opinion.

    number     in the order of arrival, from 1
    evidence   as it was sent
    """

    number: int
    provider: int
    client: int
    nonce: int
    evidence: bytes


@contextmanager
def _faults() -> Iterator[None]:
    """Turn what a database may do into the one error that passes."""
    try:
        yield
    except DBAPIError as error:
        text = str(error.orig).splitlines()
        raise Unavailable(f"the database failed: {text[0] if text else 'no reason'}") from error


class Store:
    """The tables of one coordinator. Its methods block; writers must not overlap."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def prepare(self, identity: str) -> None:
        """Make the tables, or check that they are ours.

        identity   names the deployment
        raises     InvalidInput if they belong to another deployment or another version
        """
        wanted = {"schema": str(SCHEMA_VERSION), "deployment": identity}
        with _faults(), self._engine.begin() as connection:
            _METADATA.create_all(connection)
            prepare_cursors(connection)
            facts = {row.name: row.value for row in connection.execute(select(_FACTS))}
            if not facts:
                rows = [{"name": name, "value": value} for name, value in wanted.items()]
                connection.execute(insert(_FACTS), rows)
            elif facts != wanted:
                raise InvalidInput(
                    f"the database holds schema {facts.get('schema')} of deployment "
                    f"{facts.get('deployment')}, needed are {SCHEMA_VERSION} and {identity}"
                )

    # ------------------------------------------------------------ opinions

    def add_opinions(self, rows: Sequence[OpinionRow]) -> None:
        """Keep opinions, all or none, durably.

        raises   Unavailable; then it is open whether they are kept (see `opinions_from`)
        """
        with _faults(), self._engine.begin() as connection:
            connection.execute(insert(_OPINIONS), [row._asdict() for row in rows])

    def opinions_from(self, number: int) -> list[OpinionRow]:
        """Those accepted from this number on, in order."""
        query = select(_OPINIONS).where(_OPINIONS.c.number >= number)
        with _faults(), self._engine.connect() as connection:
            rows = connection.execute(query.order_by(_OPINIONS.c.number))
            return [OpinionRow(*row) for row in rows]

    def find(self, keys: Sequence[tuple[int, int, int]]) -> dict[tuple[int, int, int], bytes]:
        """Evidence accepted for these (provider, client, nonce), as far as there is any."""
        found: dict[tuple[int, int, int], bytes] = {}
        columns = _OPINIONS.c
        with _faults(), self._engine.connect() as connection:
            for at in range(0, len(keys), _CHUNK):
                matches = (
                    and_(
                        columns.provider == provider,
                        columns.client == client,
                        columns.nonce == nonce,
                    )
                    for provider, client, nonce in keys[at : at + _CHUNK]
                )
                for row in connection.execute(select(_OPINIONS).where(or_(*matches))):
                    found[row.provider, row.client, row.nonce] = row.evidence
        return found

    def evidence_of(self, numbers: Sequence[int]) -> list[bytes]:
        """Evidence of these opinions, in the order asked for.

        raises   InvariantBroken if one was never kept
        """
        found: dict[int, bytes] = {}
        with _faults(), self._engine.connect() as connection:
            for at in range(0, len(numbers), _CHUNK):
                wanted = numbers[at : at + _CHUNK]
                query = select(_OPINIONS.c.number, _OPINIONS.c.evidence)
                rows = connection.execute(query.where(_OPINIONS.c.number.in_(wanted)))
                found.update((row.number, row.evidence) for row in rows)
        try:
            return [found[number] for number in numbers]
        except KeyError as error:
            raise InvariantBroken(f"opinion {error} was accepted and is not kept") from error

    def last_number(self) -> int:
        """Number of the newest opinion, 0 if there is none."""
        with _faults(), self._engine.connect() as connection:
            return connection.execute(select(func.max(_OPINIONS.c.number))).scalar() or 0
