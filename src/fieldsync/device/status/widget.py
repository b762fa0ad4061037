"""The Sync widget (FEATURES H01 to H06). Pure: facts in, what to show out.

Precedence: error, active, overdue, pending, ok. Green is said only with nothing pending, no error, a download that
ended and a digest that agreed, as of a stated time (law L12). Signed out is an error (FEATURES G20). News waiting
online are a second line, never a colour.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec

from fieldsync.base import limits
from fieldsync.base.problems import Problem

DAY_MS = 86_400_000


class WidgetState(StrEnum):
    """The five states."""

    ERROR = "error"
    ACTIVE = "active"
    OVERDUE = "overdue"
    PENDING = "pending"
    OK = "ok"


class Phase(StrEnum):
    """What a sync that a person started is at (FEATURES E01)."""

    UPLOAD = "upload"
    MODEL = "model"
    DOWNLOAD = "download"
    CHECK = "check"


class Facts(msgspec.Struct, frozen=True):
    """Everything the widget depends on. Times are milliseconds since 1970 by the device's clock."""

    now_ms: int
    errors: int = 0
    pending: int = 0
    active: bool = False
    oldest_pending_ms: int | None = None
    news_lost_ms: int | None = None
    """When the feed said that an incremental sync is required."""
    overdue_days: int = 0
    as_of: str | None = None
    proved_at: str | None = None
    """When the digest was compared last; None: it has to be."""
    digest: Problem | None = None
    """What is told of a digest that did not agree."""
    up: tuple[int, int] = (0, 0)
    down: tuple[int, int] = (0, 0)
    news_online: bool = False
    signed_out: bool = False
    phase: Phase | None = None
    failed_sends: int = 0
    """How often the first that waits was sent without an answer."""
    send_retries: int = limits.SEND_RETRIES


class Widget(msgspec.Struct, frozen=True):
    """What the widget shows. `up` and `down` are (done, in all) of the work that is running."""

    state: WidgetState
    pending: int
    errors: int
    up: tuple[int, int]
    down: tuple[int, int]
    as_of: str | None
    proved_at: str | None
    """When the digest was compared last."""
    problem: Problem | None
    """Why it is an error, beside saves that were refused."""
    news_online: bool
    sync_required: bool
    """An incremental sync is due: none ran yet, the feed lost its place, or what is here was never proved."""
    signed_out: bool
    sync_due: bool = False
    """The last successful download is longer ago than the limit in days: asked about at sign-in (FEATURES H08)."""
    days_since: int = 0
    """Whole days since the last successful download."""
    phase: Phase | None = None
    not_getting_through: bool = False
    """It was sent again as often as the admin's limit says, and nobody answered (FEATURES J23)."""


def widget(facts: Facts) -> Widget:
    """The widget for these facts."""
    return Widget(
        state=_state(facts),
        pending=facts.pending,
        errors=facts.errors,
        up=facts.up,
        down=facts.down,
        as_of=facts.as_of,
        proved_at=facts.proved_at,
        problem=facts.digest,
        news_online=facts.news_online,
        sync_required=_sync_required(facts),
        signed_out=facts.signed_out,
        sync_due=_sync_due(facts),
        days_since=max(0, _since_ms(facts) // DAY_MS),
        phase=facts.phase if facts.active else None,
        not_getting_through=facts.failed_sends > facts.send_retries,
    )


def _state(facts: Facts) -> WidgetState:
    if facts.errors or facts.digest is not None or facts.signed_out:
        return WidgetState.ERROR
    if facts.active:
        return WidgetState.ACTIVE
    if overdue(facts):
        return WidgetState.OVERDUE
    if facts.pending or _sync_required(facts):
        return WidgetState.PENDING
    return WidgetState.OK


def _sync_required(facts: Facts) -> bool:
    return facts.as_of is None or facts.proved_at is None or facts.news_lost_ms is not None


def _sync_due(facts: Facts) -> bool:
    if facts.as_of is None or facts.overdue_days == 0:
        return facts.as_of is None
    return _since_ms(facts) > facts.overdue_days * DAY_MS


def _since_ms(facts: Facts) -> int:
    return facts.now_ms - int(datetime.fromisoformat(facts.as_of).timestamp() * 1000) if facts.as_of else 0


def overdue(facts: Facts) -> bool:
    """H06: the oldest pending edit, or a lost place in the feed, is older than the limit; a limit of 0 is never."""
    if facts.overdue_days == 0:
        return False
    limit = facts.overdue_days * DAY_MS
    since = [t for t in (facts.oldest_pending_ms, facts.news_lost_ms) if t is not None]
    return any(facts.now_ms - t > limit for t in since)
