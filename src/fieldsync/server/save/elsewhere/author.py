"""Who changed a field, and when: not who touched the record last (DESIGN 7).

The change log has what each write replaced, its author's name included, so going back through it from the row finds the
write that set the field. Long text is not in it; there, as where it has ended, the record's last author is named.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import ARRAY, ClauseElement, Text, bindparam, cast, func, or_, select, true

from fieldsync.base.ids import DeviceNumber
from fieldsync.base.problems import Code, Problem
from fieldsync.protocol.upload import Rejected
from fieldsync.server.postgres.compiled import compile_statement
from fieldsync.server.postgres.tables import system_table
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.save.batch import Row, Wave

_CHANGE, _RECEIPT = system_table("_change"), system_table("_receipt")
WRITES_READ_MAX = 100
"""So many writes of a record are gone back through."""
BY, AT = "LastModifiedById", "LastModifiedDate"


class Write(NamedTuple):
    """One write of a record: its stamp after it, the device it came from, and what it replaced."""

    version: int
    device: DeviceNumber | None
    old: Row
    """Empty for the write that created the record."""
    created: bool = False
    n: int | None = None
    """Queue number of the device's save that caused it, while its receipt is kept."""


async def writes_of(database: Database, ids: Iterable[str]) -> dict[str, list[Write]]:
    """The last writes of these records as the change log has them, newest first."""
    found: dict[str, list[Write]] = {}
    for record_id, version, device, old, kind, n in await database.rows(_WRITES, ids=sorted(set(ids))):
        found.setdefault(record_id, []).append(Write(version, device, old or {}, kind == "created", n))
    return found


async def name_authors(database: Database, wave: Wave) -> None:
    """Put the author of each field into the conflicts of a wave."""
    refused = [(work, work.outcome.problems) for work in wave.works if isinstance(work.outcome, Rejected)]
    places = {str(p.id) for _, problems in refused for p in problems if p.code is Code.CONFLICT_OLD_VALUE}
    if not places:
        return
    writes = await writes_of(database, places)
    for work, problems in refused:
        work.outcome = Rejected(tuple(_named(one, wave.facts.rows, writes) for one in problems))


def _named(found: Problem, rows: dict[str, Row], writes: dict[str, list[Write]]) -> Problem:
    if found.code is not Code.CONFLICT_OLD_VALUE or found.id is None or found.id not in rows:
        return found
    who, when = author_of(rows[found.id], str(found.field), writes.get(found.id, []))
    return msgspec.structs.replace(found, details={**found.details, "who": who, "when": when})


def author_of(row: Row, column: str, writes: Sequence[Write]) -> tuple[Any, Any]:
    """Who set a column and when. Pure."""
    who, when = row[BY], row[AT]
    for write in writes:
        if column in write.old:
            return who, when
        who, when = write.old.get(BY, who), write.old.get(AT, when)
    return row[BY], row[AT]


def _writes() -> ClauseElement:
    wanted = func.unnest(cast(bindparam("ids"), ARRAY(Text))).table_valued("id").render_derived(name="w")
    is_write = or_(_CHANGE.c.old.is_not(None), _CHANGE.c.kind == "created")
    newest = (
        select(*(_CHANGE.c[name] for name in ("device", "old", "kind", "version", "seq", "transaction_id")))
        .where(_CHANGE.c.id == wanted.c.id, is_write)
        .order_by(_CHANGE.c.stamp.desc())
        .limit(WRITES_READ_MAX)
        .lateral("newest")
    )
    columns = (wanted.c.id, newest.c.version, newest.c.device, newest.c.old, newest.c.kind, _RECEIPT.c.n)
    caused = _RECEIPT.c.transaction_id == newest.c.transaction_id
    found = select(*columns).select_from(wanted.join(newest, true()).outerjoin(_RECEIPT, caused))
    return found.order_by(wanted.c.id, newest.c.version.desc(), newest.c.seq.desc())


_WRITES = compile_statement(_writes())
