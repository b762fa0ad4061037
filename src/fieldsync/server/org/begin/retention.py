"""The retention rule that an org begins with: finished transactions of every object are kept for so many days."""

from __future__ import annotations

from sqlalchemy import select

from fieldsync.base import limits
from fieldsync.server.org.seed import Seeding, insert_rows

OBJECT, EVERY = "Sync_Retention", "*"
SHIPPED = {
    "Name": "Every object",
    "Object_Name": EVERY,
    "Active": True,
    "Keep_Days": limits.TRANSACTION_KEEP_DAYS,
    "Description": "Long enough to answer questions about the last two months.",
}


def seed_retention(seeding: Seeding) -> None:
    """The shipped rule, where the org has never had one for every object."""
    if OBJECT not in seeding.catalog:
        return
    table = seeding.metadata.tables[OBJECT]
    if seeding.connection.execute(select(table.c.Id).where(table.c.Object_Name == EVERY).limit(1)).first() is None:
        insert_rows(seeding, OBJECT, [SHIPPED])
