"""Half-written forms, kept in the encrypted store so that they outlive a kill and a reload. Never sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fieldsync.device.store.store import Store
from fieldsync.device.store.values import pack, unpack


class Drafts:
    """The kept forms of one store, by key."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def put(self, key: str, body: Mapping[str, Any]) -> None:
        """Keep a form under this key."""
        with self._store.write() as work:
            work.run("INSERT OR REPLACE INTO _draft VALUES (?, ?)", key, pack(body))

    def get(self, key: str) -> dict[str, Any] | None:
        """The form kept under this key."""
        with self._store.read() as work:
            body = work.value("SELECT body FROM _draft WHERE key = ?", key)
        return None if body is None else unpack(body)

    def drop(self, key: str) -> None:
        """Forget the form kept under this key."""
        with self._store.write() as work:
            work.run("DELETE FROM _draft WHERE key = ?", key)
