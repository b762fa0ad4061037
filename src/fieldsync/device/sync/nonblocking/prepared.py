"""An update that lies ready, and the one that is being prepared (FEATURES E04 to E07).

What lies ready outlives a restart: its rows in a file that was synced to disk, what to do with them here. An ordinary
sync, or another preparation, throws it away.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

import msgspec

from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Problem
from fieldsync.device.store import meta
from fieldsync.device.store.meta import Key
from fieldsync.device.store.store import PREPARED, Store
from fieldsync.device.store.work import Work
from fieldsync.protocol.download import End
from fieldsync.protocol.rows import RecordRef


class Prepared(msgspec.Struct, frozen=True):
    """An update in the file beside. `checkpoint`: where the device stood, so that nothing else moved it since."""

    number: int
    """Of its sync report."""
    checkpoint: str
    catalog_version: str
    rows: int
    removed: int
    brought: tuple[str, ...]
    merged: tuple[tuple[RecordRef, RecordId], ...]
    end: End
    partial: tuple[RecordId, ...] = ()
    """Families a member of which was waited for when it was asked for."""


@dataclass
class Preparing:
    """What the preparation is at, for the Status widget. `turn` is held by the one that runs."""

    turn: threading.Lock = field(default_factory=threading.Lock)
    applying: bool = False
    rows: int = 0
    done: tuple[int, int] = (0, 0)
    """Of an update that is being applied: rows done, and in all."""
    canceled: threading.Event = field(default_factory=threading.Event)
    problem: Problem | None = None
    """Why the last one failed."""

    @property
    def active(self) -> bool:
        return self.turn.locked()


def read_prepared(work: Work) -> Prepared | None:
    """The update that lies ready; None when there is none, or it does not fit what is here any more."""
    raw = meta.get(work, Key.PREPARED)
    if raw is None:
        return None
    found = msgspec.json.decode(raw, type=Prepared)
    here = (meta.get(work, Key.CHECKPOINT), meta.get(work, Key.CATALOG_VERSION))
    return found if here == (found.checkpoint, found.catalog_version) else None


def begin_preparing(work: Work) -> None:
    """From here on it is noted what else arrives (`_passed`)."""
    work.run("DELETE FROM _passed")
    meta.put(work, Key.PREPARED, None)
    meta.put(work, Key.PREPARING, 1)


def keep_prepared(work: Work, prepared: Prepared) -> None:
    """The update lies ready."""
    meta.put(work, Key.PREPARED, msgspec.json.encode(prepared))


def forget_prepared(work: Work) -> None:
    """There is no update any more, and nothing is noted."""
    work.run("DELETE FROM _passed")
    meta.put(work, Key.PREPARED, None)
    meta.put(work, Key.PREPARING, None)


def discard(store: Store, preparing: Preparing) -> None:
    """Throw away what lies ready, and let what is being prepared end in nothing."""
    preparing.canceled.set()
    with store.read() as work:
        idle = meta.get(work, Key.PREPARED) is None and meta.get(work, Key.PREPARING) is None
    if not idle:
        with store.write() as work:
            forget_prepared(work)
        if not preparing.active:
            store.drop_beside(PREPARED)
