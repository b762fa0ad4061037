"""Running triggers over a wave, and turning what they ask for into edits. See `trigger.py`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from fieldsync.base import ids
from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Code, problem
from fieldsync.protocol.upload import Change, Item, Operation
from fieldsync.server.org.runtime import Org
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.save.batch import Edit, Row, Wave, Work, decode_row
from fieldsync.server.save.logic.late import Late
from fieldsync.server.save.logic.trigger import Batch, Trigger, TriggerRecord, When, value_for
from fieldsync.server.save.stamp import compose_name
from fieldsync.server.save.write import Derived, Written

Group = list[tuple[Sequence[Work], Edit]]
"""Edits with the transactions they follow from."""


async def before(org: Org, database: Database, wave: Wave) -> None:
    """Step 5. What triggers refuse becomes the transaction's outcome. Raises Late when one fails."""
    pairs = (([work], edit) for work in wave.works if work.open for edit in work.edits if edit.writes)
    for (name, operation), group in _grouped(org, pairs).items():
        for trigger in org.logic.triggers.of(name, When.BEFORE, operation):
            batch = _batch(org, database, wave, group, may_change=operation is not Operation.DELETE)
            await _run(trigger, batch, group)
            for ([work], edit), record in zip(group, batch.records, strict=True):
                if record.problems:
                    work.reject(*record.problems)
                elif edit.new is not None:
                    compose_name(edit.object_type, edit.new, edit.changed)


async def after(org: Org, database: Database, wave: Wave, written: Iterable[Written]) -> list[Derived]:
    """Step 10: edits of other records that triggers ask for. Raises Late for what they refuse, and when one fails."""
    pairs = (
        (entry.causes or (entry.work,), _as_edit(org, entry))
        for entry in written
        if entry.ref.object in org.logic.triggers
    )
    derived: dict[str, Derived] = {}
    for (name, operation), group in _grouped(org, pairs).items():
        for trigger in org.logic.triggers.of(name, When.AFTER, operation):
            batch = _batch(org, database, wave, group, may_change=False)
            await _run(trigger, batch, group)
            refused = [
                (list(works), tuple(r.problems))
                for (works, _), r in zip(group, batch.records, strict=True)
                if r.problems
            ]
            if refused:
                raise Late(refused)
            owners = {id(record): works for (works, _), record in zip(group, batch.records, strict=True)}
            try:
                await take_updates(org, database, batch, owners, derived)
                await take_creates(org, database, wave, batch, owners, derived)
            except ValueError as wrong:
                raise _failed(trigger, group, str(wrong)) from wrong
    return list(derived.values())


OPERATIONS = {
    "created": Operation.CREATE,
    "updated": Operation.UPDATE,
    "deleted": Operation.DELETE,
    "undeleted": Operation.UNDELETE,
}


def _as_edit(org: Org, entry: Written) -> Edit:
    item = Item(entry.ref.object, entry.ref.id, OPERATIONS[entry.kind])
    return Edit(item, org.catalog[entry.ref.object], current=entry.before, new=entry.after)


def _grouped(org: Org, pairs: Iterable[tuple[Sequence[Work], Edit]]) -> dict[tuple[str, Operation], Group]:
    found: dict[tuple[str, Operation], Group] = defaultdict(list)
    for works, edit in pairs:
        if edit.item.object in org.logic.triggers and edit.new is not None:
            found[edit.item.object, edit.item.operation].append((works, edit))
    return found


async def referring(org: Org, database: Database, object_name: str, reference: str, values: Iterable[str]) -> list[Row]:
    """Present rows whose reference is among these values, locked. Raises ValueError for what is no reference."""
    field = org.catalog[object_name].column_fields.get(reference) if object_name in org.catalog else None
    if field is None or field.references is None:
        raise ValueError(f"{object_name}.{reference} is no reference")
    statement = org.save.children(object_name, reference)
    wanted = sorted({value for value in values if value})
    return [decode_row(text) for (text,) in await database.rows(statement, ids=wanted, deleted=False)]


def _batch(org: Org, database: Database, wave: Wave, group: Group, *, may_change: bool) -> Batch:
    async def find(object_name: str, reference: str, values: Iterable[str]) -> list[Row]:
        return await referring(org, database, object_name, reference, values)

    _, first = group[0]
    records = [TriggerRecord(edit, may_change=may_change) for _, edit in group]
    return Batch(first.object_type, first.item.operation, records, wave.caller.user_id, wave.frame.now, find)


async def _run(trigger: Trigger, batch: Batch, group: Group) -> None:
    """A trigger that raises fails its transactions, never the batch (law L7)."""
    try:
        await trigger.run(batch)
    except (ArithmeticError, AssertionError, AttributeError, LookupError, TypeError, ValueError, RuntimeError) as wrong:
        raise _failed(trigger, group, f"{type(wrong).__name__}: {wrong}") from wrong


def _failed(trigger: Trigger, group: Group, reason: str) -> Late:
    works = list({id(work): work for causes, _ in group for work in causes}.values())
    item = group[0][1].item
    return Late(
        [(works, (problem(Code.TRIGGER, object=item.object, id=item.id, reason=reason[:300], trigger=trigger.name),))]
    )


async def take_updates(
    org: Org, database: Database, batch: Batch, owners: dict[int, Sequence[Work]], derived: dict[str, Derived]
) -> None:
    """Edits, on locked rows, for what a batch asks to change. Raises ValueError."""
    wanted: dict[str, set[str]] = defaultdict(set)
    for _, name, record_id, _values in batch.updates:
        if name not in org.catalog:
            raise ValueError(f"there is no object {name}")
        if record_id not in derived:
            wanted[name].add(record_id)
    rows: dict[str, Row] = {}
    for name in sorted(wanted, key=lambda n: org.catalog[n].prefix):
        found = await database.rows(org.save.lock(name), ids=sorted(wanted[name]))
        rows.update((row["Id"], row) for (text,) in found for row in (decode_row(text),))
    for because, name, record_id, values in batch.updates:
        if record_id not in derived:
            if record_id not in rows:
                raise ValueError(f"there is no {name} {record_id}")
            item = Item(name, record_id, Operation.UPDATE, {})
            derived[record_id] = Derived(Edit(item, org.catalog[name], rows[record_id], dict(rows[record_id])), [])
        put(derived[record_id], {c: value_for(org.catalog[name], c, v) for c, v in values.items()})
        _add(derived[record_id], owners[id(because)])


async def take_creates(
    org: Org,
    database: Database,
    wave: Wave,
    batch: Batch,
    owners: dict[int, Sequence[Work]],
    derived: dict[str, Derived],
) -> None:
    """Edits, with fresh ids, for what a batch asks to create. Raises ValueError."""
    if not batch.creates:
        return
    counters = await database.rows(org.save.server_ids, count=len(batch.creates))
    for (because, name, values), (counter,) in zip(batch.creates, counters, strict=True):
        if name not in org.catalog:
            raise ValueError(f"there is no object {name}")
        object_type = org.catalog[name]
        record_id = ids.mint(object_type.prefix, wave.frame.server_number, counter)
        changes = {c: Change(None, value_for(object_type, c, v)) for c, v in values.items()}
        edit = Edit(Item(name, RecordId(record_id), Operation.CREATE, changes), object_type)
        edit.new = dict.fromkeys(object_type.columns) | {c: x.new for c, x in changes.items()} | {"Id": record_id}
        edit.changed = set(changes)
        derived[record_id] = Derived(edit, list(owners[id(because)]))


def put(derived: Derived, values: Row) -> None:
    """Give the record of a derived edit these values too; what it has already is no change."""
    edit = derived.edit
    assert edit.new is not None
    assert edit.current is not None
    for column, value in values.items():
        if edit.new.get(column) != value:
            edit.new[column] = value
            edit.changed.add(column)
            edit.item.changes[column] = Change(edit.current.get(column), value)


def _add(derived: Derived, works: Sequence[Work]) -> None:
    derived.works.extend(work for work in works if work not in derived.works)
