"""One record per sync (FEATURES I01, I02): written at its start, completed at its end, closed as failed by a crash."""

from __future__ import annotations

from enum import StrEnum
from itertools import takewhile

import msgspec

from fieldsync.base.problems import Code, Problem
from fieldsync.device.merge.image import Written
from fieldsync.device.status import log
from fieldsync.device.status.log import Fact, Level
from fieldsync.device.store import meta
from fieldsync.device.store.meta import Key
from fieldsync.device.store.work import Work
from fieldsync.device.sync.sending.foreground import Network


class SyncKind(StrEnum):
    """Kinds of sync (FEATURES I04); autosync is not tracked (I03)."""

    INITIAL = "initial"
    INCREMENTAL = "incremental"
    FULL = "full"
    UPLOAD_ONLY = "upload_only"
    NON_BLOCKING = "non_blocking"
    VERIFY = "verify"
    """An incremental sync that is proved by the digest, whenever the last proof was."""
    MEDIA = "media"
    MINI = "mini"
    """One record, found online or brought up to date."""


class Trigger(StrEnum):
    """What started a sync (FEATURES I10)."""

    INITIAL = "initial"
    MANUAL = "manual"
    DAYS_OFFLINE = "days_offline"
    """It was ordinary, but the device was away for too long."""
    FIRST_OF_DAY = "first_of_day"
    TERRITORY_SWITCH = "territory_switch"
    FORCED = "forced"
    """An admin wants everything loaded anew."""
    IDLE = "idle"
    """At night, while nobody worked."""


class SyncReport(msgspec.Struct, frozen=True):
    """What became of one sync. Times by the device's clock; durations in seconds."""

    number: int
    kind: SyncKind
    started_at: str
    ended_at: str | None = None
    seconds: float = 0.0
    upload_seconds: float = 0.0
    metadata_seconds: float = 0.0
    """What the data model took, on the way up or down; part of neither."""
    download_seconds: float = 0.0
    apply_seconds: float = 0.0
    """Of a non-blocking sync, once the person applied it."""
    media_seconds: float = 0.0
    freeze_seconds: float = 0.0
    """Of all of them: what it waited because the app was not in front (FEATURES E27)."""
    successful: bool = False
    canceled: bool = False
    upload_processed: bool = False
    download_processed: bool = False
    uploads: int = 0
    records_up: int = 0
    """Of these saves; each counts once in each."""
    upload_errors: int = 0
    rows_received: int = 0
    rows_created: int = 0
    """Rows that were not here before; every row of a database refresh."""
    rows_updated: int = 0
    """Rows of which a newer version came."""
    rows_removed: int = 0
    """Rows that were here. Of a non-blocking sync these three are known once the person applied it."""
    verified: bool | None = None
    """Whether the digest agreed at last; None where it was not compared."""
    rows_repaired: int = 0
    """Rows that came or went because it did not agree at first."""
    files_received: int = 0
    files_removed: int = 0
    bytes_up: int = 0
    bytes_down: int = 0
    """Of bodies, before they are compressed; also what other work of the device carried meanwhile."""
    retries: int = 0
    app_version: str = ""
    trigger: Trigger = Trigger.MANUAL
    network: Network = Network.UNKNOWN
    """Over what it began."""
    problem: Problem | None = None


def begin(work: Work, kind: SyncKind, now: str, version: str, trigger: Trigger = Trigger.MANUAL) -> SyncReport:
    """A new report, written before anything else happens."""
    number: int = work.value("SELECT coalesce(max(number), 0) + 1 FROM _sync")
    report = SyncReport(number, kind, now, app_version=version, trigger=trigger, retries=_broke_off(work, kind))
    keep(work, report)
    return report


def _broke_off(work: Work, kind: SyncKind) -> int:
    """How often this very sync was begun before, and the network broke it off (FEATURES I08)."""
    before = (one for one in reports(work) if one.kind is kind)
    return len(list(takewhile(lambda one: one.problem is not None and one.problem.code is Code.OFFLINE, before)))


def keep(work: Work, report: SyncReport) -> None:
    """Write a report in its present form."""
    work.run("INSERT OR REPLACE INTO _sync VALUES (?, ?)", report.number, msgspec.json.encode(report))
    if (meta.get(work, Key.TOLD) or 0) >= report.number:
        meta.put(work, Key.TOLD, report.number - 1)


def untold(work: Work, limit: int) -> list[SyncReport]:
    """Reports that ended and the server does not have, oldest first."""
    told = meta.get(work, Key.TOLD) or 0
    rows = work.rows("SELECT report FROM _sync WHERE number > ? ORDER BY number LIMIT ?", told, limit)
    found = [msgspec.json.decode(raw, type=SyncReport) for (raw,) in rows]
    return [report for report in found if report.ended_at is not None]


def reports(work: Work, limit: int = 100) -> list[SyncReport]:
    """The newest reports, newest first."""
    rows = work.rows("SELECT report FROM _sync ORDER BY number DESC LIMIT ?", limit)
    return [msgspec.json.decode(raw, type=SyncReport) for (raw,) in rows]


def numbered(work: Work, number: int) -> SyncReport:
    """The report with this number."""
    raw = work.value("SELECT report FROM _sync WHERE number = ?", number)
    return msgspec.json.decode(raw, type=SyncReport)


def wrote(report: SyncReport, written: Written) -> SyncReport:
    """The report of a sync that made, changed and removed so many rows. Pure."""
    counts = {"rows_created": written.created, "rows_updated": written.updated, "rows_removed": written.removed}
    return msgspec.structs.replace(report, **counts)


def close_crashed(work: Work, now: str) -> None:
    """A report that never ended belongs to a process that died: it failed."""
    for report in reports(work):
        if report.ended_at is None:
            keep(work, msgspec.structs.replace(report, ended_at=now, successful=False))
            line = f"sync never ended number={report.number} kind={report.kind.value}"
            log.write(work, [(now, Level.ERROR, line)])


_TOLD = ("number", "kind", "trigger", "network", "successful", "canceled")
COUNTED = (
    *("seconds", "upload_seconds", "metadata_seconds", "download_seconds", "apply_seconds", "freeze_seconds"),
    *("uploads", "upload_errors", "rows_received", "rows_removed", "rows_repaired", "verified"),
    *("files_received", "files_removed", "bytes_up", "bytes_down"),
)


def summary(report: SyncReport) -> dict[str, Fact]:
    """What the log has of a sync that ended; nothing that counts nothing, so that the line has room."""
    found: dict[str, Fact] = {name: getattr(report, name) for name in _TOLD}
    found["code"] = None if report.problem is None else report.problem.code
    counted = ((name, getattr(report, name)) for name in COUNTED)
    return found | {n.removesuffix("_seconds").removeprefix("rows_"): v for n, v in counted if v or v is False}


def level_of(report: SyncReport) -> Level:
    """How much it matters how a sync ended: what a person ended himself is no failure."""
    if report.successful or report.canceled:
        return Level.INFO
    lost = report.problem is not None and report.problem.code is Code.OFFLINE
    return Level.WARNING if lost else Level.ERROR
