"""Preparing an update: uploads first, then what changed since the checkpoint into a file that nobody reads yet.

People go on working, and so do autosync and feed: nothing here holds the network's turn while the stream comes.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from fieldsync.base.faults import reach
from fieldsync.base.problems import Code, Refused, problem
from fieldsync.device.merge.manifest import partial_roots
from fieldsync.device.status import report as reports
from fieldsync.device.status.report import SyncKind, SyncReport, Trigger
from fieldsync.device.store import meta
from fieldsync.device.store.meta import Key
from fieldsync.device.store.staging import Staging
from fieldsync.device.store.store import PREPARED
from fieldsync.device.sync import download as downloads
from fieldsync.device.sync.download import Asked, RefreshNeeded
from fieldsync.device.sync.engine import Engine
from fieldsync.device.sync.nonblocking.prepared import Prepared, begin_preparing, forget_prepared, keep_prepared
from fieldsync.device.sync.run import end_report, go_on, upload_all
from fieldsync.device.sync.session import CatalogMoved
from fieldsync.device.sync.settle import Stepped
from fieldsync.device.transport import Unreachable

Tell = Callable[[], None]
TURNS_MAX = 3


def prepare(engine: Engine, tell: Tell, did: Stepped, trigger: Trigger = Trigger.MANUAL) -> SyncReport:
    """Get everything that is new into the file beside; afterwards `apply_prepared` may be called, also offline.

    Raises Refused: AUTH, OFFLINE, BUSY, SYNC_RUNNING, SYNC_CANCELED, REFRESH_REQUIRED, or what the server refused.
    """
    if not engine.calls.signed_in:
        raise Refused(problem(Code.AUTH))
    if not engine.online:
        raise Refused(problem(Code.OFFLINE))
    if engine.turn.locked() or not engine.preparing.turn.acquire(blocking=False):
        raise Refused(problem(Code.SYNC_RUNNING))
    try:
        engine.canceled.clear()
        engine.preparing.canceled.clear()
        engine.preparing.rows, engine.preparing.problem = 0, None
        tell()
        return _prepare(engine, tell, did, trigger)
    finally:
        engine.preparing.turn.release()


def _prepare(engine: Engine, tell: Tell, did: Stepped, trigger: Trigger) -> SyncReport:
    with engine.store.write() as work:
        begin_preparing(work)
        report = engine.reporting.begin(work, SyncKind.NON_BLOCKING, trigger)
    try:
        with engine.network:
            report = upload_all(engine, report, did)
        return _received(engine, tell, did, report)
    except (Unreachable, Refused) as error:
        reason = error.problem if isinstance(error, Refused) else problem(Code.OFFLINE)
        _give_up(engine)
        if reason.code is not Code.SYNC_CANCELED:
            engine.preparing.problem = reason
        end_report(engine, report, reason)
        raise Refused(reason) from None
    except BaseException:
        _give_up(engine)
        raise


def _give_up(engine: Engine) -> None:
    with engine.store.write() as work:
        forget_prepared(work)
    engine.store.drop_beside(PREPARED)


def _received(engine: Engine, tell: Tell, did: Stepped, report: SyncReport) -> SyncReport:
    began = engine.reporting.moment()
    frozen = report.freeze_seconds + engine.foreground.wait(engine.preparing.canceled)
    go_on(engine.preparing.canceled)
    report = msgspec.structs.replace(report, freeze_seconds=frozen)
    for _ in range(TURNS_MAX):
        try:
            prepared = _stage(engine, tell, report.number)
        except CatalogMoved:
            with engine.network:
                engine.fetch_catalog(did)
            continue
        except RefreshNeeded as needed:
            why = "your admin wants it loaded anew" if needed.forced else "the server cannot tell what changed"
            raise Refused(problem(Code.REFRESH_REQUIRED, reason=why)) from None
        done = engine.reporting.carried(engine.reporting.received(report, began, prepared.rows))
        with engine.store.write() as work:
            go_on(engine.preparing.canceled)
            keep_prepared(work, prepared)
            reports.keep(work, done)
        reach("prepare.kept")
        return done
    raise Refused(problem(Code.BUSY))


def _stage(engine: Engine, tell: Tell, number: int) -> Prepared:
    """One stream into the file. Raises Unreachable, Refused, CatalogMoved, RefreshNeeded."""
    store = engine.store
    with store.read() as work:
        checkpoint, version = meta.get(work, Key.CHECKPOINT), meta.get(work, Key.CATALOG_VERSION)
        feed, partial = meta.get(work, Key.FEED_READ), partial_roots(work)
    if checkpoint is None:
        raise RefreshNeeded

    def progress(rows: int, _: int) -> None:
        engine.preparing.rows = rows
        tell()
        go_on(engine.preparing.canceled)

    lines = downloads.changes(Asked().lines(engine.calls, checkpoint, feed), version)
    store.require_room(store.size // 10)
    staging = Staging(store, PREPARED)
    try:
        end, removed = downloads.receive(store, lines, staging, progress)
        if end.untold:
            raise RefreshNeeded
        staging.finish(store.tables)
    except BaseException:
        staging.drop()
        raise
    store.keep_beside(PREPARED)
    brought, merged = tuple(sorted(staging.brought)), tuple(staging.merged)
    return Prepared(number, checkpoint, version, staging.rows, removed, brought, merged, end, partial)
