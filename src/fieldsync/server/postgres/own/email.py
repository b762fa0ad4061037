"""The table of approved e-mails that a mail server took: written at once, so that none leaves twice."""

from __future__ import annotations

from sqlalchemy import Column, DateTime, MetaData, Table, Text

from fieldsync.server.postgres.own.columns import ID


def email_tables(metadata: MetaData) -> None:
    """A row a record, from the moment its mail was taken."""
    Table(
        "_email_taken",
        metadata,
        Column("record_id", ID, primary_key=True),
        Column("message_id", Text, nullable=False),
        Column("at", DateTime(timezone=True), nullable=False),
    )
