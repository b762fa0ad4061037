"""Tables of what guards a sign-in."""

from __future__ import annotations

from sqlalchemy import Column, DateTime, Integer, MetaData, PrimaryKeyConstraint, Table, Text


def guess_tables(metadata: MetaData) -> None:
    """Attempts at passwords. Without a log: it is written at every sign-in, and a crash may empty it."""
    Table(
        "_sign_in_attempt",
        metadata,
        Column("kind", Text, nullable=False, comment="address, or name"),
        Column("subject", Text, nullable=False, comment="the address; the hash of the name"),
        Column("counted", Integer, nullable=False, comment="those that were wrong, and those not judged yet"),
        Column("since", DateTime(timezone=True), nullable=False),
        PrimaryKeyConstraint("kind", "subject"),
        prefixes=["UNLOGGED"],
    )
