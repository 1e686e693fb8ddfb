"""Keeps what a coordinator was given and what became of it: it resumes from here alone. (CO-4)

Opinions are only ever added; a batch names those it holds. Whatever one look at the chain led to is
one commit, together with the place up to which the chain was looked at.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sqlalchemy import (
    Connection,
    Engine,
    Row,
    Table,
    and_,
    bindparam,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.exc import DBAPIError, IntegrityError

from handfast.chain.follower import Cursor, load_cursor, prepare_cursors, save_cursor
from handfast.coordinator.rules import Tip
from handfast.coordinator.shard import BatchRow, Place, Settled, Status
from handfast.coordinator.tables import (
    BATCHES,
    CLIENT_LEAVES,
    FACTS,
    METADATA,
    OPINIONS,
    PARTICIPANTS,
    PROVIDER_LEAVES,
    SCHEMA_VERSION,
    SHARDS,
)
from handfast.errors import InvalidInput, InvariantBroken, Unavailable
from handfast.protocol.constants import BatchKind
from handfast.reputation.batches import Posted
from handfast.reputation.encoding import ClientLeaf, ProviderLeaf, ShardState
from handfast.reputation.evidence import Evidence
from handfast.reputation.state import State

_CURSOR = "coordinator"
_FLOOR = "floor"
_CHUNK = 500
_LIVE = (Status.BUILT.value, Status.STANDING.value, Status.FAULTY.value)


Key = tuple[bytes, bytes, int]
"""Accounts of provider and client, and the number of a payment between them."""


class OpinionRow(NamedTuple):
    """An accepted opinion.

    number             in the order of arrival, from 1
    provider, client   accounts, 20 bytes each: ids are what the chain makes of them
    evidence           as it was sent
    """

    number: int
    provider: bytes
    client: bytes
    nonce: int
    evidence: bytes

    @property
    def key(self) -> Key:
        """What the chain takes one opinion for."""
        return self.provider, self.client, self.nonce


@dataclass(slots=True)
class Observation:
    """What one look at the chain led to.

    highest    the highest id that stands: those above are forgotten first
    joined     account and block of each new participant, in the order of ids
    batches    rows to be written, by id
    settled    per shard, in order
    floor      every opinion of a lower number is in a settled batch; None for no news of that
    """

    cursor: Cursor
    highest: int
    joined: list[tuple[str, int]] = field(default_factory=list)
    batches: dict[int, BatchRow] = field(default_factory=dict)
    settled: list[tuple[int, Settled]] = field(default_factory=list)
    floor: int | None = None


def key_of(evidence: Evidence) -> Key:
    """Under which key evidence is kept."""
    parties = evidence.parameters
    provider, client = (bytes.fromhex(who[2:]) for who in (parties.provider, parties.client))
    return provider, client, evidence.receipt.nonce


class Base(NamedTuple):
    """Where a shard goes on from: see `Shard`."""

    newest: State
    final: State
    tip: Tip
    block: int


@contextmanager
def _faults() -> Iterator[None]:
    """Turn what a database may do into the one error that passes.

    raises   InvariantBroken if a row is there that nobody here wrote: another process writes too
    """
    try:
        yield
    except IntegrityError as error:
        raise InvariantBroken(f"the database holds another's rows: {error.orig}") from error
    except DBAPIError as error:
        text = str(error.orig).splitlines()
        raise Unavailable(f"the database failed: {text[0] if text else 'no reason'}") from error


class Store:
    """The tables of one coordinator. Its methods block; those that write must not overlap."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with _faults(), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with _faults(), self._engine.begin() as connection:
            yield connection

    def prepare(self, deployment: str) -> None:
        """Make the tables, or check that they are ours.

        deployment   its name, for ever
        raises       InvalidInput if they are another deployment's or of another version
        """
        wanted = {"schema": str(SCHEMA_VERSION), "deployment": deployment}
        with self._writing() as connection:
            METADATA.create_all(connection)
            prepare_cursors(connection)
            facts = {row.name: row.value for row in connection.execute(select(FACTS))}
            if not facts:
                rows = [{"name": name, "value": value} for name, value in wanted.items()]
                connection.execute(insert(FACTS), rows)
            elif not wanted.items() <= facts.items():
                raise InvalidInput(
                    f"the database holds schema {facts.get('schema')} of deployment "
                    f"{facts.get('deployment')}, needed are {SCHEMA_VERSION} and {deployment}"
                )

    # ------------------------------------------------------------ opinions

    def add_opinions(self, rows: Sequence[OpinionRow]) -> None:
        """Keep opinions, all or none, durably.

        raises   Unavailable; then it is open whether they are kept (see `opinions_from`)
        """
        with self._writing() as connection:
            connection.execute(insert(OPINIONS), [row._asdict() for row in rows])

    def opinions_from(self, number: int, limit: int | None = None) -> list[OpinionRow]:
        """Those accepted from this number on, in order, `limit` of them."""
        query = select(OPINIONS).where(OPINIONS.c.number >= number).order_by(OPINIONS.c.number)
        query = query.limit(limit)
        with self._reading() as connection:
            return [OpinionRow(*row) for row in connection.execute(query)]

    def opinions(self, numbers: Sequence[int]) -> list[OpinionRow]:
        """Those of these numbers, in the order asked for.

        raises   InvariantBroken if one was never kept
        """
        found: dict[int, OpinionRow] = {}
        with self._reading() as connection:
            for at in range(0, len(numbers), _CHUNK):
                wanted = OPINIONS.c.number.in_(numbers[at : at + _CHUNK])
                rows = connection.execute(select(OPINIONS).where(wanted))
                found.update((row.number, OpinionRow(*row)) for row in rows)
        if len(found) < len(set(numbers)):
            raise InvariantBroken("an opinion was accepted and is not kept")
        return [found[number] for number in numbers]

    def find(self, keys: Sequence[Key]) -> dict[Key, bytes]:
        """Evidence accepted under these keys, as far as there is any."""
        found: dict[Key, bytes] = {}
        table = OPINIONS.c
        with self._reading() as connection:
            for at in range(0, len(keys), _CHUNK):
                matches = (
                    and_(table.provider == provider, table.client == client, table.nonce == nonce)
                    for provider, client, nonce in keys[at : at + _CHUNK]
                )
                for row in connection.execute(select(OPINIONS).where(or_(*matches))):
                    found[row.provider, row.client, row.nonce] = row.evidence
        return found

    def floor(self) -> int:
        """Every opinion of a lower number is in a batch that was taken for good."""
        with self._reading() as connection:
            query = select(FACTS.c.value).where(FACTS.c.name == _FLOOR)
            return int(connection.execute(query).scalar() or 1)

    def last_number(self) -> int:
        """Number of the newest opinion, 0 if there is none."""
        with self._reading() as connection:
            return connection.execute(select(func.max(OPINIONS.c.number))).scalar() or 0

    # ------------------------------------------------------------ batches and the chain

    def keep_batch(self, row: BatchRow) -> None:
        """Keep a batch of ours, before anybody else sees it."""
        with self._writing() as connection:
            _replace_batches(connection, [row])

    def keep(self, observation: Observation) -> None:
        """Keep what a look at the chain led to, all of it or nothing. It can be kept twice."""
        with self._writing() as connection:
            connection.execute(delete(PARTICIPANTS).where(PARTICIPANTS.c.id > observation.highest))
            joined = [
                {"id": observation.highest + position, "account": account, "block": block}
                for position, (account, block) in enumerate(observation.joined, 1)
            ]
            if joined:
                connection.execute(insert(PARTICIPANTS), joined)
            _replace_batches(connection, list(observation.batches.values()))
            for shard, settled in observation.settled:
                _settle(connection, shard, settled)
            if observation.floor is not None:
                connection.execute(delete(FACTS).where(FACTS.c.name == _FLOOR))
                connection.execute(insert(FACTS).values(name=_FLOOR, value=str(observation.floor)))
            save_cursor(connection, _CURSOR, observation.cursor)

    def begin_anew(self, cursor: Cursor) -> None:
        """Forget all that the chain said: it is read again from the cursor on. Opinions stay, and
        of batches their ids, which name deeds for ever."""
        with self._writing() as connection:
            for table in (PARTICIPANTS, SHARDS, PROVIDER_LEAVES, CLIENT_LEAVES):
                connection.execute(delete(table))
            gone = {"status": Status.DROPPED.value, "place": None, "final_block": 0, "data": b""}
            connection.execute(update(BATCHES).values(gone))
            connection.execute(delete(FACTS).where(FACTS.c.name == _FLOOR))
            save_cursor(connection, _CURSOR, cursor)

    def cursor(self) -> Cursor | None:
        """How far the chain was followed."""
        with self._reading() as connection:
            return load_cursor(connection, _CURSOR)

    def participants(self) -> list[tuple[str, int]]:
        """Account and block of each participant, in the order of ids."""
        query = select(PARTICIPANTS).order_by(PARTICIPANTS.c.id)
        with self._reading() as connection:
            return [(row.account, row.block) for row in connection.execute(query)]

    def last_batch_id(self) -> int:
        """Id of the newest batch row, 0 if there is none."""
        with self._reading() as connection:
            return connection.execute(select(func.max(BATCHES.c.id))).scalar() or 0

    def batches_behind(self, shard: int, index: int) -> list[BatchRow]:
        """Live rows of a shard: standing or faulty ones of a higher index in order, and built ones,
        before or behind them as the database sorts nulls."""
        live = BATCHES.c.status.in_(_LIVE)
        behind = or_(BATCHES.c.place.is_(None), BATCHES.c.place > index)
        query = select(BATCHES).where(BATCHES.c.shard == shard, live, behind)
        with self._reading() as connection:
            rows = connection.execute(query.order_by(BATCHES.c.place, BATCHES.c.id)).all()
        return [_read_batch(row) for row in rows]

    def standing_batches(self, shard: int, first: int, limit: int) -> list[BatchRow]:
        """Rows of the batches that stand, from an index on."""
        query = select(BATCHES).where(
            BATCHES.c.shard == shard,
            BATCHES.c.status == Status.STANDING.value,
            BATCHES.c.place >= first,
        )
        with self._reading() as connection:
            rows = connection.execute(query.order_by(BATCHES.c.place).limit(limit)).all()
        return [_read_batch(row) for row in rows]

    def base(self, shard: int, shards: int) -> Base:
        """The newest batch that was taken for good, and twice the state after it."""
        with self._reading() as connection:
            row = connection.execute(select(SHARDS).where(SHARDS.c.shard == shard)).one_or_none()
            if row is None:
                return Base(State(shard, shards), State(shard, shards), Tip(), 0)
            providers = _leaves(connection, PROVIDER_LEAVES, shard)
            clients = _leaves(connection, CLIENT_LEAVES, shard)
        words = ShardState(shard, row.root, row.providers, row.levy, row.opinions)
        tip = Tip(row.place, row.hash, BatchKind(row.kind), row.epoch, bool(row.closes))
        provider_leaves = [(each.provider, ProviderLeaf.decode(each.leaf)) for each in providers]
        client_leaves = [(each.provider, ClientLeaf.decode(each.leaf)) for each in clients]
        newest, final = (
            State.restore(words, shards, provider_leaves, client_leaves) for _ in range(2)
        )
        return Base(newest, final, tip, row.final_block)


def _leaves(connection: Connection, table: Table, shard: int) -> list[Row[Any]]:
    query = select(table).where(table.c.shard == shard).order_by(*table.primary_key)
    return list(connection.execute(query).all())


def _replace_batches(connection: Connection, rows: Sequence[BatchRow]) -> None:
    if not rows:
        return
    connection.execute(delete(BATCHES).where(BATCHES.c.id.in_([row.id for row in rows])))
    connection.execute(insert(BATCHES), [_write_batch(row) for row in rows])


def _write_batch(row: BatchRow) -> dict[str, Any]:
    place = row.place
    return {
        "id": row.id,
        "shard": row.shard,
        "status": row.status.value,
        "own": int(row.own),
        "previous": row.previous,
        "kind": int(row.posted.kind),
        "epoch": row.posted.epoch,
        "closes": int(row.posted.closes),
        "levy": row.posted.levy,
        "folds": row.posted.folds,
        # Nobody posts a dropped batch again: its row stays for its id.
        "data": b"" if row.status is Status.DROPPED else row.posted.data,
        "archive": row.archive,
        "numbers": struct.pack(f">{len(row.numbers)}Q", *row.numbers),
        "place": place.index if place else None,
        "hash": place.hash if place else None,
        "posted_at": place.posted_at if place else None,
        "proposer": place.proposer if place else None,
        "block": place.block if place else None,
        "final_block": row.final_block,
        "fault": row.fault,
    }


def _read_batch(row: Row[Any]) -> BatchRow:
    place = None
    if row.place is not None:
        place = Place(row.place, row.hash, row.posted_at, row.proposer, row.block)
    posted = Posted(BatchKind(row.kind), row.epoch, bool(row.closes), row.levy, row.folds, row.data)
    return BatchRow(
        row.id,
        row.shard,
        Status(row.status),
        bool(row.own),
        row.previous,
        posted,
        row.archive,
        struct.unpack(f">{len(row.numbers) // 8}Q", row.numbers),
        place,
        row.final_block,
        row.fault,
    )


def _settle(connection: Connection, shard: int, settled: Settled) -> None:
    tip, words = settled.tip, settled.words
    connection.execute(delete(SHARDS).where(SHARDS.c.shard == shard))
    connection.execute(
        insert(SHARDS).values(
            shard=shard,
            final_block=settled.block,
            place=tip.index,
            hash=tip.hash,
            kind=int(tip.kind),
            epoch=tip.epoch,
            closes=int(tip.closes),
            root=words.root,
            providers=words.providers,
            levy=words.levy,
            opinions=words.opinions,
        )
    )
    providers = [
        {"provider": provider, "shard": shard, "leaf": leaf.encode()}
        for provider, leaf in settled.providers.items()
    ]
    clients = [
        {"provider": provider, "position": position, "shard": shard, "leaf": leaf.encode()}
        for (provider, position), leaf in settled.clients.items()
    ]
    _overwrite(connection, PROVIDER_LEAVES, providers)
    _overwrite(connection, CLIENT_LEAVES, clients)


def _overwrite(connection: Connection, table: Table, rows: list[dict[str, Any]]) -> None:
    """Insert rows in the place of those with the same primary key: every database can do that."""
    if not rows:
        return
    key = [column.name for column in table.primary_key]
    same = and_(*(table.c[name] == bindparam(f"old_{name}") for name in key))
    old = [{f"old_{name}": row[name] for name in key} for row in rows]
    connection.execute(delete(table).where(same), old)
    connection.execute(insert(table), rows)
