"""Tables of what single devices caused, and of what they gave up."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Index,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
)

from fieldsync.server.postgres.own.columns import ID


def duplicate_tables(metadata: MetaData) -> None:
    """Duplicates of submitted roots, and which device caused each."""
    Table(
        "_duplicate",
        metadata,
        Column("device_id", ID, nullable=False),
        Column("original_id", ID, nullable=False),
        Column("duplicate_id", ID, nullable=False),
        Column("copied", Text, nullable=False, comment="edited details of the original to their copies, as JSON"),
        PrimaryKeyConstraint("device_id", "original_id"),
        Index("ix__duplicate_id", "duplicate_id"),
    )


def clearing_tables(metadata: MetaData) -> None:
    """Errors that devices gave up at an admin's wish."""
    Table(
        "_cleared",
        metadata,
        Column("user_id", ID, nullable=False),
        Column("device_id", ID, nullable=False),
        Column("asked", Text, nullable=False, comment="the version of the user in which the wish was set"),
        Column("first", BigInteger, nullable=False, comment="lowest queue number of its entries"),
        Column("last", Boolean, nullable=False, comment="whether the device was through"),
        Column("at", DateTime(timezone=True), nullable=False),
        Column("content", LargeBinary, nullable=False, comment="the entries as the device had them, as JSON"),
        PrimaryKeyConstraint("device_id", "asked", "first"),
    )


def log_tables(metadata: MetaData) -> None:
    """What devices log. A number may come twice with two times: a device that was put back counts from there."""
    Table(
        "_device_log",
        metadata,
        Column("device_id", ID, nullable=False),
        Column("number", BigInteger, nullable=False),
        Column("at", DateTime(timezone=True), nullable=False, comment="by the device's clock"),
        Column("level", Text, nullable=False, comment="detail, info, warning or error"),
        Column("text", Text, nullable=False),
        Column("received_at", DateTime(timezone=True), nullable=False),
        PrimaryKeyConstraint("device_id", "at", "number"),
        Index("ix__device_log_received", "received_at"),
    )
