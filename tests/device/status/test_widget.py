"""The widget's states and their precedence, at and next to every border."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest

from fieldsync.base.problems import Code, problem
from fieldsync.device.status.widget import DAY_MS, Facts, WidgetState, widget

NOW = 1_800_000_000_000
AT = "2026-03-02T08:00:00+00:00"
CALM = Facts(now_ms=NOW, as_of=AT, proved_at=AT, overdue_days=3)
UNLIKE = problem(Code.DIGEST, reason="rows of Shop differ")


@pytest.mark.parametrize(
    ("facts", "state"),
    [
        ({}, WidgetState.OK),
        ({"news_online": True}, WidgetState.OK),
        ({"as_of": None}, WidgetState.PENDING),
        ({"proved_at": None}, WidgetState.PENDING),
        ({"digest": UNLIKE, "active": True}, WidgetState.ERROR),
        ({"pending": 1, "oldest_pending_ms": NOW}, WidgetState.PENDING),
        ({"pending": 1, "oldest_pending_ms": NOW - 3 * DAY_MS}, WidgetState.PENDING),
        ({"pending": 1, "oldest_pending_ms": NOW - 3 * DAY_MS - 1}, WidgetState.OVERDUE),
        ({"pending": 1, "oldest_pending_ms": NOW - 99 * DAY_MS, "overdue_days": 0}, WidgetState.PENDING),
        ({"news_lost_ms": NOW}, WidgetState.PENDING),
        ({"news_lost_ms": NOW - 3 * DAY_MS - 1}, WidgetState.OVERDUE),
        ({"active": True, "pending": 5, "oldest_pending_ms": NOW - 9 * DAY_MS}, WidgetState.ACTIVE),
        ({"errors": 1, "active": True, "pending": 5}, WidgetState.ERROR),
        ({"signed_out": True}, WidgetState.ERROR),
    ],
)
def test_precedence_is_error_active_overdue_pending_ok(facts: dict[str, object], state: WidgetState) -> None:
    assert widget(msgspec.structs.replace(CALM, **facts)).state is state


def test_green_needs_a_download_that_ended_and_a_digest_that_agreed() -> None:
    assert not widget(CALM).sync_required
    assert widget(CALM).proved_at == AT
    assert widget(msgspec.structs.replace(CALM, as_of=None)).sync_required
    assert widget(msgspec.structs.replace(CALM, proved_at=None)).sync_required
    assert widget(msgspec.structs.replace(CALM, digest=UNLIKE)).problem == UNLIKE


def test_what_was_sent_again_as_often_as_the_admin_says_is_told_of() -> None:
    for sends, told in ((0, False), (3, False), (4, True)):
        assert widget(msgspec.structs.replace(CALM, failed_sends=sends)).not_getting_through is told
    assert widget(msgspec.structs.replace(CALM, failed_sends=1, send_retries=0)).not_getting_through


@pytest.mark.parametrize(("ago_ms", "days"), [(0, 0), (DAY_MS - 1, 0), (DAY_MS, 1), (9 * DAY_MS + 5, 9), (-DAY_MS, 0)])
def test_it_says_how_many_whole_days_ago_the_last_sync_was(ago_ms: int, days: int) -> None:
    at = datetime.fromtimestamp((NOW - ago_ms) / 1000, UTC).isoformat()
    assert widget(msgspec.structs.replace(CALM, as_of=at)).days_since == days
