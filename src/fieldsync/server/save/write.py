"""Step 9: the rows, set-based: one statement per object and operation, masters before details.

Deleting a master deletes its details with it; undeleting brings back those that went with it. Rows are marked, not
removed, so that they can come back and devices can be told.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from fieldsync.protocol.rows import RecordRef
from fieldsync.protocol.upload import Operation
from fieldsync.schema.standard import STAMP
from fieldsync.server.org.runtime import Org
from fieldsync.server.postgres.json_rows import as_rows
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.save.batch import Edit, Row, Wave, Work, decode_row, encode_rows
from fieldsync.server.save.stamp import ALWAYS_WRITTEN


@dataclass(frozen=True)
class Derived:
    """An edit that nobody sent: it follows from what these transactions wrote."""

    edit: Edit
    works: list[Work]


@dataclass(frozen=True)
class Written:
    """One row that was written: for the change log."""

    work: Work
    ref: RecordRef
    kind: str
    before: Row | None
    after: Row
    causes: tuple[Work, ...] = ()
    """Every transaction that had a part in it, where those are several; `work` is the last of them."""
    root: RecordRef | None = None
    """The root of its own family, where it does not belong to the transaction's."""


async def write(org: Org, database: Database, wave: Wave) -> list[Written]:
    """Write every decided row. What was written comes back in the order of the transactions."""
    written: list[Written] = []
    creates: dict[str, list[Edit]] = defaultdict(list)
    updates: dict[str, list[Edit]] = defaultdict(list)
    for work in wave.works:
        for edit in work.edits if work.open else ():
            if edit.new is None or not edit.writes:
                continue
            (creates if edit.item.operation is Operation.CREATE else updates)[edit.item.object].append(edit)
            kind = "undeleted" if edit.revives else _KINDS[edit.item.operation]
            written.append(Written(work, edit.ref, kind, edit.current, edit.new))
    for object_type in org.catalog:
        if object_type.name in creates:
            rows = [e.new for e in creates[object_type.name] if e.new is not None]
            database.later(org.save.insert(object_type.name), **as_rows(rows))
        if object_type.name in updates:
            _update(org, database, updates[object_type.name])
    written.extend(await _cascade(org, database, wave))
    return written


_KINDS = {
    Operation.CREATE: "created",
    Operation.UPDATE: "updated",
    Operation.DELETE: "deleted",
    Operation.UNDELETE: "undeleted",
}


def _update(org: Org, database: Database, edits: list[Edit]) -> None:
    columns = ALWAYS_WRITTEN.union(*(e.changed for e in edits))
    rows = [{name: e.new[name] for name in ("Id", *columns)} for e in edits if e.new is not None]
    database.later(org.save.update(edits[0].item.object, columns), **as_rows(rows))


Owners = dict[str, tuple[Work, Row]]
"""Of masters: the transaction that deletes or undeletes each, and its row before that."""


async def _cascade(org: Org, database: Database, wave: Wave) -> list[Written]:
    """Details of what was deleted or undeleted, level by level."""
    written: list[Written] = []
    for operation, deleted in ((Operation.DELETE, True), (Operation.UNDELETE, False)):
        level: dict[str, Owners] = defaultdict(dict)
        for work in wave.works:
            for edit in work.edits if work.open else ():
                goes = edit.item.operation is operation and edit.new is not None
                if edit.current is not None and (goes or (edit.revives and not deleted)):
                    level[edit.item.object][edit.item.id] = work, edit.current
        while level:
            below: dict[str, Owners] = defaultdict(dict)
            for master, owners in level.items():
                for entry in await _cascade_level(org, database, wave, master, owners, deleted=deleted):
                    written.append(entry)
                    below[entry.ref.object][entry.ref.id] = entry.work, entry.before or {}
            level = below
    return written


async def _cascade_level(
    org: Org, database: Database, wave: Wave, master: str, owners: Owners, *, deleted: bool
) -> list[Written]:
    written: list[Written] = []
    for detail in org.catalog:
        reference = detail.master
        if reference is None or reference.references != master:
            continue
        statement = org.save.children(detail.name, reference.name)
        found = [decode_row(t) for (t,) in await database.rows(statement, ids=sorted(owners), deleted=not deleted)]
        rows = [row for row in found if deleted or _went_with(row, owners[row[reference.name]][1])]
        if not rows:
            continue
        stamps = {"LastModifiedDate": wave.frame.now, "SystemModstamp": wave.frame.now}
        stamps |= {"LastModifiedById": wave.caller.user_id}
        new = [{"Id": r["Id"], "IsDeleted": deleted, STAMP: wave.frame.stamp_after(r["Id"], r), **stamps} for r in rows]
        update = org.save.update(detail.name, ALWAYS_WRITTEN | {"IsDeleted"})
        database.later(update, rows=encode_rows(new))
        kind = "deleted" if deleted else "undeleted"
        for row, changed in zip(rows, new, strict=True):
            work, _ = owners[row[reference.name]]
            written.append(Written(work, RecordRef(detail.name, row["Id"]), kind, row, row | changed))
    return written


def _went_with(detail: Row, master: Row) -> bool:
    """Whether a detail was deleted with its master, and not by itself before."""
    return bool(detail["LastModifiedDate"] == master["LastModifiedDate"])
