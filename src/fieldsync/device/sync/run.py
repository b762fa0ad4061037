"""A sync that a person starts: upload all that waits, then download; tracked from beginning to end (FEATURES I01)."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from fieldsync.base.problems import Code, Problem, Refused, problem
from fieldsync.base.world import unix_ms
from fieldsync.device.edit.clearing import clear, to_clear
from fieldsync.device.queue import acknowledged
from fieldsync.device.status import report as reports
from fieldsync.device.status.report import SyncKind, SyncReport, Trigger
from fieldsync.device.status.widget import Phase
from fieldsync.device.store import meta
from fieldsync.device.store.meta import Key
from fieldsync.device.sync import download as downloads
from fieldsync.device.sync import feed, upload
from fieldsync.device.sync.account import read_settings
from fieldsync.device.sync.calls import Restored
from fieldsync.device.sync.digest import parted
from fieldsync.device.sync.digest.agreement import Agreement, is_due, read_agreement
from fieldsync.device.sync.digest.verify import problem_of, verify
from fieldsync.device.sync.download import Asked, Downloaded, Progress
from fieldsync.device.sync.engine import Engine, Running
from fieldsync.device.sync.nonblocking.prepared import discard
from fieldsync.device.sync.refresh import refresh
from fieldsync.device.sync.session import CatalogMoved
from fieldsync.device.sync.settle import Stepped
from fieldsync.device.transport import Unreachable
from fieldsync.protocol.clearing import Cleared, Clearing

IDLE_ROUNDS_MAX = 3
TRIGGERS = {SyncKind.INITIAL: Trigger.INITIAL, SyncKind.FULL: Trigger.DAYS_OFFLINE}
"""Why a sync is another than the person asked for."""
TURNS_MAX = 5
"""How often a download may find that it has to begin in another way."""


def run_sync(
    engine: Engine, kind: SyncKind, tell: Progress, did: Stepped, trigger: Trigger = Trigger.MANUAL
) -> SyncReport:
    """The whole sync, on the calling thread; `did` collects what changed, also when it fails.

    Raises Refused: AUTH, OFFLINE, BUSY, SYNC_RUNNING, SYNC_CANCELED, or what the server refused. Saves that are refused
    do not stop it.
    """
    if not engine.calls.signed_in:
        raise Refused(problem(Code.AUTH))
    if not engine.online:
        raise Refused(problem(Code.OFFLINE))
    if not engine.turn.acquire(blocking=False):
        raise Refused(problem(Code.SYNC_RUNNING))
    try:
        engine.canceled.clear()
        if kind is not SyncKind.UPLOAD_ONLY:
            discard(engine.store, engine.preparing)
        return _run(engine, (kind, trigger), tell, did)
    finally:
        engine.turn.release()


def _run(engine: Engine, wanted: tuple[SyncKind, Trigger], tell: Progress, did: Stepped) -> SyncReport:
    with engine.network:
        report = _begin(engine, *wanted)
        engine.running = Running(active=True, phase=Phase.UPLOAD)
        try:
            try:
                for stage in _both_ways(engine, report, tell, did):
                    report = stage
            except Restored:
                for stage in _both_ways(engine, report, tell, did):
                    report = stage
        except Unreachable:
            end_report(engine, report, problem(Code.OFFLINE))
            raise Refused(problem(Code.OFFLINE)) from None
        except Refused as refused:
            end_report(engine, report, refused.problem)
            engine.heed(refused)
            raise
        finally:
            engine.running.active = False
        engine.went_through()
        return end_report(engine, report, report.problem)


def _both_ways(engine: Engine, report: SyncReport, tell: Progress, did: Stepped) -> Iterator[SyncReport]:
    """The report as it stands after each way: what was done counts, also where the next fails."""
    report = upload_all(engine, report, did)
    yield report
    if report.kind is not SyncKind.UPLOAD_ONLY:
        yield _download(engine, report, tell, did)
        _clear_errors(engine, did)


def _begin(engine: Engine, kind: SyncKind, trigger: Trigger) -> SyncReport:
    with engine.store.write() as work:
        as_of, days = meta.get(work, Key.AS_OF), read_settings(work).offline_days
        due = kind_due(as_of, engine.world.clock.now(), days)
        trigger = TRIGGERS.get(due, trigger) if kind is SyncKind.INCREMENTAL else trigger
        if kind is SyncKind.INCREMENTAL or (kind is SyncKind.VERIFY and due is not kind.INCREMENTAL):
            kind = due
        acknowledged.forget_old(work, engine.world.clock.now())
        return engine.reporting.begin(work, kind, trigger)


def kind_due(as_of: str | None, now: datetime, offline_days: int) -> SyncKind:
    """What an ordinary sync has to be. `as_of`: when the last download ended; 0 days: no absence is too long. Pure."""
    if as_of is None:
        return SyncKind.INITIAL
    away = now - datetime.fromisoformat(as_of)
    return SyncKind.FULL if offline_days and away > timedelta(days=offline_days) else SyncKind.INCREMENTAL


def end_report(engine: Engine, report: SyncReport, reason: Problem | None) -> SyncReport:
    canceled = reason is not None and reason.code is Code.SYNC_CANCELED
    done = msgspec.structs.replace(
        report, ended_at=engine.now(), successful=reason is None, canceled=canceled, problem=reason
    )
    return engine.end_sync(done)


def _ask_outcomes(engine: Engine, did: Stepped) -> None:
    """What was decided of saves since, before anything here moves on."""
    if not engine.store.has_catalog:
        return
    try:
        settled = feed.ask_outcomes(engine.store, engine.calls, engine.now())
    except CatalogMoved:
        engine.fetch_catalog(did)
        settled = feed.ask_outcomes(engine.store, engine.calls, engine.now(), anyway=True)
    except Refused as refused:
        if refused.problem.code is not Code.BAD_REQUEST:
            raise
        return  # a server of an earlier version knows no such address
    if settled is not None:
        did.take(settled)


def upload_all(engine: Engine, report: SyncReport, did: Stepped) -> SyncReport:
    """Upload always comes before download. A lost network ends it; refused saves do not."""
    began = engine.reporting.moment()
    _ask_outcomes(engine, did)
    with engine.store.write() as work:
        upload.retry_now(work)
        total = left = upload.waiting(work)
        records = upload.records_waiting(work)
    idle, frozen = 0, 0.0
    while _something_to_send(engine):
        engine.running.up = (total - left, total)
        frozen += engine.foreground.wait(engine.canceled)
        go_on(engine.canceled)
        idle = 0 if engine.send_batch(did) else idle + 1
        if idle >= IDLE_ROUNDS_MAX:
            raise Refused(problem(Code.BUSY))
        with engine.store.read() as work:
            left = upload.waiting(work)
    engine.running.up = (total, total)
    took = engine.reporting.since(began)
    return msgspec.structs.replace(
        report,
        upload_processed=True,
        seconds=report.seconds + took.seconds,
        upload_seconds=took.seconds - took.modelled_seconds,
        freeze_seconds=report.freeze_seconds + frozen,
        uploads=total,
        records_up=records,
        upload_errors=len(did.refused),
    )


def _clear_errors(engine: Engine, did: Stepped) -> None:
    """An admin's wish: what is in the error list goes to the server, and then away (FEATURES G08)."""
    with engine.store.read() as work:
        asked, last = meta.get(work, Key.CLEARING), False
    while asked is not None and not last:
        assert engine.numbers.device is not None
        with engine.store.read() as work:
            entries, last = to_clear(work)
        if not entries and not last:
            return  # the rest is on records that are open: a later sync goes on
        sent = Clearing(engine.numbers.device, asked, last, entries)
        cleared = engine.calls.post("/sync/v1/errors/clear", sent, Cleared)
        with engine.store.write() as work:
            refs = clear(work, engine.store.tables, cleared.numbers, engine.now())
            last = last or not cleared.numbers
            if last:
                meta.put(work, Key.CLEARING, None)
        did.changed.update(dict.fromkeys(refs))


def go_on(canceled: threading.Event) -> None:
    """Unless somebody has enough of it. Raises Refused(SYNC_CANCELED)."""
    if canceled.is_set():
        raise Refused(problem(Code.SYNC_CANCELED))


def _something_to_send(engine: Engine) -> bool:
    with engine.store.read() as work:
        return upload.due_in(work, unix_ms(engine.world.clock.now())) is not None


def _download(engine: Engine, report: SyncReport, tell: Progress, did: Stepped) -> SyncReport:
    began = engine.reporting.moment()

    def progress(done: int, total: int) -> None:
        engine.running.down = (done, total)
        tell(done, total)
        go_on(engine.canceled)

    frozen = engine.foreground.wait(engine.canceled)
    go_on(engine.canceled)
    found, agreement = _downloaded(engine, report.kind, progress, did)
    return msgspec.structs.replace(
        reports.wrote(engine.reporting.received(report, began, found.rows), found.applied.written),
        freeze_seconds=report.freeze_seconds + frozen,
        **({"kind": SyncKind.FULL, "trigger": Trigger.FORCED} if found.forced else {}),
        verified=None if agreement is None else agreement.agreed,
        rows_repaired=found.repaired,
        problem=problem_of(agreement),
    )


def _downloaded(
    engine: Engine, kind: SyncKind, progress: Progress, did: Stepped
) -> tuple[Downloaded, Agreement | None]:
    """Download and prove it; a catalog that moved is fetched first, a history that parted is joined again."""
    full = kind in (SyncKind.FULL, SyncKind.INITIAL)
    if not engine.store.has_catalog:
        engine.fetch_catalog(did)
    forced, parted_at = False, None
    for _ in range(TURNS_MAX):
        how = _How(full=full, anyway=kind is SyncKind.VERIFY, parted_at=parted_at)
        try:
            found, agreement = _proved(engine, progress, did, how)
            found.forced = forced
            return found, agreement
        except CatalogMoved:
            engine.fetch_catalog(did)
        except downloads.RefreshNeeded as needed:
            full, forced, parted_at = True, forced or needed.forced, None
        except Refused as refused:
            if not parted.is_parted(refused):
                raise
            parted_at = parted.parted_at(refused) if parted_at is None else None
            if parted_at is None:
                parted.start_over(engine.store)
    raise Refused(problem(Code.BUSY))


@dataclass(frozen=True)
class _How:
    """`full`: everything anew; `anyway`: proved also where that is not due; `parted_at`: the server's history is
    another from this stamp on."""

    full: bool
    anyway: bool
    parted_at: int | None


def _proved(engine: Engine, progress: Progress, did: Stepped, how: _How) -> tuple[Downloaded, Agreement | None]:
    """One download, compared with its digest where that is due."""
    store, clock = engine.store, engine.world.clock
    with store.read() as work:
        digest = how.anyway or is_due(read_agreement(work), clock.now())
    engine.running.phase = Phase.DOWNLOAD
    if how.full:
        store.require_room(store.size)
        found = refresh(store, engine.calls, progress)
    elif how.parted_at is not None:
        found = parted.rejoin(store, engine.calls, clock, progress, how.parted_at)
    else:
        found = downloads.download(store, engine.calls, clock, progress, Asked(digest=digest))
    engine.running.phase = Phase.CHECK
    try:
        agreement = verify(store, engine.calls, clock, progress, found)
        if (found.untold or how.parted_at is not None) and not (agreement and agreement.agreed):
            raise downloads.RefreshNeeded  # more differs than a comparison can mend
        return found, agreement
    finally:
        did.changed.update(found.applied.changed)
        did.waiting.update(found.applied.waiting)
        did.objects |= found.brought
