"""The tables of a coordinator, in standard SQL for SQLite and PostgreSQL alike."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
)

SCHEMA_VERSION = 2

METADATA = MetaData()

FACTS = Table(
    "coordinator_facts",
    METADATA,
    Column("name", String(50), primary_key=True),
    Column("value", String(200), nullable=False),
)

PARTICIPANTS = Table(
    "coordinator_participants",
    METADATA,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("account", String(42), nullable=False),
    Column("block", BigInteger, nullable=False),
)

OPINIONS = Table(
    "coordinator_opinions",
    METADATA,
    # SQLite stores rows in this order only under the name INTEGER.
    Column(
        "number",
        BigInteger().with_variant(Integer, "sqlite"),
        primary_key=True,
        autoincrement=False,
    ),
    # Accounts, not ids: a re-organisation may give an account another id.
    Column("provider", LargeBinary(20), nullable=False),
    Column("client", LargeBinary(20), nullable=False),
    Column("nonce", BigInteger, nullable=False),
    Column("evidence", LargeBinary, nullable=False),
    UniqueConstraint("provider", "client", "nonce"),
)

BATCHES = Table(
    "coordinator_batches",
    METADATA,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("shard", Integer, nullable=False, index=True),
    Column("status", String(10), nullable=False, index=True),
    Column("own", SmallInteger, nullable=False),
    Column("previous", LargeBinary(32), nullable=False),
    Column("kind", SmallInteger, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("closes", SmallInteger, nullable=False),
    Column("levy", BigInteger, nullable=False),
    Column("folds", LargeBinary(32), nullable=False),
    Column("data", LargeBinary, nullable=False),
    Column("archive", LargeBinary(32), nullable=False),
    Column("numbers", LargeBinary, nullable=False),
    # Where it stands; null while it does not.
    Column("place", BigInteger, index=True),
    Column("hash", LargeBinary(32)),
    Column("posted_at", BigInteger),
    Column("proposer", String(42)),
    Column("block", BigInteger),
    Column("final_block", BigInteger, nullable=False),
    Column("fault", Text, nullable=False),
)

SHARDS = Table(
    "coordinator_shards",
    METADATA,
    # The base: the newest batch that is taken for good, the block that made it final, and the
    # words of the state after it.
    Column("shard", Integer, primary_key=True, autoincrement=False),
    Column("final_block", BigInteger, nullable=False),
    Column("place", BigInteger, nullable=False),
    Column("hash", LargeBinary(32), nullable=False),
    Column("kind", SmallInteger, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("closes", SmallInteger, nullable=False),
    Column("root", LargeBinary(32), nullable=False),
    Column("providers", BigInteger, nullable=False),
    Column("levy", BigInteger, nullable=False),
    Column("opinions", BigInteger, nullable=False),
)

PROVIDER_LEAVES = Table(
    "coordinator_provider_leaves",
    METADATA,
    Column("provider", BigInteger, primary_key=True, autoincrement=False),
    Column("shard", Integer, nullable=False, index=True),
    Column("leaf", LargeBinary(72), nullable=False),
)

CLIENT_LEAVES = Table(
    "coordinator_client_leaves",
    METADATA,
    Column("provider", BigInteger, primary_key=True, autoincrement=False),
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("shard", Integer, nullable=False, index=True),
    Column("leaf", LargeBinary(56), nullable=False),
)
