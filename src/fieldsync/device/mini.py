"""One record at a time: found online and brought with what hangs on it (FEATURES E18), or one that is here sent and
brought as the server has it (E19)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Code, Refused, problem
from fieldsync.device.queue.entry import QueueEntry
from fieldsync.device.status.report import SyncKind, SyncReport
from fieldsync.device.sync.engine import Engine
from fieldsync.device.sync.names import told_name
from fieldsync.device.transport import Unreachable
from fieldsync.protocol.feed import Bring, Brought, FoundPage


class Mini:
    """`step` does a piece of network work: what is brought comes by the feed, like the person's own saves. `queue` is
    what waits to be sent."""

    def __init__(
        self, engine: Engine, step: Callable[[], float | None], queue: Callable[[], Sequence[QueueEntry]]
    ) -> None:
        self._engine, self._step, self._queue = engine, step, queue

    def find(self, name: str, search: str) -> FoundPage:
        """Records by a part of their name. Raises Refused: AUTH, OFFLINE, UNKNOWN_OBJECT, BAD_REQUEST."""
        self._require()
        try:
            return self._engine.calls.get(f"/sync/v1/online/{name}", FoundPage, search=search)
        except Unreachable:
            raise Refused(problem(Code.OFFLINE)) from None

    def name_of(self, record_id: RecordId) -> str | None:
        """What a record is called that is not here, where the server told it (`Related_Record_Names`)."""
        with self._engine.store.read() as work:
            return told_name(work, record_id)

    def bring(self, name: str, record_id: RecordId) -> SyncReport:
        """Get this one now. Blocks. Raises Refused: AUTH, OFFLINE, UNKNOWN_OBJECT, NOT_FOUND."""
        self._require()
        return self._get(Bring(name, record_id))

    def renew(self, name: str, record_id: RecordId) -> SyncReport:
        """Send what waits of this record and its details, and what was saved before that; then get it as the server
        has it. Blocks. Raises as `bring`: NOT_FOUND also for one that is gone online."""
        self._require()
        while self._engine.online and any(record_id in entry.records for entry in self._queue()):
            if self._step() != 0.0:  # nothing more is due: it was refused, or there is no network
                break
        return self._get(Bring(name, record_id, alone=True))

    def _get(self, asked: Bring) -> SyncReport:
        engine, began = self._engine, self._engine.world.clock.steady()
        with engine.store.write() as work:
            report = engine.reporting.begin(work, SyncKind.MINI)
        rows, reason = 0, None
        try:
            rows = engine.calls.post("/sync/v1/mini", asked, Brought).records
            engine.news = True
            while engine.news and engine.online:
                self._step()
        except Unreachable:
            reason = problem(Code.OFFLINE)
        except Refused as refused:
            reason = refused.problem
        done = msgspec.structs.replace(
            report,
            ended_at=engine.now(),
            seconds=engine.world.clock.steady() - began,
            successful=reason is None,
            download_processed=reason is None,
            rows_received=rows,
            problem=reason,
        )
        done = engine.end_sync(done)
        if reason is not None:
            raise Refused(reason)
        return done

    def _require(self) -> None:
        if not self._engine.ready:
            raise Refused(problem(Code.OFFLINE if self._engine.calls.signed_in else Code.AUTH))
