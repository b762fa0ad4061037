"""Limits that have to fit together, though each is another room's."""

from __future__ import annotations

from fieldsync.base import limits


def test_a_server_says_that_it_works_for_longer_than_it_lets_a_statement_run() -> None:
    """Else a device sends again what the server is still at, and again."""
    server = limits.STATEMENT_TIMEOUT_MS / 1000 + limits.HEAD_LOCK_TIMEOUT_MS / 1000
    assert server + 10 < limits.BEATS_MAX * limits.BEAT_SECONDS < limits.BACKOFF_MAX_SECONDS + 1
    assert 2 * limits.BEAT_SECONDS + 3 < limits.LINE_SILENT_SECONDS, "a beat may take its time on the way"


def test_a_device_keeps_what_was_acknowledged_for_as_long_as_the_server_keeps_changes() -> None:
    assert limits.ACKNOWLEDGED_KEEP_DAYS >= limits.CHANGE_LOG_DAYS > limits.OFFLINE_DAYS
