"""Records that are not on this device: found online, and brought one at a time with what hangs on it (FEATURES E18)."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Code, Refused, problem
from fieldsync.device.status.report import SyncKind, SyncReport
from fieldsync.device.sync.engine import Engine
from fieldsync.device.sync.names import told_name
from fieldsync.device.transport import Unreachable
from fieldsync.protocol.feed import Bring, Brought, FoundPage


class Mini:
    """`step` does a piece of network work: what is brought comes by the feed, like the person's own saves."""

    def __init__(self, engine: Engine, step: Callable[[], float | None]) -> None:
        self._engine, self._step = engine, step

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
        engine, began = self._engine, self._engine.world.clock.steady()
        with engine.store.write() as work:
            report = engine.reporting.begin(work, SyncKind.MINI)
        rows, reason = 0, None
        try:
            rows = engine.calls.post("/sync/v1/mini", Bring(name, record_id), Brought).records
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
        engine.end_sync(done)
        if reason is not None:
            raise Refused(reason)
        return done

    def _require(self) -> None:
        if not self._engine.ready:
            raise Refused(problem(Code.OFFLINE if self._engine.calls.signed_in else Code.AUTH))
