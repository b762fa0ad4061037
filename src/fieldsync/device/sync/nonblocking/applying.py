"""Applying a prepared update: the rows of the file beside become the rows, in short transactions; no network is needed.

What the person changed meanwhile is judged now, as always; what arrived meanwhile is newer and stays.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from fieldsync.base.faults import reach
from fieldsync.base.problems import Code, Refused, problem
from fieldsync.device.merge.image import Written
from fieldsync.device.merge.merged import follow_merges
from fieldsync.device.status import report as reports
from fieldsync.device.status.report import SyncReport
from fieldsync.device.store.store import PREPARED
from fieldsync.device.sync import download as downloads
from fieldsync.device.sync.download import Downloaded
from fieldsync.device.sync.engine import Engine
from fieldsync.device.sync.nonblocking.prepared import Prepared, discard, forget_prepared, read_prepared
from fieldsync.device.sync.settle import Stepped


def apply_prepared(engine: Engine, tell: Callable[[], None], did: Stepped) -> SyncReport:
    """Make what was prepared the rows. Killed anywhere, it is begun again by calling this again.

    Raises Refused: NOT_FOUND when nothing that fits lies ready, SYNC_RUNNING.
    """
    if engine.preparing.active or not engine.turn.acquire(blocking=False):
        raise Refused(problem(Code.SYNC_RUNNING))
    try:
        with engine.network:
            engine.preparing.applying = True
            return _apply(engine, tell, did)
    finally:
        engine.preparing.applying = False
        engine.turn.release()


def _apply(engine: Engine, tell: Callable[[], None], did: Stepped) -> SyncReport:
    store = engine.store
    with store.read() as work:
        prepared = read_prepared(work)
    if prepared is None or not store.has_beside(PREPARED):
        discard(store, engine.preparing)
        raise Refused(problem(Code.NOT_FOUND, object="prepared update", id=""))

    def progress(done: int, total: int) -> None:
        engine.preparing.done = (done, total)
        tell()

    began = engine.world.clock.steady()
    found = Downloaded(prepared.rows, frozenset(prepared.brought))
    progress(0, prepared.rows)
    if prepared.merged:
        with store.write() as work:
            did.changed.update(dict.fromkeys(follow_merges(work, store.tables, prepared.merged)))
    with store.attached_beside(PREPARED):
        downloads.apply_staged(store, engine.world.clock, progress, found, asked_for=prepared.partial)
    reach("prepare.applied")
    done = _finish(engine, prepared, engine.world.clock.steady() - began, found.applied.written)
    store.drop_beside(PREPARED)
    did.changed.update(found.applied.changed)
    did.waiting.update(found.applied.waiting)
    did.objects |= found.brought
    return done


def _finish(engine: Engine, prepared: Prepared, seconds: float, written: Written) -> SyncReport:
    """The device stands where the update ends; of the feed it has read more since."""
    with engine.store.write() as work:
        downloads.stand(work, prepared.end, feed_goes_on=True)
        forget_prepared(work)
        report = reports.wrote(reports.numbered(work, prepared.number), written)
        done = msgspec.structs.replace(
            report,
            ended_at=engine.now(),
            successful=True,
            problem=None,
            apply_seconds=seconds,
            seconds=report.seconds + seconds,
        )
        reports.keep(work, done)
    engine.sync_ended()
    return done
