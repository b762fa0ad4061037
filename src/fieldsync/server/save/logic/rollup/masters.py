"""Roll-up summaries in a save (DESIGN 6, step 11): what details make of their masters, set-based.

Which masters a wave may change is known, and they are locked, before anything is written, in the product's one lock
order. After the write one query for each list of children gives their new summaries; the masters whose values differ
are saved like any other edit, and may change masters of their own.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from fieldsync.base import ids
from fieldsync.protocol.upload import Item, Operation
from fieldsync.schema.model import DeletedElsewhere
from fieldsync.server.org.runtime import Org
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.save.batch import Edit, Row, Wave, Work, decode_row
from fieldsync.server.save.logic.rollup.plan import Summary
from fieldsync.server.save.logic.triggered import put
from fieldsync.server.save.write import Derived, Written

Wanted = dict[str, set[str]]
Caused = dict[Summary, dict[str, list[Work]]]
"""Masters whose summary may be another now, and the transactions that may have made it so."""


async def add_masters(org: Org, database: Database, wave: Wave, wanted: Wanted) -> None:
    """Add to the records to be locked every master, and master's master, whose summaries the wave may change."""
    by_child = org.logic.roll_ups.by_child
    if not by_child:
        return
    known: Wanted = defaultdict(set)
    for edit in wave.edits:
        if edit.item.object in by_child and edit.item.operation is not Operation.CREATE:
            known[edit.item.object].add(edit.item.id)
    found = _named_by_edits(org, wave.edits)
    await _add_cascaded(org, database, wave, known)
    while known or found:
        for child, children in known.items():
            for references in await database.rows(org.logic.roll_ups.references(child), ids=sorted(children)):
                for summary, master in zip(by_child[child], references, strict=True):
                    found[summary.master].update({master} - {None})
        known = defaultdict(set)
        for name, masters in found.items():
            fresh = masters - wanted[name]
            wanted[name] |= fresh
            if name in by_child and fresh:
                known[name] = fresh
        found = defaultdict(set)


def _named_by_edits(org: Org, edits: Iterable[Edit]) -> Wanted:
    found: Wanted = defaultdict(set)
    for edit in edits:
        for summary in org.logic.roll_ups.by_child.get(edit.item.object, ()):
            change = edit.item.changes.get(summary.reference)
            if change is not None and ids.is_id(change.new):
                found[summary.master].add(change.new)
    return found


async def _add_cascaded(org: Org, database: Database, wave: Wave, known: Wanted) -> None:
    """Details that go or come back with a deleted or undeleted master may be summed up by other masters too."""
    level: Wanted = defaultdict(set)
    for edit in wave.edits:
        may_revive = edit.object_type.declared.when_deleted_elsewhere is DeletedElsewhere.RECREATE
        if may_revive or edit.item.operation in (Operation.DELETE, Operation.UNDELETE):
            level[edit.item.object].add(edit.item.id)
    while level:
        below: Wanted = defaultdict(set)
        for name, masters in level.items():
            for detail, reference in org.logic.roll_ups.cascading.get(name, ()):
                rows = await database.rows(org.logic.roll_ups.details(detail, reference), ids=sorted(masters))
                below[detail].update(found for (found,) in rows)
        for name, found in below.items():
            if name in org.logic.roll_ups.by_child:
                known[name] |= found
        level = {name: found for name, found in below.items() if found}


async def changed_masters(
    org: Org, database: Database, wave: Wave, written: Iterable[Written], news: dict[str, Row]
) -> list[Derived]:
    """An edit of every master whose summaries are not what they were, with the transactions that caused it.

    `news`: rows as this wave has written them so far, by id.
    """
    edits: dict[str, Derived] = {}
    for summary, masters in _caused(org, written, news).items():
        statement = org.logic.roll_ups.values(summary)
        for (text,) in await database.rows(statement, ids=sorted(masters)):
            values = decode_row(text)
            master_id = values.pop("Id")
            row = news.get(master_id) or wave.facts.rows.get(master_id)
            if row is None or row["IsDeleted"]:
                continue
            differing = {name: value for name, value in values.items() if row.get(name) != value}
            if differing:
                derived = edits.setdefault(master_id, _edit_of(org, summary.master, row))
                put(derived, differing)
                derived.works.extend(work for work in masters[master_id] if work not in derived.works)
    return list(edits.values())


def _caused(org: Org, written: Iterable[Written], news: dict[str, Row]) -> Caused:
    caused: Caused = defaultdict(lambda: defaultdict(list))
    for entry in written:
        for summary in org.logic.roll_ups.by_child.get(entry.ref.object, ()):
            if not summary.fields:
                continue
            new = news.get(entry.ref.id)
            if entry.before is not None and new is not None and not _differs(summary, entry.before, new):
                continue
            for row in (entry.before, new):
                master = row.get(summary.reference) if row is not None else None
                if isinstance(master, str):
                    known = caused[summary][master]
                    known.extend(work for work in entry.causes or (entry.work,) if work not in known[-1:])
    return caused


def _differs(summary: Summary, before: Row, new: Row) -> bool:
    columns = min(summary.watched, new.keys())  # a formula may read any of them
    return any(before.get(column) != new.get(column) for column in columns)


def _edit_of(org: Org, object_name: str, row: Row) -> Derived:
    item = Item(object_name, ids.RecordId(row["Id"]), Operation.UPDATE, {})
    return Derived(Edit(item, org.catalog[object_name], current=row, new=dict(row)), [])
