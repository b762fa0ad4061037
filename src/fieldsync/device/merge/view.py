"""Open records: leases that keep news of their families waiting (FEATURES D02, D03).

A lease that is not renewed for `VIEW_LEASE_SECONDS` ends by itself, so a closed or crashed tab gives its record back.
The device's wall clock is used, because leases outlive the process; one that lies too far ahead counts as ended.
"""

from __future__ import annotations

from fieldsync.base import limits
from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Code, Refused, problem
from fieldsync.device.merge.base import BaseState, bases_of_roots, release
from fieldsync.device.merge.decide import counts_as_new
from fieldsync.device.merge.free import family_facts, free_families
from fieldsync.device.store.objects import ObjectTables
from fieldsync.device.store.records import root_in_table
from fieldsync.device.store.work import Work, listed
from fieldsync.protocol.rows import RecordRef

_LEASE_MS = limits.VIEW_LEASE_SECONDS * 1000


def open_view(work: Work, tables: ObjectTables, ref: RecordRef, token: str, now_ms: int) -> None:
    """Open a record under this token. Raises Refused: UNKNOWN_OBJECT, NOT_FOUND."""
    if ref.object not in tables:
        raise Refused(problem(Code.UNKNOWN_OBJECT, object=ref.object))
    root = root_in_table(work, tables[ref.object], ref.id)
    if root is None:
        raise Refused(problem(Code.NOT_FOUND, object=ref.object, id=ref.id))
    work.run("INSERT INTO _lease VALUES (?, ?, ?, ?, ?)", token, ref.object, ref.id, root, now_ms + _LEASE_MS)


def renew_view(work: Work, token: str, now_ms: int) -> bool:
    """Hold on to an open record. False when its lease had ended: the page has to open it anew."""
    work.run("UPDATE _lease SET expires_ms = ? WHERE token = ?", now_ms + _LEASE_MS, token)
    return work.one("SELECT 1 FROM _lease WHERE token = ?", token) is not None


def close_views(work: Work, tables: ObjectTables, tokens: list[str]) -> list[RecordRef]:
    """Leave pages; families that are free get their news. Closing twice does nothing."""
    chosen = listed(tokens)
    roots = {r for (r,) in work.rows("SELECT root FROM _lease WHERE token IN (SELECT value FROM json_each(?))", chosen)}
    work.run("DELETE FROM _lease WHERE token IN (SELECT value FROM json_each(?))", chosen)
    return free_families(work, tables, roots)


def ended_views(work: Work, now_ms: int) -> list[str]:
    """Tokens of leases that ended."""
    rows = work.rows("SELECT token FROM _lease WHERE expires_ms <= ? OR expires_ms > ?", now_ms, now_ms + 2 * _LEASE_MS)
    return [token for (token,) in rows]


def next_end_ms(work: Work) -> int | None:
    """When the next lease ends."""
    found: int | None = work.value("SELECT min(expires_ms) FROM _lease")
    return found


def root_of_view(work: Work, token: str) -> RecordId | None:
    """The family an open page belongs to; None when its lease ended."""
    found: RecordId | None = work.value("SELECT root FROM _lease WHERE token = ?", token)
    return found


def has_news(work: Work, tables: ObjectTables, root: RecordId) -> bool:
    """Whether the server has something of this family that its rows do not show."""
    for base in bases_of_roots(work, [root]):
        if base.ref.object not in tables:
            continue
        shown = work.value(f"SELECT _stamp FROM {tables[base.ref.object].name} WHERE Id = ?", base.ref.id)
        if base.state is BaseState.ROW:
            if base.stamp > (shown or 0) and not _removed_here(work, base.ref.id, shown):
                return True
        elif shown and counts_as_new(base.stamp, shown):
            return True
    return False


def _removed_here(work: Work, record_id: RecordId, shown: int | None) -> bool:
    """A record the person deleted is not news because the server still has it."""
    return shown is None and work.one("SELECT 1 FROM _touch WHERE id = ? AND kind < 2", record_id) is not None


def show_news(work: Work, tables: ObjectTables, root: RecordId) -> list[RecordRef]:
    """Bring the news into the rows although a page is open, because the person asked for it.

    Nothing happens while an edit of the family is pending or failed: only a person who was shown theirs decides that.
    """
    facts = family_facts(work, [root]).get(root)
    if facts is not None and (facts.pending or facts.failed or not facts.complete):
        return []
    return release(work, tables, [root]).changed
