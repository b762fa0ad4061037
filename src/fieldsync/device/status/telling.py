"""What a piece of network work means to those who listen. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from fieldsync.device.queue.entry import QueueEntry
from fieldsync.device.status.events import (
    ErrorRaised,
    Event,
    NewsWaiting,
    QueueChanged,
    RecordsChanged,
    records_changed,
)
from fieldsync.device.sync.settle import Stepped


def events_of(did: Stepped, errors: Iterable[QueueEntry]) -> list[Event]:
    """Events of a piece of work; `errors` is the error list as it is now."""
    events: list[Event] = records_changed(ref for ref in did.changed if ref.object not in did.objects)
    events += [RecordsChanged(name, ()) for name in sorted(did.objects)]
    events += [NewsWaiting(ref.object, ref.id) for ref in did.waiting]
    if did.queue_changed:
        events.append(QueueChanged())
    raised = tuple(entry for entry in errors if entry.n in did.refused)
    return events + ([ErrorRaised(raised)] if raised else [])
