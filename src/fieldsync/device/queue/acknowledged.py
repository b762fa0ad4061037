"""Saves the server confirmed, kept for a while as they were sent: a server that is restored from an older backup knows
nothing of some of them, and gets them again (DESIGN 5).

Nothing here is seen by the person. What is offered again is an entry of the queue like any other until it is decided.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta

from fieldsync.base import limits
from fieldsync.base.ids import DeviceNumber, RecordId
from fieldsync.base.world import instant
from fieldsync.device.queue import journal, lost
from fieldsync.device.queue.entry import decoded
from fieldsync.device.queue.states import Event, State, after
from fieldsync.device.store import meta
from fieldsync.device.store.meta import Key
from fieldsync.device.store.objects import ObjectTables
from fieldsync.device.store.work import Work, listed
from fieldsync.device.sync.digest.agreement import keep_agreement
from fieldsync.protocol.session import History
from fieldsync.protocol.upload import Item

_KEPT = "n, id, object, record_id, root, saved_at, anchor, hash, item_count, items"
_OF_QUEUE = ", ".join(f"q.{name}" for name in _KEPT.split(", "))
_OPEN = (State.ACCEPTED, State.HELD, State.FAILED)


def keep(work: Work, stamps: Iterable[tuple[int, int]], now: str) -> None:
    """Entries (number, stamp of the save) that leave the queue because the server has what they say."""
    by_stamp: dict[int, list[int]] = defaultdict(list)
    for n, stamp in stamps:
        by_stamp[stamp].append(n)
    for stamp, numbers in by_stamp.items():
        work.run(
            f"INSERT OR REPLACE INTO _acknowledged ({_KEPT}, device, stamp, at)"
            f" SELECT {_OF_QUEUE}, coalesce(a.device, (SELECT value FROM _meta WHERE key = 'device_number')), ?, ?"
            " FROM _queue q LEFT JOIN _acknowledged a ON a.n = q.n WHERE q.n IN (SELECT value FROM json_each(?))",
            *(stamp, now, listed(numbers)),
        )


def items_on(work: Work, record_id: RecordId) -> Iterator[tuple[RecordId, Item]]:
    """What these saves did to a record, the last first, each with the root of its family."""
    naming = work.rows(
        "SELECT root, items FROM _acknowledged WHERE instr(items, CAST(? AS BLOB)) > 0 ORDER BY n DESC", record_id
    )
    for root, raw in naming:
        yield from ((root, item) for item in reversed(decoded(raw)) if item.id == record_id)


def forget(work: Work, numbers: Iterable[int]) -> None:
    """Entries that ended without the server having what they say: nobody offers them again."""
    work.run("DELETE FROM _acknowledged WHERE n IN (SELECT value FROM json_each(?))", listed(numbers))


def forget_old(work: Work, now: datetime) -> None:
    """Those that are older than any backup one would restore, and more than a device should keep."""
    before = instant(now - timedelta(days=limits.ACKNOWLEDGED_KEEP_DAYS))
    work.run("DELETE FROM _acknowledged WHERE offered = 0 AND at < ?", before)
    work.run(
        "DELETE FROM _acknowledged WHERE offered = 0 AND n <="
        " (SELECT n FROM _acknowledged ORDER BY n DESC LIMIT 1 OFFSET ?)",
        limits.ACKNOWLEDGED_SAVES_MAX,
    )


def follow(work: Work, tables: ObjectTables | None, history: History | None) -> bool:
    """Take note of where the server's history stands. True when it lost some: what it may not know is in the queue
    again then, and what it decided of other saves is asked anew."""
    if history is None:
        return False
    meta.put(work, Key.EPOCH, history.epoch)
    parted = history.lost_from is not None and tables is not None
    older = history.sent.get(meta.get(work, Key.DEVICE_NUMBER), 0) >= (meta.get(work, Key.NEXT_N) or 1)
    if parted or older:
        keep_agreement(work, None)  # what this device holds is to be proved anew
    if older:  # an image of this device: what it had saved since is not news to the feed, and comes with a download
        meta.put(work, Key.FEED_CURSOR, None)
    if history.lost_from is None or tables is None:
        return False
    lost.note(work, tables, history.lost_from)
    _ask_anew(work, history.confirmed)
    return _offer(work, tables, history)


def _ask_anew(work: Work, confirmed: Mapping[DeviceNumber, int]) -> None:
    """What the server decided of saves that are open here it may have forgotten, and what was taken back too."""
    mine = confirmed.get(meta.get(work, Key.DEVICE_NUMBER), 0)
    for state in _OPEN:
        sent = after(state, Event.FORGOTTEN).value
        work.run(
            "UPDATE _queue SET state = ?, outcome = NULL, next_attempt_ms = 0 WHERE state = ? AND sealed = 1 AND n > ?",
            *(sent, state.value, mine),
        )
    work.run("UPDATE _undone SET told = 0 WHERE outcome IS NOT NULL AND n NOT IN (SELECT n FROM _acknowledged)")


def _offer(work: Work, tables: ObjectTables, history: History) -> bool:
    """Put back in the queue what the server may have lost, as it was sent. Whether there was any."""
    numbers: list[int] = []
    for (device,) in work.rows("SELECT DISTINCT device FROM _acknowledged"):
        rows = work.rows(
            "SELECT n FROM _acknowledged WHERE device = ? AND n > ? AND (stamp >= ? OR stamp = 0)",
            *(device, history.confirmed.get(device, 0), history.lost_from),
        )
        numbers += [n for (n,) in rows]
    chosen = listed(numbers)
    work.run(
        f"INSERT OR IGNORE INTO _queue ({_KEPT}, state, sealed, attempts)"
        f" SELECT {_KEPT}, '{State.SENDING}', 1, 1 FROM _acknowledged WHERE n IN (SELECT value FROM json_each(?))",
        chosen,
    )
    work.run("UPDATE _acknowledged SET offered = 1 WHERE n IN (SELECT value FROM json_each(?))", chosen)
    for n in numbers:
        row = work.one(f"SELECT {journal.COLUMNS} FROM _queue WHERE n = ?", n)
        assert row is not None, "it was just put there"
        journal.touch(work, tables, n, journal.entry_of(row).decoded())
    return bool(numbers)


def offered(work: Work, numbers: Iterable[int]) -> dict[int, tuple[str, int]]:
    """Of these entries, those that are offered again: under which device number they were made, and their stamp."""
    rows = work.rows(
        "SELECT n, device, stamp FROM _acknowledged WHERE offered = 1 AND n IN (SELECT value FROM json_each(?))",
        listed(numbers),
    )
    return {n: (device, stamp) for n, device, stamp in rows}
