"""That every device is to load everything anew by a date (FEATURES F04): the newest `Data_Reload` counts.

A device has done it once its last full refresh is younger than the wish; one that registered later owes nothing.
Times are kept by the second: what happened in the second of the wish counts as before it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import ClauseElement, ColumnElement, MetaData, Table, bindparam, func, select

from fieldsync.base.ids import RecordId
from fieldsync.protocol.download import Reload
from fieldsync.server.org.runtime import Org
from fieldsync.server.postgres.compiled import compiled_once
from fieldsync.server.postgres.work import Question
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.save.batch import Caller

OBJECT = "Data_Reload"


@dataclass(frozen=True)
class Asked:
    """The wish that counts: its record, and what it says. Days are days of UTC."""

    id: RecordId
    stamp: int
    asked_at: datetime
    alert: date
    due: date
    message: str

    @property
    def told(self) -> Reload:
        """As a device is told."""
        return Reload(self.alert.isoformat(), self.due.isoformat(), self.message)


async def reload_asked(org: Org, database: Database) -> Asked | None:
    """The one that counts; None where nobody wants it."""
    row = await database.one(_newest(org.metadata))
    return None if row is None else Asked(RecordId(row[0]), row[1], row[2], row[3], row[4], row[5] or "")


def owed_questions(org: Org, caller: Caller) -> Iterator[Question]:
    """What `reload_owed` asks, to be asked with something else."""
    if caller.device_id is not None and caller.supporter is None:
        yield _owed(org.metadata), {"device": caller.device_id}


async def reload_owed(org: Org, database: Database, caller: Caller) -> Reload | None:
    """What this device is told of it; None for one that has done it, and for a support session."""
    for statement, given in owed_questions(org, caller):
        row = await database.one(statement, **given)
        if row is not None:
            return Reload(row[0].isoformat(), row[1].isoformat(), row[2] or "")
    return None


def behind(device: Table, asked_at: ColumnElement[datetime]) -> ColumnElement[bool]:
    """A device last had everything anew (where it told of no refresh: registered) not later than it was asked to."""
    return func.coalesce(device.c.Last_Full_Sync_At, device.c.Registered_At) <= asked_at


@compiled_once
def _newest(metadata: MetaData) -> ClauseElement:
    c = metadata.tables[OBJECT].c
    query = select(c.Id, c._stamp, c.Asked_At, c.Alert_Date, c.Due_Date, c.Message)
    return query.where(c.IsDeleted.is_(False)).order_by(c.Asked_At.desc(), c.Id.desc()).limit(1)


@compiled_once
def _owed(metadata: MetaData) -> ClauseElement:
    c, device = metadata.tables[OBJECT].c, metadata.tables["Device"]
    newest = select(c.Alert_Date, c.Due_Date, c.Message, c.Asked_At).where(c.IsDeleted.is_(False))
    one = newest.order_by(c.Asked_At.desc(), c.Id.desc()).limit(1).subquery("newest")
    mine = (device.c.Id == bindparam("device"), behind(device, one.c.Asked_At))
    return select(one.c.Alert_Date, one.c.Due_Date, one.c.Message).where(*mine)
