"""Locks that are left out. One step at a time nobody misses them: only the walk through every order of turns does."""

from __future__ import annotations

from typing import Any

from fieldsync.sim.planted.patching import Patch, Planted


def _unlocked_rows(right: Any) -> Any:
    return lambda table, *, delete: _without_lock(right(table, delete=delete))


def _unlocked_heads(right: Any) -> Any:
    return lambda tables: _without_lock(right(tables))


def _without_lock(query: Any) -> Any:
    fresh = query._generate()
    fresh._for_update_arg = None
    return fresh


LOCK_BUGS = {
    bug.name: bug
    for bug in (
        Planted("rows are not locked", (Patch("server.save.statements:_lock", _unlocked_rows),)),
        Planted("heads are not locked", (Patch("server.save.statements:_lock_head", _unlocked_heads),)),
    )
}
