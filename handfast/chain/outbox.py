"""Keeps every transaction that was signed, before anybody else sees it."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Engine,
    Integer,
    LargeBinary,
    MetaData,
    Row,
    String,
    Table,
    UniqueConstraint,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from handfast.chain.client import Call
from handfast.chain.rules import Fees
from handfast.errors import InvalidInput

_METADATA = MetaData()

# Amounts in wei do not fit an integer column: they are kept as decimal text.
_CHAINS = Table(
    "outbox_chain",
    _METADATA,
    Column("account", String(42), primary_key=True),
    Column("chain_id", BigInteger, nullable=False),
    Column("genesis", LargeBinary(32), nullable=False),
)
_TRANSACTIONS = Table(
    "outbox_transactions",
    _METADATA,
    Column("account", String(42), primary_key=True),
    Column("key", String(200), primary_key=True),
    Column("nonce", BigInteger, nullable=False),
    Column("target", String(42)),
    Column("data", LargeBinary, nullable=False),
    Column("value", String(78), nullable=False),
    Column("label", String(200), nullable=False),
    Column("gas", BigInteger, nullable=False),
    Column("outcome", String(10), nullable=False),
    Column("mined", LargeBinary(32), nullable=False),
    Column("reason", String(1000), nullable=False),
    UniqueConstraint("account", "nonce"),
)
_ATTEMPTS = Table(
    "outbox_attempts",
    _METADATA,
    Column("hash", LargeBinary(32), primary_key=True),
    Column("account", String(42), nullable=False, index=True),
    Column("nonce", BigInteger, nullable=False),
    Column("number", Integer, nullable=False),
    Column("raw", LargeBinary, nullable=False),
    Column("max_fee", String(78), nullable=False),
    Column("priority", String(78), nullable=False),
    Column("cancels", Integer, nullable=False),
)


class Outcome(enum.Enum):
    """What has become of a transaction."""

    SENT = "sent"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One signed form of a transaction.

    cancels   whether it only fills the nonce
    """

    hash: bytes
    raw: bytes
    fees: Fees
    cancels: bool = False


@dataclass(frozen=True, slots=True)
class Transaction:
    """A transaction, all of whose attempts bear its nonce.

    key        names the deed; the same key is never done twice
    attempts   oldest first
    mined      hash of the attempt that was mined; empty if none was
    reason     why it failed or is being cancelled
    """

    key: str
    nonce: int
    call: Call
    gas: int
    attempts: tuple[Attempt, ...]
    outcome: Outcome = Outcome.SENT
    mined: bytes = b""
    reason: str = ""


class Outbox:
    """The transactions of one account on one chain. Every method that writes is one commit."""

    def __init__(self, engine: Engine, account: str) -> None:
        self._engine = engine
        self._account = account
        _METADATA.create_all(engine)

    def bind(self, chain_id: int, genesis: bytes) -> None:
        """Tie the outbox to its chain.

        raises   InvalidInput if it belongs to another one: its nonces would mean nothing there
        """
        with self._engine.begin() as connection:
            query = select(_CHAINS).where(_CHAINS.c.account == self._account)
            row = connection.execute(query).one_or_none()
            if row is None:
                connection.execute(
                    insert(_CHAINS).values(
                        account=self._account, chain_id=chain_id, genesis=genesis
                    )
                )
            elif (row.chain_id, row.genesis) != (chain_id, genesis):
                raise InvalidInput(
                    f"the stored transactions of {self._account} belong to another chain "
                    f"(id {row.chain_id}, genesis 0x{row.genesis.hex()[:8]}…), the node is on "
                    f"id {chain_id}, genesis 0x{genesis.hex()[:8]}…: use a fresh data folder"
                )

    def find(self, key: str) -> Transaction | None:
        """The transaction of this key."""
        found = self._select(_TRANSACTIONS.c.key == key)
        return found[0] if found else None

    def open(self) -> tuple[Transaction, ...]:
        """Those whose outcome is not known, by nonce."""
        return self._select(_TRANSACTIONS.c.outcome == Outcome.SENT.value)

    def concluded_from(self, nonce: int) -> tuple[Transaction, ...]:
        """Those that were concluded, from this nonce on."""
        return self._select(
            _TRANSACTIONS.c.outcome != Outcome.SENT.value, _TRANSACTIONS.c.nonce >= nonce
        )

    def next_nonce(self) -> int:
        """One more than the highest nonce ever signed, whatever became of it."""
        mine = _ATTEMPTS.c.account == self._account
        with self._engine.connect() as connection:
            highest = connection.execute(select(func.max(_ATTEMPTS.c.nonce)).where(mine)).scalar()
        return 0 if highest is None else int(highest) + 1

    def add(self, transaction: Transaction) -> None:
        """Keep a transaction with its first attempt.

        raises   InvalidInput if its key or nonce is taken: another process sends with this account
        """
        call = transaction.call
        try:
            with self._engine.begin() as connection:
                connection.execute(
                    insert(_TRANSACTIONS).values(
                        account=self._account,
                        key=transaction.key,
                        nonce=transaction.nonce,
                        target=call.to,
                        data=call.data,
                        value=str(call.value),
                        label=call.label,
                        gas=transaction.gas,
                        outcome=transaction.outcome.value,
                        mined=b"",
                        reason="",
                    )
                )
                self._add_attempt(connection, transaction.nonce, 0, transaction.attempts[0])
        except IntegrityError as error:
            raise InvalidInput(
                f"key {transaction.key} or nonce {transaction.nonce} of {self._account} is taken: "
                "another process sends from this account"
            ) from error

    def add_attempt(self, transaction: Transaction, attempt: Attempt, reason: str = "") -> None:
        """Keep one more attempt under the same nonce, with the reason if it cancels."""
        with self._engine.begin() as connection:
            number = len(transaction.attempts)
            self._add_attempt(connection, transaction.nonce, number, attempt)
            if attempt.cancels:
                self._update(connection, transaction.key, reason=reason)

    def renew(self, key: str, nonce: int, attempt: Attempt) -> None:
        """Move a transaction to another nonce, after its own was spent by something else."""
        with self._engine.begin() as connection:
            self._update(connection, key, nonce=nonce, reason="")
            self._add_attempt(connection, nonce, 0, attempt)

    def conclude(self, key: str, outcome: Outcome, mined: bytes, reason: str) -> None:
        """Keep what has become of a transaction."""
        with self._engine.begin() as connection:
            self._update(connection, key, outcome=outcome.value, mined=mined, reason=reason[:1000])

    def reopen(self, key: str) -> None:
        """Take back the conclusion of a transaction that fell out of the chain."""
        with self._engine.begin() as connection:
            self._update(connection, key, outcome=Outcome.SENT.value, mined=b"")

    def _update(self, connection: Connection, key: str, **values: object) -> None:
        mine = (_TRANSACTIONS.c.account == self._account) & (_TRANSACTIONS.c.key == key)
        connection.execute(update(_TRANSACTIONS).where(mine).values(**values))

    def _add_attempt(
        self, connection: Connection, nonce: int, number: int, attempt: Attempt
    ) -> None:
        connection.execute(
            insert(_ATTEMPTS).values(
                hash=attempt.hash,
                account=self._account,
                nonce=nonce,
                number=number,
                raw=attempt.raw,
                max_fee=str(attempt.fees.max_fee),
                priority=str(attempt.fees.priority),
                cancels=int(attempt.cancels),
            )
        )

    def _select(self, *conditions: object) -> tuple[Transaction, ...]:
        query = select(_TRANSACTIONS).where(_TRANSACTIONS.c.account == self._account)
        for condition in conditions:
            query = query.where(condition)  # type: ignore[arg-type]
        with self._engine.connect() as connection:
            rows = connection.execute(query.order_by(_TRANSACTIONS.c.nonce)).all()
            return tuple(self._read(connection, row) for row in rows)

    def _read(self, connection: Connection, row: Row[tuple[object, ...]]) -> Transaction:
        query = (
            select(_ATTEMPTS)
            .where(_ATTEMPTS.c.account == self._account, _ATTEMPTS.c.nonce == row.nonce)
            .order_by(_ATTEMPTS.c.number)
        )
        attempts = tuple(
            Attempt(
                found.hash,
                found.raw,
                Fees(int(found.max_fee), int(found.priority)),
                bool(found.cancels),
            )
            for found in connection.execute(query)
        )
        return Transaction(
            row.key,
            row.nonce,
            Call(row.target, row.data, row.label, int(row.value)),
            row.gas,
            attempts,
            Outcome(row.outcome),
            row.mined,
            row.reason,
        )
