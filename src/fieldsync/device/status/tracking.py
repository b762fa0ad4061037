"""Telling the server of syncs that ended, and how the device stands: behind each, when nothing else is due (I15)."""

from __future__ import annotations

from datetime import datetime

import msgspec

from fieldsync.base import limits
from fieldsync.base.ids import is_id
from fieldsync.base.problems import Refused
from fieldsync.device.queue.states import REFUSED, UNDECIDED
from fieldsync.device.status.log import forget, unsent
from fieldsync.device.status.report import SyncKind, SyncReport, Trigger, untold
from fieldsync.device.store import meta
from fieldsync.device.store.meta import Key
from fieldsync.device.store.store import Store
from fieldsync.device.store.work import Work
from fieldsync.device.sync.calls import Calls
from fieldsync.device.transport import Unreachable
from fieldsync.protocol import tracking
from fieldsync.protocol.tracking import exactly

TYPES: dict[SyncKind, tracking.SyncType] = {
    SyncKind.INITIAL: "initial",
    SyncKind.INCREMENTAL: "incremental",
    SyncKind.FULL: "full_refresh",
    SyncKind.UPLOAD_ONLY: "upload_only",
    SyncKind.NON_BLOCKING: "non_blocking",
    SyncKind.VERIFY: "incremental",
    SyncKind.MEDIA: "media",
    SyncKind.MINI: "mini",
}
TRIGGERS: dict[Trigger, tracking.Trigger] = {
    Trigger.INITIAL: "Initial",
    Trigger.MANUAL: "Manual",
    Trigger.DAYS_OFFLINE: "Days Offline Limit",
    Trigger.FIRST_OF_DAY: "First of Day",
    Trigger.FORCED: "Forced",
    Trigger.TERRITORY_SWITCH: "Territory Switch",
    Trigger.IDLE: "Idle",
}
_LIKE_REPORT = tuple({f.name for f in msgspec.structs.fields(tracking.TrackedSync)} & set(SyncReport.__struct_fields__))
_UNDECIDED, _REFUSED = (", ".join(f"'{s}'" for s in states) for states in (UNDECIDED, REFUSED))


def tell_tracking(store: Store, calls: Calls, now: datetime) -> bool:
    """One request; what it cannot tell now goes with the next sync. Whether more lines of the log are due now."""
    with store.read() as work:
        syncs = tuple(tracked(report) for report in untold(work, limits.TRACKING_SYNCS_MAX))
        lines = unsent(work, limits.LOG_LINES_SENT_MAX)
        sent = tracking.Tracking(_standing(work, now), syncs, lines)
    try:
        answer = calls.post("/sync/v1/tracking", sent, tracking.Tracked)
    except (Unreachable, Refused):
        return False
    with store.write() as work:
        meta.put(work, Key.TOLD, max(answer.through, meta.get(work, Key.TOLD) or 0))
        forget(work, answer.log_through)
    return len(lines) == limits.LOG_LINES_SENT_MAX and answer.log_through == lines[-1].number


def tracked(report: SyncReport) -> tracking.TrackedSync:
    """A report that ended, as the wire has it. Pure."""
    assert report.ended_at is not None, "only what ended is told"
    values = {name: getattr(report, name) for name in _LIKE_REPORT}
    values = {name: round(value) if isinstance(value, float) else value for name, value in values.items()}
    values |= {exactly(name): round(getattr(report, name) * 1_000) for name in tracking.DURATIONS}
    values |= {"type": TYPES[report.kind], "trigger": TRIGGERS[report.trigger], "network": report.network.value}
    values |= {name: datetime.fromisoformat(getattr(report, name)) for name in ("started_at", "ended_at")}
    reason = report.problem
    code, message = (None, None) if reason is None else (reason.code.value, reason.message[:4_000])
    return tracking.TrackedSync(**values, problem_code=code, problem_message=message)


def _standing(work: Work, now: datetime) -> tracking.Standing:
    [(errors, pending, oldest)] = work.rows(
        f"SELECT count(*) FILTER (WHERE state IN ({_REFUSED})), count(*) FILTER (WHERE state IN ({_UNDECIDED})),"
        f" min(saved_at) FILTER (WHERE state IN ({_UNDECIDED})) FROM _queue"
    )
    query = f"SELECT DISTINCT record_id FROM _queue WHERE state IN ({_REFUSED}) ORDER BY 1"
    failed = [record_id for (record_id,) in work.rows(query) if is_id(record_id)] if errors else []
    return tracking.Standing(
        at=now,
        pending=pending,
        errors=errors,
        oldest_pending_at=None if oldest is None else datetime.fromisoformat(oldest),
        failed=tuple(failed[: limits.FAILED_LISTED_MAX]),
        failed_not_listed=max(0, len(failed) - limits.FAILED_LISTED_MAX),
    )
