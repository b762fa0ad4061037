"""The schedule that an org begins with: a template, which does nothing until it is cloned and the clone activated."""

from __future__ import annotations

from sqlalchemy import select

from fieldsync.base import limits
from fieldsync.server.org.seed import Seeding, insert_rows

OBJECT = "Sync_Schedule"
TEMPLATE = {
    "Name": "Daily",
    "Template": True,
    "Active": False,
    "Hour": limits.SCHEDULE_HOUR,
    "Look_Back_Days": limits.SCHEDULE_LOOK_BACK_DAYS,
    "Description": "Once a day, runs what is not decided of the last days: new, put off, and failed not too often.",
}


def seed_schedules(seeding: Seeding) -> None:
    """The shipped template, where the org does not have it yet."""
    if OBJECT not in seeding.catalog:
        return
    table = seeding.metadata.tables[OBJECT]
    if seeding.connection.execute(select(table.c.Id).where(table.c.Template.is_(True)).limit(1)).first() is None:
        insert_rows(seeding, OBJECT, [TEMPLATE])
