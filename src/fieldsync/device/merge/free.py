"""Families nobody is busy with any more: their base images become the rows."""

from __future__ import annotations

from collections.abc import Iterable

from fieldsync.device.merge.base import release
from fieldsync.device.merge.facts import busy_roots
from fieldsync.device.store.objects import ObjectTables
from fieldsync.device.store.work import Work
from fieldsync.protocol.rows import RecordRef


def free_families(work: Work, tables: ObjectTables, roots: Iterable[str]) -> list[RecordRef]:
    """Release those of the families that are free. Returns the records that may have changed."""
    asked = set(roots)
    free = asked - busy_roots(work, asked)
    return release(work, tables, sorted(free), except_ids=frozenset()) if free else []


def free_left(work: Work, tables: ObjectTables) -> list[RecordRef]:
    """Release what was kept of families that nobody is busy with, and of which a download said nothing."""
    roots = work.rows("SELECT DISTINCT root FROM _base WHERE root NOT IN (SELECT root FROM _busy)")
    return free_families(work, tables, (root for (root,) in roots))
