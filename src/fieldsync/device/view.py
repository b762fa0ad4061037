"""An open record: while it is open, and its lease is renewed, nothing of its family changes (law L8)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Self

from fieldsync.base.ids import RecordId
from fieldsync.base.world import World, unix_ms
from fieldsync.device.merge import view as leases
from fieldsync.device.store.store import Store
from fieldsync.protocol.rows import RecordRef


class View:
    """A record somebody has open. As a context manager it closes at the end; a page keeps `token` instead."""

    def __init__(self, opened: OpenRecords, object_name: str, record_id: RecordId, token: str) -> None:
        self._opened = opened
        self.object, self.id, self.token = object_name, record_id, token

    @property
    def news(self) -> bool:
        """Whether a newer version waits."""
        return self._opened.news(self.token)

    def show_news(self) -> bool:
        """Bring the newer version into the rows. False when there is none, or an edit of the family is undecided."""
        return self._opened.show_news(self.token)

    def renew(self) -> bool:
        """Hold on for another `VIEW_LEASE_SECONDS`. False when the lease had ended."""
        return self._opened.renew(self.token)

    def close(self) -> None:
        """Leave: what waited is merged. Closing twice does nothing."""
        self._opened.close(self.token)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class OpenRecords:
    """The open records of one device, by token. `changed` is told after the commit, outside the lock."""

    def __init__(self, store: Store, world: World, changed: Callable[[Iterable[RecordRef]], None]) -> None:
        self._store, self._world, self._changed = store, world, changed

    def open(self, object_name: str, record_id: RecordId) -> View:
        """A lease on a record. Raises Refused: UNKNOWN_OBJECT, NOT_FOUND."""
        token = self._world.chance.bytes(16).hex()
        with self._store.write() as work:
            leases.open_view(work, self._store.tables, RecordRef(object_name, record_id), token, self._now_ms())
        return View(self, object_name, record_id, token)

    def renew(self, token: str) -> bool:
        """See `View.renew`."""
        with self._store.write() as work:
            return leases.renew_view(work, token, self._now_ms())

    def news(self, token: str) -> bool:
        """See `View.news`."""
        with self._store.read() as work:
            root = leases.root_of_view(work, token)
            return root is not None and leases.has_news(work, self._store.tables, root)

    def show_news(self, token: str) -> bool:
        """See `View.show_news`."""
        with self._store.write() as work:
            root = leases.root_of_view(work, token)
            shown = [] if root is None else leases.show_news(work, self._store.tables, root)
        self._changed(shown)
        return bool(shown)

    def close(self, token: str) -> None:
        """See `View.close`."""
        with self._store.write() as work:
            merged = leases.close_views(work, self._store.tables, [token])
        self._changed(merged)

    def _now_ms(self) -> int:
        return unix_ms(self._world.clock.now())
