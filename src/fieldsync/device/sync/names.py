"""Names of records that are not on this device and are pointed to by those that are, where a setting asks for them.

They are learnt behind a sync, when nothing else is due, at most once an hour. A name that nothing points to any more is
forgotten, and one that is known for a day is asked for again: the person may have lost sight of it since.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta

from fieldsync.base import limits
from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Refused
from fieldsync.base.world import instant
from fieldsync.device.store import meta
from fieldsync.device.store.meta import Key
from fieldsync.device.store.objects import ObjectTables, quoted
from fieldsync.device.store.store import Store
from fieldsync.device.store.work import Work
from fieldsync.device.sync.account import read_settings
from fieldsync.device.sync.calls import Calls
from fieldsync.device.transport import Unreachable
from fieldsync.protocol.feed import Named, Unnamed

LEARN_EVERY, KNOWN_FOR = timedelta(hours=1), timedelta(days=1)


def told_name(work: Work, record_id: str) -> str | None:
    """What the server says a record is called that is not here."""
    name: str | None = work.value("SELECT name FROM _name WHERE id = ?", record_id)
    return name


def learn_names(store: Store, calls: Calls, now: datetime) -> None:
    """Ask for what is not known. What cannot be asked now is asked for behind another sync."""
    with store.read() as work:
        wished, last = read_settings(work).related_record_names, meta.get(work, Key.NAMES_AT)
    if last is not None and wished and abs(now - datetime.fromisoformat(last)) < LEARN_EVERY:
        return
    with store.read() as work:
        wanted = _pointed_to(work, store.tables) if wished else {}
    unknown = _forget(store, wanted, instant(now - KNOWN_FOR))
    try:
        while unknown:
            asked, unknown = unknown[: limits.NAMES_ASKED_MAX], unknown[limits.NAMES_ASKED_MAX :]
            _learn(store, calls, {one: wanted[one] for one in asked}, instant(now))
    except (Unreachable, Refused):
        return
    with store.write() as work:
        meta.put(work, Key.NAMES_AT, instant(now) if wished else None)


def _pointed_to(work: Work, tables: ObjectTables) -> dict[RecordId, str]:
    """Ids that records here point to and that are not here, with their objects; so many and no more."""
    found: dict[RecordId, str] = {}
    for table in tables:
        for field in table.type.references:
            name = field.references
            if name is None or name not in tables:
                continue
            column, target = quoted(field.name), tables[name].name
            rows = work.rows(
                f"SELECT DISTINCT {column} FROM {table.name} WHERE {column} IS NOT NULL"
                f" AND NOT EXISTS (SELECT 1 FROM {target} t WHERE t.Id = {table.name}.{column}) LIMIT ?",
                limits.NAMES_KEPT_MAX - len(found),
            )
            found.update(dict.fromkeys((RecordId(one) for (one,) in rows), name))
    return found


def _forget(store: Store, wanted: dict[RecordId, str], before: str) -> list[RecordId]:
    """Let go of names that are not wanted, or known for too long; what is wanted and not known."""
    with store.read() as work:
        known = dict(work.rows("SELECT id, at FROM _name"))
    old = [one for one, at in known.items() if one not in wanted or at < before]
    if old:
        with store.write() as work:
            work.many("DELETE FROM _name WHERE id = ?", [(one,) for one in old])
    return [one for one in wanted if known.get(one, "") < before]


def _learn(store: Store, calls: Calls, asked: dict[RecordId, str], now: str) -> None:
    ids: dict[str, list[RecordId]] = defaultdict(list)
    for one, name in asked.items():
        ids[name].append(one)
    unnamed = Unnamed({name: tuple(some) for name, some in ids.items()})
    names = calls.post("/sync/v1/names", unnamed, Named).names
    with store.write() as work:
        work.many("INSERT OR REPLACE INTO _name VALUES (?, ?, ?)", [(one, names.get(one), now) for one in asked])
