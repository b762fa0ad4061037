"""Sending again what was refused, as it stands on the device now: the failed entry and all that builds on it become one
new save, on the server's present version (DESIGN 10, "Fix and resend").

What a person corrected meanwhile is in the rows, so it goes along; fields and objects that are no more stay behind
(FEATURES F07). The old entries are kept with the undone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from fieldsync.base.problems import Code, Refused, problem
from fieldsync.device.edit.check import checked, complete
from fieldsync.device.edit.numbers import Numbers
from fieldsync.device.edit.preview import Author, defaults_of
from fieldsync.device.edit.save import Saved, save
from fieldsync.device.edit.session import Act
from fieldsync.device.edit.undo import undo, undone_with
from fieldsync.device.merge.base import BaseState, bases_of_records
from fieldsync.device.queue import journal
from fieldsync.device.store.objects import ObjectTables
from fieldsync.device.store.records import read_row, remove_rows, write_row
from fieldsync.device.store.work import Work, listed
from fieldsync.protocol.upload import Item, Operation


def resend(work: Work, tables: ObjectTables, n: int, *, author: Author, numbers: Numbers, per_part: int) -> Saved:
    """Put one new save in the place of a refused one and those that build on it.

    Raises Refused, and then the caller's transaction must not commit: NOT_FOUND, LOCKED (an entry of these records is
    not decided yet), and what a save raises.
    """
    taken = undone_with(work, n)
    items = _items(work, taken)
    acts = [act for name, record_id in items for act in _act(work, tables, items[name, record_id])]
    journal.note_sent(work, taken)
    undo(work, tables, n, numbers.now())
    still = (journal.Touch.CHANGES, journal.Touch.CREATES)
    if any(journal.touched_after(work, [act.id for act in acts], kind, 0) for kind in still):
        raise Refused(problem(Code.LOCKED, object="failed save", id=str(n)))
    _as_on_the_server(work, tables, acts)
    return save(work, tables, acts, author=author, numbers=numbers, per_part=per_part)


def _items(work: Work, taken: Iterable[int]) -> dict[tuple[str, str], list[Item]]:
    """What the entries did to each record, in order."""
    found: dict[tuple[str, str], list[Item]] = {}
    sql = f"SELECT {journal.COLUMNS} FROM _queue WHERE n IN (SELECT value FROM json_each(?)) ORDER BY n"
    for row in work.rows(sql, listed(taken)):
        for item in journal.entry_of(row).decoded():
            found.setdefault((item.object, item.id), []).append(item)
    return found


def _act(work: Work, tables: ObjectTables, items: list[Item]) -> Iterator[Act]:
    """What the record's row says now of all that these items touched."""
    first = items[0]
    if first.object not in tables:
        return
    table, base = tables[first.object], bases_of_records(work, [first.id]).get(first.id)
    there = base is not None and base.state is BaseState.ROW
    made = first.operation is Operation.CREATE and not there
    row = read_row(work, table, first.id)
    if row is None:
        if not made:
            yield Act(first.object, first.id, Operation.DELETE, {})
        return
    touched = {column: None for item in items for column in item.changes if column in table.type.writable}
    values = {column: row.values[column] for column in touched if not made or row.values[column] is not None}
    values = checked(table.type, first.id, values)
    if made:
        complete(table.type, first.id, defaults_of(table.type) | values)
    if made or values:
        yield Act(first.object, first.id, Operation.CREATE if made else Operation.UPDATE, values)


def _as_on_the_server(work: Work, tables: ObjectTables, acts: Iterable[Act]) -> None:
    """The records' rows as their base images, although a page may be open: the save makes them what they were."""
    chosen = {act.id: tables[act.object] for act in acts}
    for base in bases_of_records(work, chosen).values():
        table = chosen[base.ref.id]
        if base.state is BaseState.ROW:
            write_row(work, table, base.values, base.stamp)
        else:
            remove_rows(work, table, [base.ref.id])
