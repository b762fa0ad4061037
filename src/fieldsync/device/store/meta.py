"""Single values the engine keeps: its number, counters, cursors, tokens. One name for each, here."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from fieldsync.device.store.work import Work


class Key(StrEnum):
    """Every key of `_meta`."""

    FORMAT = "format"
    DEVICE_KEY = "device_key"
    DEVICE_NUMBER = "device_number"
    EARLIER_NUMBERS = "earlier_numbers"
    COUNTER = "counter"
    NEXT_N = "next_n"
    CONFIRMED = "confirmed"
    CHECKPOINT = "checkpoint"
    FEED_CURSOR = "feed_cursor"
    FEED_READ = "feed_read"
    EPOCH = "epoch"
    AS_OF = "as_of"
    DIGEST = "digest"
    INCREMENTAL_REQUIRED = "incremental_required"
    STARTING_OVER = "starting_over"
    CLEARING = "clearing"
    RELOAD = "reload"
    TOLD = "told"
    NAMES_AT = "names_at"
    LOG_NEXT = "log_next"
    PREPARED = "prepared"
    PREPARING = "preparing"
    ACCOUNT = "account"
    TOKENS = "tokens"
    SETTINGS = "settings"
    TERRITORY = "territory"
    CATALOG = "catalog"
    CATALOG_VERSION = "catalog_version"
    CATALOG_AT = "catalog_at"


def get(work: Work, key: Key) -> Any:
    """The value of a key; None when it was never put."""
    return work.value("SELECT value FROM _meta WHERE key = ?", key.value)


def put(work: Work, key: Key, value: Any) -> None:
    """Keep a value (text, bytes, whole number or None)."""
    work.run("INSERT INTO _meta VALUES (?, ?) ON CONFLICT(key) DO UPDATE SET value = excluded.value", key.value, value)
