"""Taking the error list back at an admin's wish: what goes is handed to the server before (FEATURES G08).

Rows become their base images and the content stays with the undone, as by a person's own undo. What was sent and has no
outcome stays: nobody knows yet whether it took effect. What is on a record that somebody has open stays until a sync
that finds it closed: nothing changes under a person (law L8).
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from fieldsync.base.problems import Refused
from fieldsync.device.edit import undo
from fieldsync.device.queue import journal
from fieldsync.device.queue.states import REFUSED, State
from fieldsync.device.store.objects import ObjectTables
from fieldsync.device.store.work import Work, listed
from fieldsync.protocol.clearing import ErrorEntry
from fieldsync.protocol.rows import RecordRef
from fieldsync.protocol.upload import encode_items

ENTRIES_AT_ONCE_MAX = 200
_LISTED = ", ".join(f"'{state}'" for state in REFUSED)


def to_clear(work: Work) -> tuple[tuple[ErrorEntry, ...], bool]:
    """The next entries that go, whole, and whether none is left behind them, nor of a record that is open."""
    taken: set[int] = set()
    last = True
    for (n,) in work.rows(f"SELECT n FROM _queue WHERE state IN ({_LISTED}) ORDER BY n"):
        if len(taken) >= ENTRIES_AT_ONCE_MAX:
            return whole(work, taken), False
        together = [] if n in taken else _with_others(work, n)
        if _is_open(work, together):
            last = False
        else:
            taken.update(together)
    return whole(work, taken), last


def _is_open(work: Work, together: Iterable[int]) -> bool:
    sql = (
        "SELECT 1 FROM _lease WHERE root IN (SELECT root FROM _queue WHERE n IN (SELECT value FROM json_each(?1)))"
        " OR id IN (SELECT id FROM _touch WHERE n IN (SELECT value FROM json_each(?1))) LIMIT 1"
    )
    return work.one(sql, listed(together)) is not None


def _with_others(work: Work, n: int) -> list[int]:
    try:
        return undo.undone_with(work, n)
    except Refused:  # one of them is in doubt
        return []


def whole(work: Work, taken: Iterable[int]) -> tuple[ErrorEntry, ...]:
    """These entries with all that they say, in order."""
    sql = f"SELECT {journal.COLUMNS}, outcome FROM _queue WHERE n IN (SELECT value FROM json_each(?)) ORDER BY n"
    found: list[ErrorEntry] = []
    for *row, outcome in work.rows(sql, listed(taken)):
        entry = journal.entry_of(row)
        items = msgspec.Raw(encode_items(entry.decoded()))
        answered = msgspec.Raw(outcome or b"null")
        found.append(ErrorEntry(entry.n, entry.id, entry.saved_at, entry.state.value, items, answered))
    return tuple(found)


def clear(work: Work, tables: ObjectTables, numbers: Iterable[int], now: str) -> list[RecordRef]:
    """Take back what the server has kept. Returns the records whose rows may have changed."""
    chosen = sorted(numbers)
    refs: dict[RecordRef, None] = {}
    for n in chosen:
        if work.value("SELECT state FROM _queue WHERE n = ?", n) in (State.FAILED, State.HELD):
            refs.update(dict.fromkeys(undo.undo(work, tables, n, now)))
    undo.told(work, chosen)
    return list(refs)
