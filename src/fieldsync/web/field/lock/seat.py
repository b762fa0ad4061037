"""The one place at which a person's store is open, or nobody's. To lock is to leave it: the file is closed, the key is
given up, the background has ended, and nothing of the process knows a record any more."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from litestar.exceptions import HTTPException

from fieldsync.base.problems import Refused
from fieldsync.base.world import World
from fieldsync.device import Device
from fieldsync.device.people import Person
from fieldsync.web.field.changes import Changes
from fieldsync.web.field.context import Field, KnownTongue
from fieldsync.web.field.door import Door
from fieldsync.web.field.lock.lock import Idle
from fieldsync.web.field.presence import Presence
from fieldsync.web.field.sync.runner import Runner
from fieldsync.web.kit.speaking import browsers
from fieldsync.web.kit.tongue import Tongue

LOOK_SECONDS = 2.0
ANSWERS_SECONDS_MAX = 5.0
LOCKED = 423


class Seat:
    """`rests`: while no page is visible the engine does nothing by itself. `idle_minutes`: earlier than the admin's
    setting says it locks."""

    def __init__(
        self, door: Door, world: World, name: str, *, locks: bool = True, rests: bool = True, idle_minutes: int = 0
    ) -> None:
        self.door, self.world, self.name, self.locks = door, world, name, locks
        self.idle, self._idle_minutes, self._rests = Idle(world.clock), idle_minutes, rests
        self.field: Field | None = None
        self.person: Person | None = None
        self._tongue: KnownTongue | None = None
        self.later = False
        """The person goes on without the first download."""
        self._turn, self._answers = threading.RLock(), threading.Condition()
        self._answering = 0
        self._stop = threading.Event()
        if locks:
            threading.Thread(target=self._watch, name="fieldsync lock", daemon=True).start()

    def take(self, device: Device, person: Person | None = None) -> None:
        """This person's store is open from here on; who was here left."""
        self.leave()
        with self._turn:
            changes = Changes(device)
            runner = Runner(device, changes.tell)
            seen = Presence(device, self.world.clock) if self._rests else None
            self.person, self.later, self._tongue = person, False, KnownTongue(device, changes)
            self.field = Field(device, self.door, self.name, changes, runner, self.locks, seen, idle=self.idle)
            self.idle.touch()

    def here(self) -> Field:
        """The open app. Raises HTTPException(423)."""
        field = self.field
        if field is None:
            raise HTTPException("The app is locked.", status_code=LOCKED)
        return replace(field, seen=field.changes.count)

    def tongue(self, accepted: str) -> Tongue:
        """Of who is here; of nobody, the browser's."""
        known = self._tongue
        return browsers(accepted) if known is None else known.of(accepted)

    @contextmanager
    def answering(self) -> Iterator[None]:
        """While this request is answered the store stays open."""
        with self._answers:
            self._answering += 1
        try:
            yield
        finally:
            with self._answers:
                self._answering -= 1
                self._answers.notify_all()

    def leave(self, *, answered: bool = True) -> None:
        """Close what is open. `answered`: requests that are being answered come to their end first."""
        with self._turn:
            field, self.field, self.person, self._tongue = self.field, None, None, None
            if field is None:
                return
            field.changes.close()
            if answered:
                with self._answers:
                    self._answers.wait_for(lambda: self._answering == 0, ANSWERS_SECONDS_MAX)
            if field.presence is not None:
                field.presence.close()
            field.runner.close()
            field.device.close()
            del field
            gc.collect()

    def look(self) -> None:
        """Lock, if nobody touched the app for as long as the admin's setting, or the machine's owner, allows."""
        with self._turn:
            if self.field is None or not self.locks:
                return
            try:
                account = self.field.device.account
            except Refused:  # an admin had it emptied
                self.leave()
                return
            set_minutes = account.settings.idle_minutes if account is not None else 0
            self.idle.minutes = min((n for n in (set_minutes, self._idle_minutes) if n), default=0)
            if self.idle.due:
                self.leave()

    def stop(self) -> None:
        """The app stops: streams end, what runs is canceled. `leave` closes the store when nobody asks any more."""
        self._stop.set()
        field = self.field
        if field is not None:
            field.changes.close()
            field.runner.close()
            if field.presence is not None:
                field.presence.close()

    def _watch(self) -> None:
        while not self._stop.wait(LOOK_SECONDS):
            self.look()
