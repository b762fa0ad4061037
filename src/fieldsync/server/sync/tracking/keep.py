"""Tracking, the server's half: one record of `Sync_Tracking` a sync, and the device's own record brought up to date.

The platform writes both itself: they are on no feed and in no change log, as the journal.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import ClauseElement, MetaData, any_, bindparam, cast, func, select, update

from fieldsync.base import ids
from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Code, Refused, problem
from fieldsync.base.world import instant
from fieldsync.protocol.tracking import DURATIONS, Standing, Tracked, TrackedSync, Tracking, exactly
from fieldsync.schema.autonumber import format_number
from fieldsync.schema.fields import literal_default
from fieldsync.server.org.runtime import Org
from fieldsync.server.postgres.compiled import compiled_once
from fieldsync.server.postgres.work import Question
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.save.batch import Caller, Frame, Row, Wave, encode_rows, legible
from fieldsync.server.save.head import head_question, lock_head
from fieldsync.server.save.stamp import system_columns
from fieldsync.server.sync.session import BeginAhead
from fieldsync.server.sync.tracking.log import keep_log

OBJECT, NUMBER = "Sync_Tracking", "Number_On_Device"
REFRESHING = ("initial", "full_refresh")
_COLUMNS = {
    "type": "Sync_Type",
    "trigger": "Trigger",
    "seconds": "Duration_Seconds",
    "upload_seconds": "Upload_Seconds",
    "metadata_seconds": "Metadata_Seconds",
    "download_seconds": "Download_Seconds",
    "apply_seconds": "Apply_Seconds",
    "media_seconds": "Media_Seconds",
    "freeze_seconds": "Freeze_Seconds",
    "successful": "Successful",
    "canceled": "Canceled",
    "upload_processed": "Upload_Processed",
    "download_processed": "Download_Processed",
    "uploads": "Uploads",
    "records_up": "Records_Up",
    "upload_errors": "Upload_Errors",
    "rows_received": "Records_Down",
    "rows_created": "Records_Created",
    "rows_updated": "Records_Updated",
    "rows_removed": "Records_Deleted",
    "rows_repaired": "Rows_Repaired",
    "bytes_up": "Bytes_Up",
    "bytes_down": "Bytes_Down",
    "retries": "Retries",
    "network": "Network",
}


async def track(org: Org, begin: BeginAhead, sent: Tracking) -> Tracked:
    """Keep what a device tells. Raises Refused: AUTH, BUSY, BAD_REQUEST where no device asks."""
    async with begin(lambda known: _questions(org, known, sent)) as (database, caller):
        if caller.device_id is None:
            raise Refused(problem(Code.BAD_REQUEST, reason="only a device has syncs"))
        if caller.supporter is not None:  # no sync of the person's
            return Tracked(*(max((one.number for one in of), default=0) for of in (sent.syncs, sent.log)))
        frame = await lock_head(org, database, caller, reads=False)
        off = round((sent.standing.at - org.world.clock.now()).total_seconds())
        await _keep(org, database, caller, frame, _rows(caller, sent, off))
        told = _stands(sent.standing) | {"off": off, "now": org.world.clock.now()}
        last = max(sent.syncs, key=lambda one: one.number, default=None)
        database.later(_device(org.metadata), device=caller.device_id, **told, **_last(caller, last, off))
        log_through = keep_log(database, caller.device_id, sent.log, told["now"])
    return Tracked(0 if last is None else last.number, log_through)


def _questions(org: Org, known: Caller, sent: Tracking) -> Iterator[Question]:
    """What is always asked first."""
    yield head_question(org, known)
    yield _known_question(org, known, [one.number for one in sent.syncs])


def _known_question(org: Org, caller: Caller, numbers: Iterable[int]) -> Question:
    return _known(org.metadata), {"device": caller.device_id, "numbers": sorted(numbers)}


def _rows(caller: Caller, sent: Tracking, off: int) -> dict[int, Row]:
    """The columns of each sync by its number. What failed goes with the newest."""
    rows = {one.number: _row(caller, one, off) for one in sent.syncs}
    if rows:
        failed = {"Failed_Ids": ", ".join(sent.standing.failed) or None}
        rows[max(rows)] |= failed | {"Failed_Not_Listed": sent.standing.failed_not_listed}
    return rows


def _row(caller: Caller, one: TrackedSync, off: int) -> Row:
    row: Row = {column: getattr(one, name) for name, column in _COLUMNS.items()}
    row |= {_COLUMNS[name]: _duration(one, name) for name in DURATIONS}
    refreshes = one.type in REFRESHING
    row |= {
        "UserId": caller.user_id,
        "DeviceId": caller.device_id,
        NUMBER: one.number,
        "Started_At": instant(one.started_at),
        "Completed_At": instant(one.ended_at),
        "Refresh_Mode": "data" if refreshes else "none",
        "Digest": None if one.verified is None else "Agreed" if one.verified else "Differed",
        "Clock_Off_Seconds": off,
        "Problem_Code": one.problem_code and legible(one.problem_code, 40),
        "Failed_Messages": one.problem_message and legible(one.problem_message, 4_000),
        "App_Version": legible(one.app_version, 80),
        "Metadata_Version": caller.software.metadata_version,
    }
    return row


def _duration(one: TrackedSync, name: str) -> int | Decimal:
    """In seconds, as exact as the device told it."""
    milliseconds: int | None = getattr(one, exactly(name))
    return getattr(one, name) if milliseconds is None else Decimal(milliseconds).scaleb(-3)


async def _keep(org: Org, database: Database, caller: Caller, frame: Frame, rows: Mapping[int, Row]) -> None:
    if not rows:
        return
    statement, given = _known_question(org, caller, rows)
    found = await database.rows(statement, **given)
    known = {int(number): record_id for record_id, number in found}
    again = [row | {"Id": known[n], "_stamp": frame.stamp} for n, row in rows.items() if n in known]
    new = [row for n, row in sorted(rows.items()) if n not in known]
    if again:
        database.later(org.save.update(OBJECT, frozenset(again[0]) - {"Id"}), rows=encode_rows(again))
    if new:
        await _number(org, database, caller, frame, new)
        database.later(org.save.insert(OBJECT), rows=encode_rows(new))


async def _number(org: Org, database: Database, caller: Caller, frame: Frame, rows: list[Row]) -> None:
    """Ids, names, dates and owner of new records."""
    object_type, wave = org.catalog[OBJECT], Wave(caller, frame, [])
    many = {"count": len(rows)}
    database.ahead((org.save.numbers(OBJECT, "Name"), many))
    counters = await database.rows(org.save.server_ids, **many)
    names = await database.rows(org.save.numbers(OBJECT, "Name"), **many)
    blank = {column: literal_default(field) for column, field in object_type.column_fields.items()}
    display = object_type.fields["Name"].display_format or "{0}"
    for row, (counter,), (number,) in zip(rows, counters, names, strict=True):
        record_id: RecordId = ids.mint(object_type.prefix, frame.server_number, counter)
        name = format_number(display, number, date.fromisoformat(frame.now[:10]))
        row.update(blank | row | system_columns(wave, record_id) | {"Name": name})


def _stands(standing: Standing) -> dict[str, Any]:
    names = ("pending", "errors", "oldest_pending_at")
    return {name: getattr(standing, name) for name in names}


def _last(caller: Caller, one: TrackedSync | None, off: int) -> dict[str, Any]:
    """What the newest sync says of the device, whose clock is off by so many seconds; None leaves a column as it is."""
    software = caller.software
    found: dict[str, Any] = dict.fromkeys(("upload_success", "download_success", "full_at", "app"))
    found["model"] = software.metadata_version
    if one is not None:
        refreshed = one.type in REFRESHING and one.successful
        found |= {
            "upload_success": one.upload_processed and not one.upload_errors,
            "download_success": one.download_processed if one.type != "upload_only" else None,
            "full_at": (one.started_at - timedelta(seconds=off)).replace(microsecond=0) if refreshed else None,
            "app": legible(one.app_version, 80) or None,
        }
    return found


@compiled_once
def _known(metadata: MetaData) -> ClauseElement:
    c = metadata.tables[OBJECT].c
    here = (c.DeviceId == bindparam("device"), c[NUMBER] == any_(bindparam("numbers")))
    return select(c.Id, c[NUMBER]).where(*here)


@compiled_once
def _device(metadata: MetaData) -> ClauseElement:
    table = metadata.tables["Device"]
    always = {"Pending_Transactions": "pending", "Open_Errors": "errors", "Oldest_Pending_At": "oldest_pending_at"}
    always |= {"Clock_Off_Seconds": "off", "Last_Seen_At": "now"}
    known = {"Last_Upload_Success": "upload_success", "Last_Download_Success": "download_success"}
    known |= {"App_Version": "app", "Metadata_Version": "model"}
    values: dict[str, Any] = {column: bindparam(name) for column, name in always.items()}
    values |= {column: _or_as_it_is(table.c[column], name) for column, name in known.items()}
    full = table.c.Last_Full_Sync_At  # by the server's own clock it may be known already
    values["Last_Full_Sync_At"] = func.greatest(full, cast(bindparam("full_at"), full.type))
    return update(table).where(table.c.Id == bindparam("device")).values(values)


def _or_as_it_is(column: Any, name: str) -> Any:
    return func.coalesce(cast(bindparam(name), column.type), column)
