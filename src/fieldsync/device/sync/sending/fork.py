"""After a fork: an old image of this device was restored, and the server knows other saves under its numbers.

The device takes a new number; every record it made and never had confirmed gets a new id, references included, in one
local transaction; the entries go again as new transactions (DESIGN 5). The only id change there is. What the server
refused once and is sent anew keeps its id: the history that went on may have sent it anew too (ADR 4).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from fieldsync.base.faults import reach
from fieldsync.base.ids import RecordId, prefix_of
from fieldsync.device.edit.numbers import Numbers
from fieldsync.device.queue import journal
from fieldsync.device.queue.entry import Entry, encode_outcome, hash_of_parts, raw_parts
from fieldsync.device.queue.fold import references_of
from fieldsync.device.queue.states import Event, State, after
from fieldsync.device.store.objects import ObjectTables, quoted
from fieldsync.device.store.store import Store
from fieldsync.device.store.values import pack, unpack
from fieldsync.device.store.work import Work
from fieldsync.device.sync.account import read_settings
from fieldsync.device.sync.calls import Calls
from fieldsync.device.sync.digest.agreement import keep_agreement
from fieldsync.protocol.session import NewNumber
from fieldsync.protocol.upload import Change, Held, Item, Operation

NewIds = Mapping[str, RecordId]


def take_new_number(store: Store, calls: Calls, numbers: Numbers, fork_at: int) -> NewIds:
    """Go on under a new number. Returns old id to new. Raises Unreachable and Refused; then nothing changed."""
    number = calls.post("/sync/v1/device/number", None, NewNumber).device_number
    with store.write() as work:
        before = numbers.device
        assert before is not None, "who sends has a number"
        numbers.took_device(number)
        try:
            renamed = _rename(work, store.tables, numbers, fork_at)
            numbers.keep_fork(work, before, number, fork_at)
            reach("fork.before_commit")
        except BaseException:
            numbers.took_device(before)
            raise
    reach("fork.after_commit")
    return renamed


def _rename(work: Work, tables: ObjectTables, numbers: Numbers, fork_at: int) -> NewIds:
    entries = _unconfirmed(work, fork_at)
    same = journal.sent_before(work)  # the server knows these by their ids, and by no other
    renamed: dict[str, RecordId] = {
        item.id: numbers.mint(prefix_of(item.id))
        for entry in entries
        for item in entry.decoded()
        if item.operation is Operation.CREATE and item.id not in same
    }
    per_part = read_settings(work).items_per_transaction
    for entry in entries:
        _send_anew(work, tables, numbers, entry, renamed, per_part)
    _rename_rows(work, tables, renamed)
    _rename_kept(work, tables, renamed)
    numbers.keep(work)
    keep_agreement(work, None)  # an old image may hold anything
    return renamed


def _unconfirmed(work: Work, fork_at: int) -> list[Entry]:
    """Entries from the fork on that have no outcome, and those that wait here for one."""
    rows = work.rows(
        f"SELECT {journal.COLUMNS} FROM _queue WHERE n >= ? AND (state IN ('{State.QUEUED}', '{State.SENDING}')"
        f" OR (state = '{State.HELD}' AND sealed = 0)) ORDER BY n",
        fork_at,
    )
    return [journal.entry_of(row) for row in rows]


def _send_anew(
    work: Work, tables: ObjectTables, numbers: Numbers, entry: Entry, renamed: NewIds, per_part: int
) -> None:
    """It goes as a new transaction, or waits here for what the server refused: under the new number the server knows of
    no refusal that it gave under an earlier one (law L7)."""
    items = [_renamed_item(tables, item, renamed) for item in entry.decoded()]
    raw = raw_parts(items, per_part)
    refers = {target for item in items for target in references_of(item, _references(tables, item))}
    waits = journal.blockers(work, {item.id for item in items}, refers, entry.n)
    state = after(State.QUEUED, Event.BLOCKED) if waits else State.QUEUED
    work.run(
        "UPDATE _queue SET id = ?, state = ?, outcome = ?, sealed = 0, attempts = 0, next_attempt_ms = 0, items = ?,"
        " hash = ?, root = ?, record_id = coalesce(json_extract(?, '$.\"' || record_id || '\"'), record_id)"
        " WHERE n = ?",
        *(numbers.transaction_id(), state.value, encode_outcome(Held(waits)) if waits else None),
        *(raw, hash_of_parts(raw), renamed.get(entry.root, entry.root)),
        *(msgspec.json.encode(dict(renamed)).decode(), entry.n),
    )
    sent = Entry(entry.n, entry.id, state, entry.root, entry.saved_at, entry.hash, raw, len(items))
    journal.rewrite(work, tables, sent, items, per_part)


def _references(tables: ObjectTables, item: Item) -> frozenset[str]:
    return tables[item.object].references if item.object in tables else frozenset()


def _renamed_item(tables: ObjectTables, item: Item, renamed: NewIds) -> Item:
    columns = _references(tables, item)
    changes = {
        c: Change(_renamed(x.old, renamed), _renamed(x.new, renamed)) if c in columns else x
        for c, x in item.changes.items()
    }
    return msgspec.structs.replace(item, id=renamed.get(item.id, item.id), changes=changes)


def _renamed(value: Any, renamed: NewIds) -> Any:
    return renamed.get(value, value) if isinstance(value, str) else value


def _rename_rows(work: Work, tables: ObjectTables, renamed: NewIds) -> None:
    pairs = [(new, old) for old, new in renamed.items()]
    for table in tables:
        for column in ("Id", *sorted(table.references)):
            work.many(f"UPDATE {table.name} SET {quoted(column)} = ? WHERE {quoted(column)} = ?", pairs)


def _rename_kept(work: Work, tables: ObjectTables, renamed: NewIds) -> None:
    """Base images, open pages and drafts name records too."""
    pairs = [(new, old) for old, new in renamed.items()]
    for table, columns in (("_base", ("id", "root")), ("_lease", ("id", "root")), ("_partial", ("root",))):
        for column in columns:
            work.many(f"UPDATE {table} SET {column} = ? WHERE {column} = ?", pairs)
    for record_id, name, row in work.rows("SELECT id, object, row FROM _base WHERE row IS NOT NULL"):
        values = unpack(row)
        fresh = {c: _renamed(v, renamed) if _is_id_column(tables, name, c) else v for c, v in values.items()}
        if fresh != values:
            work.run("UPDATE _base SET row = ? WHERE id = ?", pack(fresh), record_id)
    for key, body in work.rows("SELECT key, body FROM _draft"):
        work.run("UPDATE _draft SET key = ?, body = ? WHERE key = ?", *_renamed_draft(key, body, renamed), key)


def _is_id_column(tables: ObjectTables, object_name: str, column: str) -> bool:
    return column == "Id" or (object_name in tables and column in tables[object_name].references)


def _renamed_draft(key: str, body: bytes, renamed: NewIds) -> tuple[str, bytes]:
    for old, new in renamed.items():
        key, body = key.replace(old, new), body.replace(old.encode(), new.encode())
    return key, body
