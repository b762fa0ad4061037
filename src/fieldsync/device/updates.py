"""The non-blocking sync of one device, for pages and callers: prepare, see how it stands, apply."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from fieldsync.base.world import World
from fieldsync.device.status import report as reports
from fieldsync.device.status.preparation import Preparation, PreparationFacts, is_due, preparation
from fieldsync.device.status.report import SyncKind, SyncReport, Trigger
from fieldsync.device.store import meta
from fieldsync.device.store.meta import Key
from fieldsync.device.store.store import Store
from fieldsync.device.sync.account import read_account, read_settings
from fieldsync.device.sync.engine import Engine
from fieldsync.device.sync.nonblocking.applying import apply_prepared
from fieldsync.device.sync.nonblocking.prepare import prepare
from fieldsync.device.sync.nonblocking.prepared import discard, read_prepared
from fieldsync.device.sync.run import kind_due
from fieldsync.device.sync.settle import Stepped
from fieldsync.protocol.download import Reload


class Updates:
    """`told` hears what changed rows, then that the widget may look different, then that settings may be others."""

    def __init__(
        self,
        store: Store,
        engine: Engine,
        world: World,
        told: tuple[Callable[[Stepped], None], Callable[[], None], Callable[[], None]],
    ) -> None:
        self._store, self._engine, self._world = store, engine, world
        self._told, self._progress, self._follow_settings = told
        with store.read() as work:
            killed = meta.get(work, Key.PREPARING) is not None and meta.get(work, Key.PREPARED) is None
        if killed:
            discard(store, engine.preparing)

    def prepare(self, *, trigger: Trigger = Trigger.MANUAL) -> SyncReport:
        """Get what is new into a file beside; saves and autosync go on. Blocks its caller only.

        Raises Refused: AUTH, OFFLINE, BUSY, SYNC_RUNNING, SYNC_CANCELED, REFRESH_REQUIRED.
        """
        did = Stepped()
        try:
            return prepare(self._engine, self._progress, did, trigger)
        finally:
            self._told(did)
            self._progress()

    def apply(self) -> SyncReport:
        """Make the prepared update the rows; also offline. Raises Refused: NOT_FOUND, SYNC_RUNNING."""
        did = Stepped()
        try:
            return apply_prepared(self._engine, self._progress, did)
        finally:
            self._follow_settings()
            self._told(did)
            self._progress()

    def cancel(self) -> None:
        """End a running `prepare` soon, from another thread."""
        self._engine.preparing.canceled.set()

    def state(self) -> Preparation:
        """The Status widget, now."""
        preparing = self._engine.preparing
        with self._store.read() as work:
            ready = read_prepared(work)
        return preparation(
            PreparationFacts(
                active=preparing.active,
                applying=preparing.applying,
                ready=None if ready is None else (ready.rows, ready.removed),
                rows=preparing.rows,
                done=preparing.done,
                problem=preparing.problem,
            )
        )

    def reload(self) -> Reload | None:
        """What an admin wants loaded anew, from the day on from which the person is told (FEATURES F04)."""
        with self._store.read() as work:
            raw = meta.get(work, Key.RELOAD)
        wanted = None if raw is None else msgspec.json.decode(raw, type=Reload)
        today = self._world.clock.now().date().isoformat()
        return wanted if wanted is not None and wanted.alert <= today else None

    def full_bytes(self) -> int:
        """How much loading everything anew brings at most: as much as is here."""
        return self._store.size

    def next_bytes(self) -> int:
        """The same of an ordinary sync, where it is to load everything anew; 0 where it brings what changed."""
        with self._store.read() as work:
            as_of, days = meta.get(work, Key.AS_OF), read_settings(work).offline_days
        reload, now = self.reload(), self._world.clock.now()
        due = reload is not None and reload.due <= now.date().isoformat()
        return self.full_bytes() if due or kind_due(as_of, now, days) is SyncKind.FULL else 0

    def due(self) -> bool:
        """Whether the first opening of the day should prepare one (FEATURES E05)."""
        with self._store.read() as work:
            account, past = read_account(work), reports.reports(work)
        begun = (r.started_at for r in past if r.kind not in (SyncKind.UPLOAD_ONLY, SyncKind.MEDIA, SyncKind.MINI))
        if account is None or not self._engine.ready or account.as_of is None:
            return False
        return is_due(next(begun, None), self._world.clock.now(), account.user.time_zone)
