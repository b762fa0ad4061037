"""Limits that have to fit together, though each is another room's."""

from __future__ import annotations

from fieldsync.base import limits


def test_a_device_waits_for_longer_than_the_server_lets_a_statement_run() -> None:
    """Else it sends again what the server is still at, and again."""
    server = limits.STATEMENT_TIMEOUT_MS / 1000 + limits.HEAD_LOCK_TIMEOUT_MS / 1000
    assert server + 10 < limits.SEND_DEADLINE_SECONDS < limits.BACKOFF_MAX_SECONDS


def test_a_device_keeps_what_was_acknowledged_for_as_long_as_the_server_keeps_changes() -> None:
    assert limits.ACKNOWLEDGED_KEEP_DAYS >= limits.CHANGE_LOG_DAYS > limits.OFFLINE_DAYS
