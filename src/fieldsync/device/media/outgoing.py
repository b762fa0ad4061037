"""Files that were made here, on their way to the server: each after its record, one piece at a step."""

from __future__ import annotations

from collections.abc import Callable

from fieldsync.base.problems import Refused
from fieldsync.device import reading
from fieldsync.device.media import texts
from fieldsync.device.record import Mark
from fieldsync.device.store.media.files import Files, Held
from fieldsync.device.store.records import read_row
from fieldsync.device.sync.engine import Engine
from fieldsync.device.transport import Unreachable
from fieldsync.protocol.media import PIECE_BYTES

AGAIN_SECONDS = 30.0
"""After a failure, and while a record is not accepted yet."""


class Outgoing:
    """One step is one request. Nothing is asked of the disk while nothing waits."""

    def __init__(self, engine: Engine, files: Callable[[], Files]) -> None:
        self._engine, self._files = engine, files
        self._idle = self._renamed = False
        self._not_before = 0.0

    def look_again(self) -> None:
        """There may be something to send."""
        self._idle, self._not_before = False, 0.0

    def step(self, again: float | None, *, beside: bool) -> float | None:
        """Send the next piece, if one may go. `again`: when something else is due; `beside`: there is a file of files.
        Seconds until the next call."""
        if self._idle or not beside or not self._engine.ready:
            return again
        wait = self._not_before - self._engine.world.clock.steady()
        if wait > 0:
            return wait if again is None else min(again, wait)
        waiting = [one for one in self._files().held() if one.outgoing]
        self._idle, self._renamed = not waiting, False
        ready = next((one for one in waiting if self._is_accepted(one)), None)
        if (ready is not None and self._send(ready)) or self._renamed:
            return 0.0
        if waiting:
            self._not_before = self._engine.world.clock.steady() + AGAIN_SECONDS
            return AGAIN_SECONDS if again is None else min(again, AGAIN_SECONDS)
        return again

    def _is_accepted(self, one: Held) -> bool:
        store = self._engine.store
        if one.object not in store.tables:
            return False
        if texts.field_of(one.id):
            return self._is_told(one)
        with store.read() as work:
            there = read_row(work, store.tables[one.object], one.id) is not None
            return there and reading.marks(work, [one.id])[one.id] is Mark.CLEAN

    def _is_told(self, one: Held) -> bool:
        """Whether the server has a row that speaks of this text."""
        store = self._engine.store
        with store.read() as work:
            if not texts.is_settled(work, one.id):
                return False
            key = texts.goes_with(work, store.tables[one.object], one)
            ready = key is not None and texts.is_settled(work, key)
        if key is not None and key != one.id:
            self._files().rename(one, key)
            self._renamed = True
        return ready and key == one.id

    def _send(self, one: Held) -> bool:
        """Whether the server took it."""
        files, sent = self._files(), one.sent or 0
        path = f"/sync/v1/media/{one.object}/{texts.record_of(one.id)}"
        try:
            body = files.read(one, sent, min(sent + PIECE_BYTES, one.bytes))
            taken = self._engine.calls.post_piece(path, body, checksum=one.checksum, offset=str(sent))
        except (Unreachable, Refused):
            return False
        files.sent(one.id, one.checksum, one.bytes if taken.whole else taken.bytes)
        return taken.whole or taken.bytes > sent
