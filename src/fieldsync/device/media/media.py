"""The files of one device, for pages and callers: how each stands, getting them, reading them, making new ones.

A media sync runs beside everything else; people go on working. What was fetched of a file stays, so one that is cut
goes on where it was. A file that was made here goes after its record, piece by piece, by itself.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import msgspec

from fieldsync.base import limits
from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Code, Problem, Refused, problem
from fieldsync.device.edit.session import Edit
from fieldsync.device.media import fetch
from fieldsync.device.media.fetch import Fetched
from fieldsync.device.media.outgoing import Outgoing
from fieldsync.device.media.plan import Item, Plan, Wanted, items, plan
from fieldsync.device.media.refused import NotTaken, not_taken, unsent
from fieldsync.device.media.said import is_taken_back
from fieldsync.device.media.texts import Text, key_of, wanted_texts
from fieldsync.device.media.wanted import wanted
from fieldsync.device.status.report import SyncKind, SyncReport, Trigger
from fieldsync.device.store.media.files import MEDIA, Files, Held
from fieldsync.device.sync.account import read_settings
from fieldsync.device.sync.engine import Engine
from fieldsync.device.transport import Unreachable
from fieldsync.protocol.media import BYTES, CHECKSUM, FILE_NAME, MEDIA_TYPE, text_file
from fieldsync.schema.fields import FieldValue

TELL_SECONDS = 0.5
"""How far a file is need not be told more often."""


@dataclass(frozen=True)
class MediaState:
    """What a media sync is at, or why the last one stopped."""

    active: bool = False
    record: str = ""
    """Whose file it is at, or stopped at; empty where it was none yet."""
    name: str = ""
    done: int = 0
    """Bytes."""
    total: int = 0
    problem: Problem | None = None


@dataclass(frozen=True)
class NewFile:
    """A file a person brings: what it is called, what it is, what it holds."""

    name: str
    media_type: str
    body: bytes


class Media:
    """`tell` hears that something about files may look different."""

    def __init__(self, engine: Engine, tell: Callable[[], None]) -> None:
        self._engine, self._store, self._tell = engine, engine.store, tell
        self._turn = threading.Lock()
        self._opening = threading.Lock()
        self._files: Files | None = None
        self._canceled = threading.Event()
        self._state, self._told_at = MediaState(), 0.0
        self._outgoing = Outgoing(engine, lambda: self.files, tell)

    @property
    def files(self) -> Files:
        """The file of files, opened when it is first asked for."""
        with self._opening:
            if self._files is None:
                self._files = self._store.files()
            return self._files

    def close(self) -> None:
        """Close it; a running sync ends first."""
        self.cancel()
        with self._turn, self._opening:
            if self._files is not None:
                self._files.close()

    def items(self) -> list[Item]:
        """Every file that a record here speaks of."""
        return items(self._wanted(), self._held())

    def item(self, record_id: str) -> Item | None:
        """The file of this record."""
        return next((one for one in self.items() if one.wanted.id == record_id), None)

    def waiting(self) -> tuple[int, int]:
        """How many files are not here at all, and how many bytes all that a sync would bring has."""
        found = self.plan()
        return len(found.new), sum(item.left for item in (*found.new, *found.update))

    def plan(self) -> Plan:
        """What a sync would do."""
        return plan(self._wanted(), self._held())

    def sent_of(self, record_id: str) -> int | None:
        """Of a file that was made here, how many bytes the server has; None of others."""
        return next((one.sent for one in self._held() if one.id == record_id), None)

    def size(self, record_id: str) -> int | None:
        """Bytes of the version that can be read now; None: there is none."""
        found = self.files.whole(record_id)
        return None if found is None else found.bytes

    def read(self, record_id: str, first: int = 0, behind: int | None = None) -> bytes:
        """Bytes of a file, from the first to before the last. Raises Refused(NOT_FOUND)."""
        found = self.files.whole(record_id)
        if found is None:
            raise Refused(problem(Code.NOT_FOUND, object="File of", id=RecordId(record_id)))
        return self.files.read(found, first, found.bytes if behind is None else min(behind, found.bytes))

    def attach(self, edit: Edit, name: str, values: Mapping[str, FieldValue], given: NewFile) -> RecordId:
        """A new record of this object with this file, within an edit. The file is on disk before the record is, and
        goes to the server after it. Raises Refused: TOO_LARGE, and what `edit.create` does."""
        if not 0 < len(given.body) <= limits.ATTACHMENT_BYTES_MAX:
            raise Refused(problem(Code.TOO_LARGE, limit=f"{limits.ATTACHMENT_BYTES_MAX // 2**20} MB"))
        about = {CHECKSUM: fetch.checksum(given.body), BYTES: len(given.body)}
        about |= {MEDIA_TYPE: given.media_type, FILE_NAME: given.name}
        record_id = edit.create(name, {**values, **about})
        self.files.put(name, record_id, given.body)
        self._outgoing.look_again()
        return record_id

    def keep(self, made: Sequence[Text]) -> None:
        """Put texts of a save on the disk, before its rows are."""
        for text in made:
            self.files.put(text.object, text.key, text.body)
        if made:
            self._outgoing.look_again()

    def is_here(self, record_id: str, field: str, checksum: str) -> bool:
        """Whether this text can be read."""
        return self.files.whole(key_of(record_id, field), checksum) is not None

    def text(self, record_id: str, field: str, value: FieldValue) -> str | None:
        """All of the text of which this is what the row says; None where its file is not here."""
        told = text_file(value)
        if told is None:
            return value if isinstance(value, str) else None
        found = self.files.whole(key_of(record_id, field), told.checksum)
        return None if found is None else self.files.read(found, 0, found.bytes).decode()

    def after_step(self, again: float | None) -> float | None:
        """Send a piece of what was made here, where nothing else is due. Seconds until the next is."""
        return again if again == 0.0 else self._outgoing.step(again, beside=(self._store.folder / MEDIA).exists())

    @property
    def refusals(self) -> int:
        """How many files that were made here the server does not take."""
        if self._outgoing.refusals is None and (self._store.folder / MEDIA).exists():
            self._outgoing.count()
        return self._outgoing.refusals or 0

    def refused(self) -> list[NotTaken]:
        """Files that were made here and the server does not take."""
        if not self.refusals:
            return []
        with self._store.read() as work:
            return not_taken(work, self._store.tables, self._held())

    def unsent(self) -> list[str]:
        """Files that are only here, by name."""
        with self._store.read() as work:
            return unsent(work, self._store.tables, self._held())

    def send_again(self, one: NotTaken) -> None:
        """A person wants a refused file to be tried now."""
        self._outgoing.try_now(one.held)

    def give_up(self, one: NotTaken) -> None:
        """A person needs a refused file no more: it goes."""
        self.files.drop(one.held.id, one.held.checksum)
        self._outgoing.count()

    def state(self) -> MediaState:
        """How far a running sync is."""
        return self._state

    def cancel(self) -> None:
        """End a running sync soon; what came stays."""
        self._canceled.set()

    def sync(
        self, *, new: bool = True, update: bool = True, only: str | None = None, trigger: Trigger = Trigger.MANUAL
    ) -> SyncReport:
        """Take away what left, with `update` bring what is here to its newest version, and with `new` get what is not
        here; `only`: just this record's file. Blocks. Raises Refused: AUTH, OFFLINE, SYNC_RUNNING, SYNC_CANCELED,
        UNUSABLE."""
        engine = self._engine
        if not (engine.calls.signed_in and engine.online):
            reason = problem(Code.AUTH if engine.online else Code.OFFLINE)
            self._state = MediaState(record=only or "", problem=reason)
            raise Refused(reason)
        if not self._turn.acquire(blocking=False):
            raise Refused(problem(Code.SYNC_RUNNING))
        try:
            self._canceled.clear()
            self._state = MediaState(active=True, record=only or "")
            with self._store.write() as work:
                report = engine.reporting.begin(work, SyncKind.MEDIA, trigger)
            return self._tracked(report, lambda got: self._run(got, new=new, update=update, only=only))
        finally:
            self._turn.release()
            self._tell()

    def _tracked(self, report: SyncReport, run: Callable[[Fetched], None]) -> SyncReport:
        began, reason = self._engine.world.clock.steady(), None
        got = Fetched()
        try:
            run(got)
            reason = got.problem
        except Unreachable:
            reason = problem(Code.OFFLINE)
        except Refused as refused:
            reason = refused.problem
        self._state = MediaState(record=self._state.record, problem=reason)
        seconds = self._engine.world.clock.steady() - began
        done = msgspec.structs.replace(
            report,
            ended_at=self._engine.now(),
            seconds=seconds,
            media_seconds=seconds,
            successful=reason is None,
            canceled=reason is not None and reason.code is Code.SYNC_CANCELED,
            download_processed=reason is None,
            files_received=got.files,
            files_removed=got.removed,
            freeze_seconds=got.frozen,
            problem=reason,
        )
        done = self._engine.end_sync(done)
        if reason is not None and got.problem is None:
            raise Refused(reason)
        return done

    def _run(self, got: Fetched, *, new: bool, update: bool, only: str | None) -> None:
        def progress(count: int) -> None:
            got.frozen += self._engine.foreground.wait(self._canceled)
            self._progress(count)

        found = self.plan()
        for record_id in found.drop:
            self.files.drop(record_id)
            got.removed += 1
        self._drop_unsaid()
        if self.refusals:
            self._outgoing.count()
        chosen = [item for item in self.items() if item.wanted.id == only and item.left] if only else []
        chosen += found.update if update and not only else ()
        chosen += found.new if new and not only else ()
        total = sum(item.left for item in chosen)
        self._store.require_room(total)
        self._state = MediaState(active=True, record=only or "", total=total)
        self._tell()
        for item in chosen:
            self._state = replace(self._state, record=item.wanted.id, name=item.wanted.name)
            fetch.fetch(self.files, self._engine.calls, item.wanted, got, progress)

    def _drop_unsaid(self) -> None:
        """Files that were made here and taken back. No save is under way."""
        for one in (held for held in self._held() if held.outgoing):
            with self._store.write() as work:
                if is_taken_back(work, self._store.tables, one):
                    self.files.drop(one.id, one.checksum)

    def _progress(self, count: int) -> None:
        self._state = replace(self._state, done=self._state.done + count)
        now = self._engine.world.clock.steady()
        if now - self._told_at >= TELL_SECONDS:  # that it ended is told in any case
            self._told_at = now
            self._tell()
        if self._canceled.is_set():
            raise Refused(problem(Code.SYNC_CANCELED))

    def _wanted(self) -> list[Wanted]:
        if not self._store.has_catalog:
            return []
        with self._store.read() as work:
            settings = read_settings(work)
            files = wanted(work, self._store.tables, settings)
            return [*files, *wanted_texts(work, self._store.tables, settings.texts)]

    def _held(self) -> list[Held]:
        return self.files.held() if (self._store.folder / MEDIA).exists() else []
