"""Half-written forms: they survive a kill and a reload, and belong to no record yet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from fieldsync.device.store.work import Work


def put(work: Work, key: str, body: Mapping[str, Any]) -> None:
    """Keep a form under a key."""
    work.run(
        "INSERT INTO _draft VALUES (?, ?) ON CONFLICT(key) DO UPDATE SET body = excluded.body",
        key,
        msgspec.json.encode(body),
    )


def get(work: Work, key: str) -> dict[str, Any] | None:
    """The form under a key."""
    raw = work.value("SELECT body FROM _draft WHERE key = ?", key)
    return None if raw is None else msgspec.json.decode(raw, type=dict[str, Any])


def drop(work: Work, key: str) -> None:
    """Forget a form."""
    work.run("DELETE FROM _draft WHERE key = ?", key)
