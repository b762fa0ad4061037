"""Carrying out one save: base images, rows and queue entries in one transaction. This file lists the order.

The transaction belongs to the caller; until it commits nothing of this happened.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from fieldsync.base.faults import reach
from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Refused
from fieldsync.device.edit.desk import Desk, Touched
from fieldsync.device.edit.numbers import Numbers
from fieldsync.device.edit.plan import Bundle, bundles
from fieldsync.device.edit.preview import Author, Row
from fieldsync.device.edit.session import Act
from fieldsync.device.logic.rules import RulesHere
from fieldsync.device.merge.base import base_of, keep_first
from fieldsync.device.merge.free import free_families
from fieldsync.device.queue import journal
from fieldsync.device.queue.entry import Entry, hash_of_parts, raw_parts
from fieldsync.device.queue.fold import fold_all, references_of
from fieldsync.device.queue.journal import Touch
from fieldsync.device.queue.states import Event, State, after
from fieldsync.device.store.objects import ObjectTables
from fieldsync.device.store.records import read_row, remove_rows, write_row
from fieldsync.device.store.work import Work
from fieldsync.protocol.rows import RecordRef
from fieldsync.protocol.upload import Item, Operation
from fieldsync.schema.family import signing


@dataclass(frozen=True)
class Saved:
    """Queue numbers that carry the save, and the records whose rows changed."""

    numbers: tuple[int, ...]
    refs: tuple[RecordRef, ...]


def save(
    work: Work,
    tables: ObjectTables,
    acts: Sequence[Act],
    *,
    author: Author,
    numbers: Numbers,
    per_part: int,
    rules: RulesHere | None = None,
) -> Saved:
    """Write one save. `rules`: those that are asked before. Raises Refused, and then the caller's transaction must not
    commit."""
    desk = Desk(work, tables, author)
    for act in acts:
        desk.act(act)
    desk.keep_signed()
    touched = list(desk.records.values())
    if rules is not None:
        _ask(rules, desk, touched)
    reach("save.before_base")
    for one in touched:
        keep_first(work, base_of(one.ref, one.root, one.before))
    reach("save.before_rows")
    _write_rows(work, tables, touched)
    reach("save.before_queue")
    swept = frozenset(t.ref.id for t in touched if t.row is None)
    queued = [_queue(work, tables, numbers, b, swept=swept, per_part=per_part) for b in _bundles(tables, touched)]
    numbers.keep(work)
    roots = {t.root for t in touched}
    freed = free_families(work, tables, roots)
    reach("save.before_commit")
    refs = dict.fromkeys((*(t.ref for t in touched), *freed))
    return Saved(tuple(n for n in queued if n is not None), tuple(refs))


def _ask(rules: RulesHere, desk: Desk, touched: Sequence[Touched]) -> None:
    """Raises Refused(VALIDATION) for the first rule that refuses a row."""

    def rows(name: str, record_id: str) -> Row | None:
        known = desk.records.get(RecordId(record_id))
        if known is not None:
            return known.row
        stored = read_row(desk.work, desk.tables[name], record_id) if name in desk.tables else None
        return None if stored is None else dict(stored.values)

    for one in touched:
        if one.row is None or one.item is None:
            continue
        new = one.before is None or one.before.stamp == 0
        reason = rules.broken(desk.tables, one.ref.object, one.row, rows, new=new)
        if reason is not None:
            raise Refused(reason)


def _write_rows(work: Work, tables: ObjectTables, touched: Sequence[Touched]) -> None:
    for one in touched:
        table = tables[one.ref.object]
        if one.row is None:
            remove_rows(work, table, [one.ref.id])
        else:
            write_row(work, table, one.row, one.before.stamp if one.before else 0)


def _bundles(tables: ObjectTables, touched: Sequence[Touched]) -> list[Bundle]:
    return bundles(
        (t.root, t.item, frozenset(references_of(t.item, tables[t.ref.object].references)))
        for t in touched
        if t.item is not None
    )


def _queue(
    work: Work, tables: ObjectTables, numbers: Numbers, bundle: Bundle, *, swept: frozenset[str], per_part: int
) -> int | None:
    """Fold a transaction into the family's last unsent entry, or add one. None when nothing is left of both.

    Never into one of an earlier opening: an older image that was put back goes on from what it has, and the server may
    know that entry by its id, as it was sent (ADR 4).
    """
    last = journal.last_of_root(work, bundle.root)
    fits = last is not None and numbers.is_of_this_opening(last.n) and not _signs_again(tables, last, bundle)
    if last is not None and fits and _may_fold(work, last, bundle):
        kept = [i for i in last.decoded() if i.id not in swept or i.id in bundle.ids]
        known = {i.id for i in kept}
        items = fold_all(kept, [i if i.id in known else _chained(work, i) for i in bundle.items])
        if not items:
            journal.cancel_out(work, last.n, numbers.now())
            return None
        journal.rewrite(work, tables, last, items, per_part)
        return last.n
    return _add(work, tables, numbers, bundle, per_part)


def _may_fold(work: Work, last: Entry, bundle: Bundle) -> bool:
    """B10: only into an entry that was never sent, and only if nothing it refers to was made behind it. A delete
    also stays behind what refers to the record."""
    if last.sealed or last.state not in (State.QUEUED, State.HELD):
        return False
    if last.state is State.QUEUED and journal.blockers(work, bundle.ids, bundle.refers, last.n):
        return False
    if journal.touched_after(work, bundle.refers, Touch.CREATES, last.n):
        return False
    deleted = [i.id for i in bundle.items if i.operation is Operation.DELETE]
    return not (deleted and journal.touched_after(work, deleted, Touch.REFERS, last.n))


def _signs_again(tables: ObjectTables, last: Entry, bundle: Bundle) -> bool:
    """Whether both are about the same signature: given and taken back, or taken back and given. Each is told, so that
    the server sees what was signed, and that it was taken back before anything changed (FEATURES L02)."""
    names = {item.object: signing.signatures(tables[item.object].type) for item in bundle.items}
    told = {(item.id, name) for item in bundle.items for name in names[item.object] if name in item.changes}
    return bool(told) and any((item.id, name) in told for item in last.decoded() for name in item.changes)


def _add(work: Work, tables: ObjectTables, numbers: Numbers, bundle: Bundle, per_part: int) -> int:
    n = numbers.next_n()
    items = [_chained(work, item) for item in bundle.items]
    raw = raw_parts(items, per_part)
    waits = journal.blockers(work, bundle.ids, bundle.refers, n)
    state = after(State.GATHERING, Event.CLOSED)
    entry = Entry(
        n=n,
        id=numbers.transaction_id(),
        state=after(state, Event.BLOCKED) if waits else state,
        root=bundle.root,
        saved_at=numbers.now(),
        hash=hash_of_parts(raw),
        items=raw,
        item_count=len(items),
    )
    journal.add(work, tables, entry, items, waits)
    return n


def _chained(work: Work, item: Item) -> Item:
    """The item with the number of this device's last unacknowledged save on the record."""
    if item.operation is Operation.CREATE:
        return item
    last = journal.last_on_record(work, item.id)
    return item if last is None else _with_after(item, last)


def _with_after(item: Item, last: int) -> Item:
    return msgspec.structs.replace(item, after=last)
