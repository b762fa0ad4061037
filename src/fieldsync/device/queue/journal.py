"""The queue's table: entries, which records each touches, and what waits for what.

`_touch` answers the questions that order and folding ask: who touched, made or referred to a record, and when.
Nothing here opens a transaction; callers do, so that an entry and its edit are written together.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from enum import IntEnum
from typing import Any

from fieldsync.base.ids import RecordId
from fieldsync.device.queue.entry import Entry, decoded, encode_outcome, hash_of_parts, raw_parts
from fieldsync.device.queue.fold import references_of
from fieldsync.device.queue.states import REFUSED, UNDECIDED, State
from fieldsync.device.store.objects import ObjectTables
from fieldsync.device.store.work import Work, listed
from fieldsync.protocol.upload import Held, Item, Operation

COLUMNS = "n, id, state, root, saved_at, hash, items, item_count, sealed"
_REFUSED = ", ".join(f"'{s}'" for s in REFUSED)
_UNDECIDED = ", ".join(f"'{s}'" for s in UNDECIDED)


class Touch(IntEnum):
    """What an entry has to do with a record."""

    CHANGES = 0
    CREATES = 1
    REFERS = 2


def entry_of(row: Sequence[Any]) -> Entry:
    """A row of `COLUMNS` as an entry."""
    n, transaction_id, state, root, saved_at, content, items, count, sealed = row
    return Entry(n, transaction_id, State(state), root, saved_at, content, items, count, bool(sealed))


def add(work: Work, tables: ObjectTables, entry: Entry, items: Sequence[Item], waits: Iterable[int]) -> None:
    """Write a new entry. `waits`: refused entries it builds on."""
    lead = next((i for i in items if i.id == entry.root), items[0])
    outcome = encode_outcome(Held(tuple(waits))) if entry.state is State.HELD else None
    work.run(
        "INSERT INTO _queue (n, id, state, object, record_id, root, saved_at, anchor, hash, item_count, items, outcome)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        *(entry.n, entry.id, entry.state.value, lead.object, lead.id, entry.root, entry.saved_at),
        *(anchor_of(entry.n, items), entry.hash, entry.item_count, entry.items, outcome),
    )
    touch(work, tables, entry.n, items)


def rewrite(work: Work, tables: ObjectTables, entry: Entry, items: Sequence[Item], per_part: int) -> None:
    """Give an entry that was never sent other items."""
    assert not entry.sealed, "a sent entry never changes"
    raw = raw_parts(items, per_part)
    work.run(
        "UPDATE _queue SET items = ?, hash = ?, item_count = ?, anchor = ? WHERE n = ? AND sealed = 0",
        *(raw, hash_of_parts(raw), len(items), anchor_of(entry.n, items), entry.n),
    )
    work.run("DELETE FROM _touch WHERE n = ?", entry.n)
    touch(work, tables, entry.n, items)


def remove(work: Work, numbers: Iterable[int]) -> None:
    """Take entries out of the queue: decided, cancelled out, or undone."""
    chosen = listed(numbers)
    work.run("DELETE FROM _touch WHERE n IN (SELECT value FROM json_each(?))", chosen)
    work.run("DELETE FROM _queue WHERE n IN (SELECT value FROM json_each(?))", chosen)


def cancel_out(work: Work, n: int, now: str) -> None:
    """An entry that was never sent came to nothing, because the person took back what it did; a copy is kept (L1)."""
    work.run(
        "INSERT INTO _undone (n, id, at, told, items, outcome)"
        " SELECT n, id, ?, 1, items, outcome FROM _queue WHERE n = ? AND sealed = 0",
        *(now, n),
    )
    remove(work, [n])


def undone_on(work: Work, record_id: RecordId) -> Iterator[Item]:
    """What saves did to a record that were taken back, or did not become the record's."""
    for (raw,) in work.rows("SELECT items FROM _undone WHERE instr(items, CAST(? AS BLOB)) > 0", record_id):
        yield from (item for item in decoded(raw) if item.id == record_id)


def note_sent(work: Work, numbers: Iterable[int]) -> None:
    """Keep which records those of these entries make that the server knows: it refused them or waits. Sent anew, they
    are the same records, whatever an older image of this device makes of it (ADR 4)."""
    work.run(
        f"INSERT OR IGNORE INTO _sent SELECT t.id FROM _touch t JOIN _queue q ON q.n = t.n WHERE q.sealed = 1"
        f" AND t.kind = {Touch.CREATES.value} AND t.n IN (SELECT value FROM json_each(?))",
        listed(numbers),
    )


def sent_before(work: Work) -> set[str]:
    """Records that were sent, refused, and put into another entry."""
    return {record_id for (record_id,) in work.rows("SELECT id FROM _sent")}


def anchor_of(n: int, items: Iterable[Item]) -> int:
    """The lowest number whose receipt the server still needs for this entry: its own, or that of a predecessor."""
    return min((i.after for i in items if i.after is not None), default=n)


def touch(work: Work, tables: ObjectTables, n: int, items: Iterable[Item]) -> None:
    """Note what an entry has to do with which records."""
    work.many("INSERT OR IGNORE INTO _touch VALUES (?, ?, ?)", _touch_rows(tables, n, items))


def _touch_rows(tables: ObjectTables, n: int, items: Iterable[Item]) -> Iterator[tuple[str, int, int]]:
    for item in items:
        kind = Touch.CREATES if item.operation is Operation.CREATE else Touch.CHANGES
        yield item.id, kind.value, n
        references = tables[item.object].references if item.object in tables else frozenset[str]()
        for target in references_of(item, references):
            yield target, Touch.REFERS.value, n


def records_of(work: Work, numbers: Iterable[int]) -> set[str]:
    """The records these entries change."""
    sql = f"SELECT id FROM _touch WHERE kind < {Touch.REFERS.value} AND n IN (SELECT value FROM json_each(?))"
    return {record_id for (record_id,) in work.rows(sql, listed(numbers))}


def last_of_root(work: Work, root: RecordId) -> Entry | None:
    """The newest entry of a family."""
    row = work.one(f"SELECT {COLUMNS} FROM _queue WHERE root = ? ORDER BY n DESC LIMIT 1", root)
    return None if row is None else entry_of(row)


def last_on_record(work: Work, record_id: RecordId) -> int | None:
    """The newest entry that changes a record; what `after` names."""
    found: int | None = work.value(f"SELECT max(n) FROM _touch WHERE id = ? AND kind < {Touch.REFERS.value}", record_id)
    return found


def root_of_entry(work: Work, record_id: RecordId) -> RecordId | None:
    """The family that the newest entry which changes this record is about."""
    n = last_on_record(work, record_id)
    found: RecordId | None = None if n is None else work.value("SELECT root FROM _queue WHERE n = ?", n)
    return found


def touched_after(work: Work, ids: Iterable[str], kind: Touch, n: int) -> bool:
    """Whether an entry behind `n` has this to do with one of these records."""
    found = work.one(
        "SELECT 1 FROM json_each(?) j JOIN _touch t ON t.id = j.value AND t.kind = ? AND t.n > ? LIMIT 1",
        *(listed(ids), kind.value, n),
    )
    return found is not None


def touched_of(work: Work, ids: Iterable[str]) -> set[str]:
    """Those of these records that an entry which is still here changes or makes."""
    rows = work.rows(
        f"SELECT DISTINCT id FROM _touch WHERE kind < {Touch.REFERS.value} AND id IN (SELECT value FROM json_each(?))",
        listed(ids),
    )
    return {record_id for (record_id,) in rows}


def blockers(work: Work, changes: Iterable[str], refers: Iterable[str], before: int) -> tuple[int, ...]:
    """Refused or waiting entries before `before` that changed these records, or made what is referred to (law L7)."""
    rows = work.rows(
        "SELECT DISTINCT t.n FROM _touch t JOIN _queue q ON q.n = t.n"
        f" WHERE q.state IN ({_REFUSED}) AND t.n < ? AND"
        f" ((t.kind < {Touch.REFERS.value} AND t.id IN (SELECT value FROM json_each(?)))"
        f" OR (t.kind = {Touch.CREATES.value} AND t.id IN (SELECT value FROM json_each(?)))) ORDER BY t.n",
        *(before, listed(changes), listed(refers)),
    )
    return tuple(n for (n,) in rows)


def dependents(work: Work, n: int) -> list[int]:
    """Entries behind `n` that change a record it changes, or refer to one it makes."""
    rows = work.rows(
        "SELECT DISTINCT later.n FROM _touch own JOIN _touch later ON later.id = own.id AND later.n > own.n"
        f" WHERE own.n = ? AND own.kind < {Touch.REFERS.value}"
        f" AND (later.kind < {Touch.REFERS.value} OR own.kind = {Touch.CREATES.value}) ORDER BY later.n",
        n,
    )
    return [found for (found,) in rows]


def confirmed_through(work: Work, next_n: int) -> int:
    """The highest number up to which every outcome is stored and no receipt is needed any more."""
    lowest: int | None = work.value(
        f"SELECT min(anchor) FROM _queue WHERE state IN ({_UNDECIDED}) OR (state = 'held' AND sealed = 0)"
    )
    return (next_n if lowest is None else lowest) - 1
