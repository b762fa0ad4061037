"""Step 2: look up and lock everything a wave needs before anything is computed.

Each kind of lock is its own statement and the order is fixed for the whole product (DESIGN 6): records to be written in
id order, then references. Ids begin with the object's key prefix, so going through the objects by prefix and through
ids by value is id order overall, and two waves that meet wait instead of deadlocking.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from fieldsync.protocol.upload import Operation
from fieldsync.server.org.runtime import Org
from fieldsync.server.postgres.work import Question
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.save.access.share import access_questions, hide
from fieldsync.server.save.batch import Edit, Facts, Predecessor, Wave, decode_row
from fieldsync.server.save.elsewhere.again import part_histories
from fieldsync.server.save.elsewhere.roots import add_roots
from fieldsync.server.save.head import Receipt
from fieldsync.server.save.logic.rollup.masters import add_masters
from fieldsync.server.save.stamp import draw_numbers, journal_rows

Wanted = dict[str, set[str]]

_CANCELED = b'"type":"Canceled"'
"""Ended by somebody: what comes after it is an edit of what is there, and waits for nothing."""
_SETTLED = (b'"type":"Saved"', b'"type":"Duplicated"', b'"type":"Discarded"', b'"type":"Linked"')
"""Outcomes that hold nothing up. A quote within a value is escaped, so no value can look like one."""


AHEAD_RECORDS_MAX = 20
"""Of so few records, what one more trip to PostgreSQL takes is felt."""


def likely_questions(org: Org, wave: Wave) -> Iterator[Question]:
    """What `prefetch` will ask for a small wave that locks nothing but the records it names."""
    small = len(wave.works) <= AHEAD_RECORDS_MAX and len(wave.edits) <= AHEAD_RECORDS_MAX
    if small and not any(_locks_more(org, edit) for edit in wave.edits):
        yield from _questions(org, wave, _edited(wave))


def _locks_more(org: Org, edit: Edit) -> bool:
    """Whether a master may have to be locked before it, or details with it."""
    above = edit.object_type.master is not None or edit.item.object in org.logic.roll_ups.by_child
    return above or edit.item.operation in (Operation.DELETE, Operation.UNDELETE)


async def prefetch(org: Org, database: Database, wave: Wave) -> None:
    """Fill the wave's facts, with nothing in them that the caller may not read. Raises ForkedAt."""
    wanted = await _to_lock(org, database, wave)
    database.ahead(*_questions(org, wave, wanted))
    await _lock(org, database, wave, wanted)
    part_histories(wave)
    await share_references(org, database, wave)
    await hide(org, database, wave)
    await _look_up_taken(org, database, wave)
    await _look_up_device(org, database, wave, wave.facts)
    await draw_numbers(org, database, wave, journal_rows(wave))


def _questions(org: Org, wave: Wave, wanted: Wanted) -> Iterator[Question]:
    """What will be asked for this wave if its transactions are what they look like, in the order of asking.

    No auto-numbers: what is refused leaves no gap.
    """
    yield from _locks(org, wave, wanted)
    references = _referred_to(wave)
    yield from ((org.save.share(name), {"ids": sorted(references[name])}) for name in _by_prefix(org, references))
    yield from access_questions(org, wave)
    yield from ((org.save.taken(*place), {"values": sorted(values)}) for place, values in _unique_values(wave).items())
    if wave.caller.number is not None:
        yield org.save.blocked, {"device": wave.caller.number, "ids": sorted(_touched(wave))}
    yield org.save.server_ids, {"count": journal_rows(wave)}


async def lock_records(org: Org, database: Database, wave: Wave) -> None:
    """Lock the rows to be written and every master they are summed up by, and give each edit its row."""
    await _lock(org, database, wave, await _to_lock(org, database, wave))


async def _to_lock(org: Org, database: Database, wave: Wave) -> Wanted:
    wanted = _edited(wave)
    await add_masters(org, database, wave, wanted)
    await add_roots(org, database, wave, wanted)
    return wanted


def _edited(wave: Wave) -> Wanted:
    wanted: Wanted = defaultdict(set)
    for edit in wave.edits:
        wanted[edit.item.object].add(edit.item.id)
    return wanted


async def _lock(org: Org, database: Database, wave: Wave, wanted: Wanted) -> None:
    for statement, given in _locks(org, wave, wanted):
        for (text,) in await database.rows(statement, **given):
            row = decode_row(text)
            wave.facts.rows[row["Id"]] = row
    for edit in wave.edits:
        edit.current = wave.facts.rows.get(edit.item.id)
    await read_masters(org, database, wave)


def _locks(org: Org, wave: Wave, wanted: Wanted) -> Iterator[Question]:
    going = (Operation.DELETE, Operation.UNDELETE)
    to_delete = {edit.item.object for edit in wave.edits if edit.item.operation in going}
    for name in _by_prefix(org, wanted):
        statement = org.save.lock_to_delete(name) if name in to_delete else org.save.lock(name)
        yield statement, {"ids": sorted(wanted[name])}


async def lock_masters(org: Org, database: Database, wave: Wave) -> None:
    """Lock the masters of edits that nobody sent, and give them to the facts. Out of the one order, as nobody could
    know of them before: two waves that meet here may have to be tried again."""
    for edit in wave.edits:
        row = edit.current or edit.new
        if row is not None:
            wave.facts.rows.setdefault(edit.item.id, row)
    wanted: dict[str, set[str]] = defaultdict(set)
    await add_masters(org, database, wave, wanted)
    for name in _by_prefix(org, wanted):
        missing = sorted(wanted[name] - wave.facts.rows.keys())
        for (text,) in await database.rows(org.save.lock(name), ids=missing) if missing else ():
            row = decode_row(text)
            wave.facts.rows[row["Id"]] = row
    await read_masters(org, database, wave)


async def read_masters(org: Org, database: Database, wave: Wave) -> None:
    """Masters between a record and its family's root, whose own master says which root that is."""
    wanted: dict[str, set[str]] = defaultdict(set)
    for edit in wave.edits:
        master, family = edit.object_type.master, org.catalog.family_of(edit.item.object)
        if family is None or master is None or master.references in (None, family.root):
            continue
        change = edit.item.changes.get(master.name)
        value = change.new if change is not None else (edit.current or {}).get(master.name)
        if isinstance(value, str) and value not in wave.facts.rows:
            wanted[master.references or ""].add(value)
    for name in _by_prefix(org, wanted):
        for (text,) in await database.rows(org.save.lock(name), ids=sorted(wanted[name])):
            row = decode_row(text)
            wave.facts.rows[row["Id"]] = row


async def share_references(org: Org, database: Database, wave: Wave) -> None:
    """Lock what the edits refer to, so that it stays."""
    wanted = _referred_to(wave)
    for name in _by_prefix(org, wanted):
        for found, deleted in await database.rows(org.save.share(name), ids=sorted(wanted[name])):
            wave.facts.references[found] = deleted


def _referred_to(wave: Wave) -> Wanted:
    wanted: Wanted = defaultdict(set)
    for edit in wave.edits:
        for target, value in edit.references:
            wanted[target].add(value)
        if edit.recreates and edit.object_type.master is not None and edit.current is not None:
            wanted[edit.object_type.master.references or ""].add(edit.current[edit.object_type.master.name])
        if edit.item.operation is Operation.CREATE and "OwnerId" not in edit.item.changes:
            wanted["User"].add(wave.caller.user_id)
    return wanted


async def _look_up_taken(org: Org, database: Database, wave: Wave) -> None:
    for (name, column), values in _unique_values(wave).items():
        for value, holder in await database.rows(org.save.taken(name, column), values=sorted(values)):
            wave.facts.taken[name, column, value] = holder


def _unique_values(wave: Wave) -> dict[tuple[str, str], set[str]]:
    wanted: dict[tuple[str, str], set[str]] = defaultdict(set)
    for edit in wave.edits:
        for column, change in edit.item.changes.items():
            field = edit.object_type.column_fields.get(column)
            if field is not None and field.unique and change.new is not None:
                wanted[edit.item.object, column].add(str(change.new))
    return wanted


async def _look_up_device(org: Org, database: Database, wave: Wave, facts: Facts) -> None:
    """What this device's earlier transactions left: records held back, and saves that items name in `after`."""
    number = wave.caller.number
    if number is None:
        return
    rows = await database.rows(org.save.blocked, device=number, ids=sorted(_touched(wave)))
    facts.blocked.update(rows)
    named = {e.item.after for e in wave.edits if e.item.after is not None} - facts.predecessors.keys()
    if named:
        found = await database.rows(org.save.receipts, device=number, ns=sorted(named), transactions=[])
        for receipt in (one for one in (Receipt(*row) for row in found) if _CANCELED not in one.result):
            settled = any(mark in receipt.result for mark in _SETTLED)
            facts.predecessors[receipt.n] = Predecessor(settled, receipt.stamp)


def _touched(wave: Wave) -> set[str]:
    return {e.item.id for e in wave.edits} | {value for e in wave.edits for _, value in e.references}


def _by_prefix(org: Org, names: Iterable[str]) -> list[str]:
    return sorted((n for n in names if n in org.catalog), key=lambda n: org.catalog[n].prefix)
