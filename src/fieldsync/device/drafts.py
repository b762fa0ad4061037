"""Half-written forms, kept in the encrypted store so that they outlive a kill and a reload. Never sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fieldsync.device.store.values import pack, unpack
from fieldsync.device.store.work import Work


def put(work: Work, key: str, body: Mapping[str, Any]) -> None:
    """Keep a form under this key."""
    work.run("INSERT OR REPLACE INTO _draft VALUES (?, ?)", key, pack(body))


def get(work: Work, key: str) -> dict[str, Any] | None:
    """The form kept under this key."""
    body = work.value("SELECT body FROM _draft WHERE key = ?", key)
    return None if body is None else unpack(body)


def drop(work: Work, key: str) -> None:
    """Forget the form kept under this key."""
    work.run("DELETE FROM _draft WHERE key = ?", key)
