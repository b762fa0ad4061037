"""Whether a PostgreSQL may hold an org's data, and the settings every connection to one runs under.

A server that acknowledges a save before it is on disk breaks law L1, so such a one is refused at the start.
"""

from __future__ import annotations

from collections.abc import Mapping

from fieldsync.base import limits
from fieldsync.base.problems import Code, Refused, problem

VERSION_MIN = 150000
CHECKED = ("server_version_num", "fsync", "full_page_writes", "synchronous_commit", "server_encoding")
READ_SETTINGS = "SELECT name, setting FROM pg_settings WHERE name = ANY(%s)"

COMMON = {"timezone": "UTC", "datestyle": "ISO, YMD", "intervalstyle": "iso_8601", "client_encoding": "UTF8"}
POOLED = {
    **COMMON,
    "statement_timeout": str(limits.STATEMENT_TIMEOUT_MS),
    "lock_timeout": str(limits.HEAD_LOCK_TIMEOUT_MS),
    "idle_in_transaction_session_timeout": str(limits.STATEMENT_TIMEOUT_MS),
    "max_parallel_workers_per_gather": "0",
    "jit": "off",
}
"""Many short statements at once: each runs in its own process, and as it is."""
ADMIN = {**COMMON, "statement_timeout": "0", "lock_timeout": "10000"}


def unfit_because(settings: Mapping[str, str]) -> str | None:
    """Why a PostgreSQL with these settings is refused; None when it is fit."""
    version = int(settings["server_version_num"])
    if version < VERSION_MIN:
        return f"it is PostgreSQL {version // 10000}, and {VERSION_MIN // 10000} or newer is needed"
    for name in ("fsync", "full_page_writes", "synchronous_commit"):
        if settings[name] == "off":
            return f"its setting {name} is off, so a power cut could lose saves that people were told are safe"
    if settings["server_encoding"] != "UTF8":
        return f"its encoding is {settings['server_encoding']}, not UTF8"
    return None


def require_fit(settings: Mapping[str, str]) -> None:
    """Raises Refused(DATABASE_UNFIT) for a PostgreSQL that may not hold data."""
    reason = unfit_because(settings)
    if reason is not None:
        raise Refused(problem(Code.DATABASE_UNFIT, reason=reason))


def set_all(settings: Mapping[str, str]) -> str:
    """One statement that sets these for the session."""
    calls = (f"set_config('{name}', '{value}', false)" for name, value in settings.items())
    return "SELECT " + ", ".join(calls)
