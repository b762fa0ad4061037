"""Files that were made here, on their way to the server: each after its record, one piece at a step."""

from __future__ import annotations

from collections.abc import Callable

from fieldsync.base.problems import Code, Refused
from fieldsync.device.media import texts
from fieldsync.device.media.refused import not_taken
from fieldsync.device.media.said import has_left
from fieldsync.device.store.media.files import Files, Held
from fieldsync.device.store.records import read_row
from fieldsync.device.sync.engine import Engine
from fieldsync.device.transport import Unreachable
from fieldsync.protocol.media import PIECE_BYTES

AGAIN_SECONDS = 30.0
"""After a failure, and while a record is not accepted yet."""
SELDOM_SECONDS = 3600.0
"""At most, between two tries of a file that the server does not take."""
_NO = frozenset({Code.NOT_FOUND, Code.FORBIDDEN, Code.TOO_LARGE, Code.BAD_REQUEST})
"""Answers that stay the same until somebody changes something."""


class Outgoing:
    """One step is one request. Nothing is asked of the disk while nothing waits."""

    def __init__(self, engine: Engine, files: Callable[[], Files], tell: Callable[[], None]) -> None:
        self._engine, self._files, self._tell = engine, files, tell
        self._rests: dict[tuple[str, str], tuple[float, float]] = {}
        """Files the server does not take: how long each rests now, and until when."""
        self.refusals: int | None = None
        """How much of what waits the server does not take; None: not looked at yet."""
        self._idle = self._renamed = False
        self._not_before = 0.0

    def look_again(self) -> None:
        """There may be something to send."""
        self._idle, self._not_before = False, 0.0

    def try_now(self, one: Held) -> None:
        """A file that rests does so no longer."""
        self._rests.pop((one.id, one.checksum), None)
        self.look_again()
        self._engine.woken.set()

    def count(self) -> list[Held]:
        """What waits to be sent, and with it how much of that the server does not take; a change of that is told."""
        waiting, before = [one for one in self._files().held() if one.outgoing], self.refusals
        self.refusals = 0
        if any(one.refused for one in waiting):
            with self._engine.store.read() as work:
                self.refusals = len(not_taken(work, self._engine.store.tables, waiting))
        if before not in (None, self.refusals):
            self._tell()
        return waiting

    def step(self, again: float | None, *, beside: bool) -> float | None:
        """Send the next piece, if one may go. `again`: when something else is due; `beside`: there is a file of files.
        Seconds until the next call."""
        if self._idle or not beside or not self._engine.ready:
            return again
        wait = self._not_before - self._engine.world.clock.steady()
        if wait > 0:
            return wait if again is None else min(again, wait)
        waiting = self.count()
        self._idle, self._renamed = not waiting, False
        now = self._engine.world.clock.steady()
        awake = (one for one in waiting if self._rests.get((one.id, one.checksum), (0.0, now))[1] <= now)
        ready = next((one for one in awake if self._is_closed(one) or self._is_accepted(one)), None)
        if (ready is not None and self._send(ready)) or self._renamed:
            return 0.0
        if waiting:
            self._not_before = self._engine.world.clock.steady() + AGAIN_SECONDS
            return AGAIN_SECONDS if again is None else min(again, AGAIN_SECONDS)
        return again

    def _is_closed(self, one: Held) -> bool:
        """Whether it is a text of which this device is not told whether the server has a row that speaks of it."""
        if not texts.field_of(one.id):
            return False
        with self._engine.store.read() as work:
            return texts.is_closed(work, self._engine.store.tables, one)

    def _is_accepted(self, one: Held) -> bool:
        store = self._engine.store
        if one.object not in store.tables:
            return False
        if texts.field_of(one.id):
            return self._is_told(one)
        with store.read() as work:
            there = read_row(work, store.tables[one.object], one.id) is not None
            return texts.is_settled(work, one.id) if there else has_left(work, store.tables, one)

    def _is_told(self, one: Held) -> bool:
        """Whether the server has a row that speaks of this text, or may have."""
        store = self._engine.store
        with store.read() as work:
            if not texts.is_settled(work, one.id):
                return False
            key = texts.goes_with(work, store.tables[one.object], one)
            if key is None:
                return has_left(work, store.tables, one)
            ready = texts.is_settled(work, key)
        if key != one.id:
            self._files().rename(one, key)
            self._renamed = True
        return ready and key == one.id

    def _refuse(self, one: Held) -> bool:
        """The server does not take it: it rests, ever longer, and the next one goes."""
        seconds = min(self._rests.get((one.id, one.checksum), (AGAIN_SECONDS / 2, 0.0))[0] * 2, SELDOM_SECONDS)
        self._rests[one.id, one.checksum] = seconds, self._engine.world.clock.steady() + seconds
        if not one.refused:
            self._files().refuse(one)
            self.count()
        return True

    def _send(self, one: Held) -> bool:
        """Whether the next may go at once: the server took it, or never will as things are."""
        if self._is_closed(one):
            return self._refuse(one)
        files, sent = self._files(), one.sent or 0
        path = f"/sync/v1/media/{one.object}/{texts.record_of(one.id)}"
        try:
            body = files.read(one, sent, min(sent + PIECE_BYTES, one.bytes))
            taken = self._engine.calls.post_piece(path, body, checksum=one.checksum, offset=str(sent))
        except Refused as refused:
            return refused.problem.code in _NO and self._refuse(one)
        except Unreachable:
            return False
        self._rests.pop((one.id, one.checksum), None)
        files.sent(one.id, one.checksum, one.bytes if taken.whole else taken.bytes)
        if one.refused:
            self.count()
        return taken.whole or taken.bytes > sent
