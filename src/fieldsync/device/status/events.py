"""What happened on the device, told to whoever listens: after the commit, outside every lock (DESIGN 10)."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from fieldsync.base.ids import RecordId
from fieldsync.device.queue.entry import QueueEntry
from fieldsync.device.status.widget import Widget
from fieldsync.protocol.rows import RecordRef


@dataclass(frozen=True)
class RecordsChanged:
    """Rows of an object may have changed; no ids: any of them."""

    object: str
    ids: tuple[RecordId, ...]


@dataclass(frozen=True)
class QueueChanged:
    """Entries came, went or changed state."""


@dataclass(frozen=True)
class ErrorRaised:
    """Entries were refused and wait for a person: told once a sync, however many there are (FEATURES G02)."""

    entries: tuple[QueueEntry, ...]


@dataclass(frozen=True)
class ProgressChanged:
    """The widget may look different."""

    widget: Widget


@dataclass(frozen=True)
class NewsWaiting:
    """A newer version of a record waits, because it is open, pending or failed."""

    object: str
    id: RecordId


Event = RecordsChanged | QueueChanged | ErrorRaised | ProgressChanged | NewsWaiting
Callback = Callable[[Event], None]


class Listeners:
    """Who listens. A callback runs on the thread that caused the event, and should return soon."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._callbacks: dict[int, Callback] = {}
        self._next = 0

    def subscribe(self, callback: Callback) -> Callable[[], None]:
        """Call `callback` for every event until the returned function is called."""
        with self._lock:
            self._next += 1
            number = self._next
            self._callbacks[number] = callback
        return lambda: self._drop(number)

    def _drop(self, number: int) -> None:
        with self._lock:
            self._callbacks.pop(number, None)

    def tell(self, events: Iterable[Event]) -> None:
        """Tell everybody, in order."""
        with self._lock:
            callbacks = list(self._callbacks.values())
        if callbacks:
            for event in events:
                for callback in callbacks:
                    callback(event)


def records_changed(refs: Iterable[RecordRef]) -> list[Event]:
    """One event per object."""
    by_object: dict[str, list[RecordId]] = {}
    for ref in refs:
        by_object.setdefault(ref.object, []).append(ref.id)
    return [RecordsChanged(name, tuple(ids)) for name, ids in by_object.items()]
