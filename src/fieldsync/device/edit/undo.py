"""Taking back a failed entry, with every later one that builds on it or is on the same family (FEATURES G04, G07).

Rows become their base images at once, offline too. The content is kept in `_undone`, and the server is told by the
next upload, until an answer confirms that it knows.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum

from fieldsync.base import limits
from fieldsync.base.ids import DeviceNumber
from fieldsync.base.problems import Code, Refused, problem
from fieldsync.device.edit.numbers import earlier_numbers
from fieldsync.device.edit.remaining import show_remaining, taken_by
from fieldsync.device.merge.free import free_families
from fieldsync.device.queue import journal
from fieldsync.device.queue.states import Event, State, after
from fieldsync.device.store.objects import ObjectTables
from fieldsync.device.store.work import Work, listed
from fieldsync.protocol.rows import RecordRef


def undone_with(work: Work, n: int) -> list[int]:
    """The entries that `undo(n)` takes back, in order. Raises Refused(NOT_FOUND, LOCKED).

    LOCKED: one of them was sent and has no outcome yet, so nobody knows whether it took effect.
    """
    state = work.value("SELECT state FROM _queue WHERE n = ?", n)
    if state not in (State.FAILED, State.HELD):
        raise Refused(problem(Code.NOT_FOUND, object="failed save", id=str(n)))
    taken = {n}
    fresh = [n]
    while fresh:
        current = fresh.pop()
        on_family = work.rows(
            "SELECT later.n FROM _queue own JOIN _queue later ON later.root = own.root AND later.n > own.n"
            " WHERE own.n = ?",
            current,
        )
        found = {*journal.dependents(work, current), *(k for (k,) in on_family)} - taken
        taken |= found
        fresh += sorted(found)
    in_doubt = (State.SENDING.value, State.ACCEPTED.value)
    states = work.rows("SELECT state FROM _queue WHERE n IN (SELECT value FROM json_each(?))", listed(taken))
    if any(s in in_doubt for (s,) in states):
        raise Refused(problem(Code.LOCKED, object="failed save", id=str(n)))
    return sorted(taken)


def undo(work: Work, tables: ObjectTables, n: int, now: str) -> list[RecordRef]:
    """Take the entries back. Returns the records whose rows may have changed. Raises what `undone_with` raises."""
    taken = undone_with(work, n)
    chosen = listed(taken)
    for (state,) in work.rows("SELECT state FROM _queue WHERE n IN (SELECT value FROM json_each(?))", chosen):
        after(State(state), Event.UNDONE)
    roots = {r for (r,) in work.rows("SELECT root FROM _queue WHERE n IN (SELECT value FROM json_each(?))", chosen)}
    roots |= journal.records_of(work, taken)
    work.run(
        "INSERT INTO _undone (n, id, at, told, items, outcome)"
        " SELECT n, id, ?, 0, items, outcome FROM _queue WHERE n IN (SELECT value FROM json_each(?))",
        *(now, chosen),
    )
    records = taken_by(work, taken)
    journal.remove(work, taken)
    freed = free_families(work, tables, roots)
    return [*freed, *show_remaining(work, tables, records)]


class Told(IntEnum):
    """How far the server knows that an entry was taken back."""

    NO = 0
    YES = 1
    UNDER_EARLIER = 2
    """Under the device number the entry was sent with before a fork. Where a restored server was asked anew it may
    also know the entry under the present one."""


def untold(work: Work) -> tuple[int, ...]:
    """Numbers of undone entries the server may not know of."""
    rows = work.rows(
        f"SELECT n FROM _undone WHERE told <> {Told.YES.value} ORDER BY number LIMIT ?",
        limits.QUEUE_TRANSACTIONS_PER_REQUEST_MAX,
    )
    return tuple(n for (n,) in rows)


def untold_earlier(work: Work) -> tuple[DeviceNumber, tuple[int, ...]] | None:
    """Of those, some that were sent under one device number before a fork, and that number."""
    low = 0
    for device, fork_at in earlier_numbers(work):
        rows = work.rows(
            f"SELECT n FROM _undone WHERE told = {Told.NO.value} AND n >= ? AND n < ? ORDER BY number LIMIT ?",
            *(low, fork_at, limits.QUEUE_TRANSACTIONS_PER_REQUEST_MAX),
        )
        if rows:
            return device, tuple(n for (n,) in rows)
        low = fork_at
    return None


def told(work: Work, numbers: Iterable[int], known: Told = Told.YES) -> None:
    """An answer confirmed that the server knows of these."""
    work.run(
        "UPDATE _undone SET told = ? WHERE told <> 1 AND n IN (SELECT value FROM json_each(?))",
        *(known.value, listed(numbers)),
    )
