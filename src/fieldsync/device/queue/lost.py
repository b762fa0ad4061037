"""Rows this device holds in a version that was written behind the backup the server was restored from (DESIGN 5).

Whatever the server says of one is newer than that, though its version may be an older one.
"""

from __future__ import annotations

from collections.abc import Iterable

from fieldsync.device.store.objects import ObjectTables
from fieldsync.device.store.work import Work, listed
from fieldsync.schema.standard import STAMP


def note(work: Work, tables: ObjectTables, since: int) -> None:
    """The histories part at this stamp."""
    for table in tables:
        work.run(f"INSERT OR IGNORE INTO _lost SELECT Id FROM {table.name} WHERE {STAMP} >= ?", since)
    work.run("INSERT OR IGNORE INTO _lost SELECT id FROM _base WHERE stamp >= ?", since)


def any_held(work: Work) -> bool:
    """Whether there is one."""
    return work.one("SELECT 1 FROM _lost LIMIT 1") is not None


def among(work: Work, ids: Iterable[str]) -> set[str]:
    """Those of these records that are held so."""
    if not any_held(work):
        return set()
    return {i for (i,) in work.rows("SELECT id FROM _lost WHERE id IN (SELECT value FROM json_each(?))", listed(ids))}


def heard(work: Work, ids: Iterable[str]) -> None:
    """The server has said what these are now."""
    work.run("DELETE FROM _lost WHERE id IN (SELECT value FROM json_each(?))", listed(ids))


def heard_of_all(work: Work) -> None:
    """A download has."""
    work.run("DELETE FROM _lost")
