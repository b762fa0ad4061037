"""Tables of what devices uploaded: what was answered, what is not whole yet, and what is not decided."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Date,
    DateTime,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    text,
)

from fieldsync.server.postgres.own.columns import ID, NUMBER


def upload_tables(metadata: MetaData) -> None:
    """Receipts, parts of large saves, records that wait for one another, and saves that are not decided."""
    _receipt_tables(metadata)
    _undecided_tables(metadata)


def _receipt_tables(metadata: MetaData) -> None:
    Table(
        "_receipt",
        metadata,
        Column("device", NUMBER, nullable=False),
        Column("n", BigInteger, nullable=False),
        Column("transaction_id", Text, nullable=False, unique=True),
        Column("hash", Text, nullable=False),
        Column("stamp", BigInteger, nullable=False),
        Column("result", LargeBinary, nullable=False),
        Column("day", Date, nullable=False, server_default=text("CURRENT_DATE")),
        PrimaryKeyConstraint("device", "n"),
        Index("ix__receipt_day", "day", postgresql_using="brin"),
    )
    Table(
        "_part",
        metadata,
        Column("device", NUMBER, nullable=False),
        Column("n", BigInteger, nullable=False),
        Column("part", Integer, nullable=False),
        Column("parts", Integer, nullable=False),
        Column("transaction_id", Text, nullable=False),
        Column("hash", Text, nullable=False),
        Column("items", LargeBinary, nullable=False),
        Column("received_at", DateTime(timezone=True), nullable=False),
        PrimaryKeyConstraint("device", "n", "part"),
    )
    Table(
        "_blocked",
        metadata,
        Column("device", NUMBER, nullable=False),
        Column("record_id", ID, nullable=False),
        Column("n", BigInteger, nullable=False),
        PrimaryKeyConstraint("device", "record_id", "n"),
    )


def _undecided_tables(metadata: MetaData) -> None:
    Table(
        "_undecided",
        metadata,
        Column("record_id", ID, primary_key=True, comment="of the Sync_Transaction; its content as the device sent it"),
        Column("device", NUMBER, nullable=False),
        Column("n", BigInteger, nullable=False),
        Column("hash", Text, nullable=False),
        Column("saved_at", Text, nullable=False),
        Column("items", Text, nullable=False),
        Column("due_at", DateTime(timezone=True), nullable=True, comment="when it is tried again by itself"),
        Column("locked_times", Integer, nullable=False, server_default="0", comment="put off for another save's locks"),
        Column("offered", BigInteger, nullable=True, comment="stamp it had before the server was restored"),
        Index("ix__undecided_device", "device", "n", unique=True),
    )
