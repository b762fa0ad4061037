"""What pages and callers read: records by id or in lists, the queue and error list, marks.

Every read is one snapshot on a connection of its own, so nothing here waits for a sync, or makes one wait.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

import msgspec

from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Code, Refused, problem
from fieldsync.base.world import instant
from fieldsync.device.queue.entry import QueueEntry, content_of, decode_outcome, problems_of, waiting_for
from fieldsync.device.queue.journal import Touch
from fieldsync.device.queue.states import REFUSED, UNDECIDED, State
from fieldsync.device.record import Mark, Record
from fieldsync.device.store.objects import ObjectTable, ObjectTables, quoted
from fieldsync.device.store.records import read_row, stored_of
from fieldsync.device.store.work import Work, listed
from fieldsync.schema.fields import FieldValue
from fieldsync.soql.sqlite.letters import sorting

CONFLICTS = frozenset({Code.CONFLICT_OLD_VALUE, Code.ENTITY_DELETED, Code.DELETE_DENIED})
_COLUMNS = "n, id, state, object, record_id, saved_at, attempts, next_attempt_ms, item_count, outcome"


def table_of(tables: ObjectTables, name: str) -> ObjectTable:
    """The table of an object. Raises Refused(UNKNOWN_OBJECT)."""
    if name not in tables:
        raise Refused(problem(Code.UNKNOWN_OBJECT, object=name))
    return tables[name]


def get(work: Work, tables: ObjectTables, name: str, record_id: str) -> Record | None:
    """The record, or None."""
    stored = read_row(work, table_of(tables, name), record_id)
    if stored is None:
        return None
    found = RecordId(record_id)
    return Record(name, found, stored.values, stored.stamp, marks(work, [found])[found])


def find(
    work: Work,
    tables: ObjectTables,
    name: str,
    *,
    where: Mapping[str, FieldValue],
    search: str | None,
    order: tuple[str, bool],
    window: tuple[int, int],
) -> list[Record]:
    """Records with these values and `search` in the name; `order` is (column, descending), `window` (limit, offset)."""
    table = table_of(tables, name)
    condition, values = _condition(table, where, search)
    column, descending = order
    _require(table, column)
    direction = "DESC" if descending else "ASC"
    ordered = f"ORDER BY {table.order(column, direction)}"
    window_of = f"SELECT rowid FROM {table.name} {condition} {ordered} LIMIT ? OFFSET ?"  # passes over the index alone
    sql = f"{table.select} WHERE rowid IN ({window_of}) {ordered}"
    rows = [stored_of(table, row) for row in work.rows(sql, *values, *window)]
    ids = [RecordId(str(row.values["Id"])) for row in rows]
    known = marks(work, ids)
    return [Record(name, i, row.values, row.stamp, known[i]) for i, row in zip(ids, rows, strict=True)]


def count(work: Work, tables: ObjectTables, name: str, where: Mapping[str, FieldValue]) -> int:
    """How many records have these values."""
    table = table_of(tables, name)
    condition, values = _condition(table, where, None)
    found: int = work.value(f"SELECT count(*) FROM {table.name} {condition}", *values)
    return found


def _condition(table: ObjectTable, where: Mapping[str, FieldValue], search: str | None) -> tuple[str, list[object]]:
    parts: list[str] = []
    values: list[object] = []
    for column, value in where.items():
        _require(table, column)
        parts.append(f"{quoted(column)} IS ?")
        values.append(value)
    if search:
        folded = table.sorts_folded("Name")
        parts.append(f"{table.key('Name') if folded else 'Name'} LIKE ? ESCAPE '\\'")
        search = sorting(search, table.language) if folded else search
        escaped = search.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        values.append(f"%{escaped}%")
    return ("WHERE " + " AND ".join(parts) if parts else "", values)


def _require(table: ObjectTable, column: str) -> None:
    if column not in table.columns:
        raise Refused(problem(Code.UNKNOWN_FIELD, object=table.type.name, field=column))


def marks(work: Work, ids: Sequence[RecordId]) -> dict[RecordId, Mark]:
    """How these records stand to the server; the worst of their entries decides."""
    found = dict.fromkeys(ids, Mark.CLEAN)
    rows = work.rows(
        "SELECT t.id, q.state, q.outcome FROM _touch t JOIN _queue q ON q.n = t.n"
        " WHERE t.kind < ? AND t.id IN (SELECT value FROM json_each(?))",
        Touch.REFERS.value,
        listed(ids),
    )
    for record_id, state, outcome in rows:
        found[record_id] = max(found[record_id], _mark(State(state), outcome), key=_WORSE.index)
    return found


_WORSE = (Mark.CLEAN, Mark.PENDING, Mark.ERROR, Mark.CONFLICT)


def _mark(state: State, outcome: bytes | None) -> Mark:
    if state not in REFUSED:
        return Mark.PENDING
    codes = {p.code for p in problems_of(decode_outcome(outcome))}
    return Mark.CONFLICT if codes & CONFLICTS else Mark.ERROR


def entries(work: Work, tables: ObjectTables | None, states: Iterable[State]) -> list[QueueEntry]:
    """Entries in these states, in queue order."""
    chosen = listed(s.value for s in states)
    rows = work.rows(
        f"SELECT {_COLUMNS} FROM _queue WHERE state IN (SELECT value FROM json_each(?)) ORDER BY n", chosen
    )
    records = _records(work, [row[0] for row in rows])
    return [_entry(work, tables, row, records.get(row[0], ())) for row in rows]


def queued(work: Work, tables: ObjectTables | None) -> list[QueueEntry]:
    """What waits for the server's decision."""
    return entries(work, tables, UNDECIDED)


def refused(work: Work, tables: ObjectTables | None) -> list[QueueEntry]:
    """The error list: what was refused, and what waits behind it, with its content."""
    found = entries(work, tables, REFUSED)
    numbers = listed(entry.n for entry in found)
    items = dict(work.rows("SELECT n, items FROM _queue WHERE n IN (SELECT value FROM json_each(?))", numbers))
    return [msgspec.structs.replace(entry, content=content_of(items[entry.n])) for entry in found]


def _records(work: Work, numbers: Sequence[int]) -> dict[int, tuple[RecordId, ...]]:
    found: dict[int, list[RecordId]] = {}
    sql = "SELECT n, id FROM _touch WHERE kind < ? AND n IN (SELECT value FROM json_each(?)) ORDER BY n, id"
    for n, record_id in work.rows(sql, Touch.REFERS.value, listed(numbers)):
        found.setdefault(n, []).append(record_id)
    return {n: tuple(ids) for n, ids in found.items()}


def _entry(
    work: Work, tables: ObjectTables | None, row: tuple[object, ...], records: tuple[RecordId, ...]
) -> QueueEntry:
    n, transaction_id, state, name, record_id, saved_at, attempts, next_ms, items, raw = row
    outcome = decode_outcome(raw)  # type: ignore[arg-type]
    return QueueEntry(
        n=n,  # type: ignore[arg-type]
        id=transaction_id,  # type: ignore[arg-type]
        state=State(str(state)),
        object=str(name),
        record_id=RecordId(str(record_id)),
        name=name_of(work, tables, str(name), str(record_id)),
        saved_at=str(saved_at),
        attempts=attempts,  # type: ignore[arg-type]
        next_attempt_at=instant(datetime.fromtimestamp(next_ms / 1000, UTC)) if next_ms else None,  # type: ignore[operator]
        items=items,  # type: ignore[arg-type]
        problems=problems_of(outcome),
        waiting_for=waiting_for(outcome),
        records=records or (RecordId(str(record_id)),),
    )


def name_of(work: Work, tables: ObjectTables | None, name: str, record_id: str) -> str | None:
    """The name of a record that is here."""
    if tables is None or name not in tables:
        return None
    found: str | None = work.value(f"SELECT Name FROM {tables[name].name} WHERE Id = ?", record_id)
    return found


def undone(work: Work) -> list[int]:
    """Queue numbers of entries the person took back."""
    return [n for (n,) in work.rows("SELECT n FROM _undone ORDER BY number")]
