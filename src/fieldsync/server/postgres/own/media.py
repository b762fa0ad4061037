"""Tables of the files that records have: each in pieces, so that none is ever held whole in memory."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
)

from fieldsync.server.postgres.own.columns import ID


def media_tables(metadata: MetaData) -> None:
    """A file belongs to one record; `checksum` tells its versions apart."""
    Table(
        "_file",
        metadata,
        Column("record_id", ID, nullable=False),
        Column("checksum", Text, nullable=False),
        Column("object", Text, nullable=False),
        Column("bytes", BigInteger, nullable=False),
        Column("whole", Boolean, nullable=False, comment="all pieces are here and the sum of them is right"),
        Column("at", DateTime(timezone=True), nullable=False),
        PrimaryKeyConstraint("record_id", "checksum"),
    )
    Table(
        "_file_piece",
        metadata,
        Column("record_id", ID, nullable=False),
        Column("checksum", Text, nullable=False),
        Column("piece", Integer, nullable=False),
        Column("body", LargeBinary, nullable=False),
        PrimaryKeyConstraint("record_id", "checksum", "piece"),
    )
