"""`Device`: the engine's public face. Each method names its steps and leaves the work to the rooms.

Thread rules: any thread may call anything. Writes take one lock, which is never held while the network is waited for;
reads take none. An edit session belongs to the thread that opened it. Callbacks of `subscribe` run on the thread that
caused the event, after its commit and outside every lock; they should return soon.
"""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Code, Refused, problem
from fieldsync.base.world import World, instant, unix_ms
from fieldsync.device import reading
from fieldsync.device.edit import undo as undoing
from fieldsync.device.edit.numbers import Numbers
from fieldsync.device.edit.preview import Author
from fieldsync.device.edit.save import save
from fieldsync.device.edit.session import Edit
from fieldsync.device.facts import widget_facts
from fieldsync.device.merge import view as views
from fieldsync.device.queue.entry import QueueEntry
from fieldsync.device.record import Mark, Record
from fieldsync.device.runner import Runner, listen
from fieldsync.device.status import report as reports
from fieldsync.device.status.events import (
    Callback,
    ErrorRaised,
    Event,
    Listeners,
    NewsWaiting,
    ProgressChanged,
    QueueChanged,
    records_changed,
)
from fieldsync.device.status.report import SyncKind, SyncReport
from fieldsync.device.status.widget import Widget, widget
from fieldsync.device.store import drafts
from fieldsync.device.store.store import Store
from fieldsync.device.sync import session
from fieldsync.device.sync.account import Account, read_account, read_settings
from fieldsync.device.sync.calls import Calls
from fieldsync.device.sync.engine import Engine, Stepped
from fieldsync.device.transport import Transport, Unreachable
from fieldsync.device.view import View
from fieldsync.protocol.rows import RecordRef
from fieldsync.protocol.session import DeviceDescription
from fieldsync.schema.catalog import Catalog
from fieldsync.schema.fields import FieldValue


class Device:
    """One person's store on one device, its queue, and its way to the server. Made by `open`."""

    def __init__(self, store: Store, world: World, transport: Transport) -> None:
        self._store, self._world, self._transport = store, world, transport
        session.load_catalog(store)
        with store.write() as work:
            reports.close_crashed(work, instant(world.clock.now()))
            self._numbers = Numbers(work, world)
        self._calls = Calls(store, transport)
        self._engine = Engine(store, self._calls, self._numbers, world)
        self._listeners = Listeners()
        self._runner = Runner(self.step, world.clock, world.chance)
        self._sessions = threading.local()
        self._progress: tuple[int, int] | None = None

    @classmethod
    def open(cls, folder: Path, key: bytes, *, world: World, transport: Transport) -> Device:
        """Open `<folder>/store.db`, or make it. Raises Refused: WRONG_KEY, STORE_DAMAGED, OPEN_ELSEWHERE."""
        return cls(Store(folder, key), world, transport)

    def close(self) -> None:
        """Stop the threads and let go of the file. What was saved stays; closing twice does nothing."""
        if self._runner.running:
            self.stop()
        self._store.close()
        self._transport.close()

    # --- who

    def sign_in(self, org: str, username: str, password: str, description: DeviceDescription) -> Account:
        """Sign in, register this device if it is new, and get the data model.

        The device's key is the store's own; `description.key` is not used. Raises Refused: AUTH, FORBIDDEN, OFFLINE.
        """
        with self._store.write() as work:
            key = session.device_key(work, self._world.chance)
        described = DeviceDescription(
            key, description.name, description.platform, description.os_version, description.app_version
        )
        try:
            account = session.sign_in(
                self._store,
                self._calls,
                self._numbers,
                org=org,
                username=username,
                password=password,
                device=described,
            )
        except Unreachable:
            raise Refused(problem(Code.OFFLINE)) from None
        self._engine.hurry()
        self._runner.wake()
        return account

    @property
    def account(self) -> Account | None:
        """Who is signed in on this store; None before the first sign-in."""
        with self._store.read() as work:
            return read_account(work)

    @property
    def catalog(self) -> Catalog:
        """The data model. Only after the first sign-in."""
        return self._store.tables.catalog

    # --- reading

    def get(self, object_name: str, record_id: RecordId) -> Record | None:
        """A record as the person sees it. Raises Refused(UNKNOWN_OBJECT)."""
        with self._store.read() as work:
            return reading.get(work, self._store.tables, object_name, record_id)

    def find(
        self,
        object_name: str,
        *,
        where: Mapping[str, FieldValue] | None = None,
        search: str | None = None,
        order_by: str = "Name",
        descending: bool = False,
        limit: int = 200,
        offset: int = 0,
    ) -> list[Record]:
        """Records whose columns have the values of `where` and whose name holds `search`."""
        with self._store.read() as work:
            return reading.find(
                work,
                self._store.tables,
                object_name,
                where=where or {},
                search=search,
                order=(order_by, descending),
                window=(limit, offset),
            )

    def count(self, object_name: str, where: Mapping[str, FieldValue] | None = None) -> int:
        """How many records have these values."""
        with self._store.read() as work:
            return reading.count(work, self._store.tables, object_name, where or {})

    def name_of(self, object_name: str, record_id: RecordId) -> str | None:
        """The name of a record that is on this device."""
        with self._store.read() as work:
            return reading.name_of(work, self._store.tables, object_name, record_id)

    def mark(self, record_id: RecordId) -> Mark:
        """How a record stands to the server."""
        with self._store.read() as work:
            return reading.marks(work, [record_id])[record_id]

    # --- editing

    @contextmanager
    def edit(self) -> Iterator[Edit]:
        """One save: everything inside is written, queued and durable when the outermost block ends, or nothing is.

        Raises Refused for what cannot be saved; then nothing was.
        """
        edit: Edit | None = getattr(self._sessions, "edit", None)
        if edit is None:
            edit = self._sessions.edit = Edit(self.catalog, self._mint)
        edit.depth += 1
        try:
            yield edit
        except BaseException:
            self._sessions.edit = None
            raise
        finally:
            edit.depth -= 1
        if edit.depth == 0:
            self._sessions.edit = None
            self._save(edit)

    def _mint(self, prefix: str) -> RecordId:
        with self._store.lock:
            return self._numbers.mint(prefix)

    def _save(self, edit: Edit) -> None:
        account = self.account
        if account is None:
            raise Refused(problem(Code.AUTH))
        if not edit.acts:
            return
        with self._store.write() as work:
            author = Author(account.user.id, self._numbers.now())
            per_part = read_settings(work).items_per_transaction
            done = save(
                work, self._store.tables, edit.acts, author=author, numbers=self._numbers, per_part=per_part
            )
        edit.queue_numbers = done.numbers
        self._runner.wake()
        self._tell([*records_changed(done.refs), QueueChanged()])

    def undo(self, n: int) -> list[int]:
        """Take back a refused save and every later one that builds on it; their numbers. Works offline, at once.

        Raises Refused: NOT_FOUND, and LOCKED for a save the server may be deciding just now.
        """
        with self._store.write() as work:
            numbers = undoing.undone_with(work, n)
            changed = undoing.undo(work, self._store.tables, n, instant(self._world.clock.now()))
        self._runner.wake()
        self._tell([*records_changed(changed), QueueChanged()])
        return numbers

    def undone(self) -> list[int]:
        """Queue numbers of saves the person took back."""
        with self._store.read() as work:
            return reading.undone(work)

    # --- open records

    def view(self, object_name: str, record_id: RecordId) -> View:
        """Open a record: news of its family waits until the view is closed. Raises Refused(NOT_FOUND)."""
        token = base64.urlsafe_b64encode(self._world.chance.bytes(18)).decode()
        with self._store.write() as work:
            ref = RecordRef(object_name, record_id)
            views.open_view(work, self._store.tables, ref, token, unix_ms(self._world.clock.now()))
        return View(self, token)

    def renew_view(self, token: str) -> bool:
        """Hold on to an open record; False when its lease had ended."""
        with self._store.write() as work:
            return views.renew_view(work, token, unix_ms(self._world.clock.now()))

    def close_view(self, token: str) -> None:
        """Leave an open record; what waited is merged."""
        with self._store.write() as work:
            changed = views.close_views(work, self._store.tables, [token])
        self._tell(records_changed(changed))

    def view_news(self, token: str) -> bool:
        """Whether a newer version of an open record waits."""
        with self._store.read() as work:
            root = views.root_of_view(work, token)
            return root is not None and views.has_news(work, self._store.tables, root)

    def show_view_news(self, token: str) -> None:
        """Merge what waits into the open record, because the person asked to see it."""
        with self._store.write() as work:
            root = views.root_of_view(work, token)
            changed = [] if root is None else views.show_news(work, self._store.tables, root)
        self._tell(records_changed(changed))

    # --- drafts

    def draft_put(self, key: str, body: Mapping[str, Any]) -> None:
        """Keep a half-written form."""
        with self._store.write() as work:
            drafts.put(work, key, body)

    def draft_get(self, key: str) -> dict[str, Any] | None:
        """The form kept under this key."""
        with self._store.read() as work:
            return drafts.get(work, key)

    def draft_drop(self, key: str) -> None:
        """Forget it."""
        with self._store.write() as work:
            drafts.drop(work, key)

    # --- sync

    def start(self) -> None:
        """Upload and fetch news in the background until `stop`."""
        if not self._runner.running:
            self._engine.hurry()
            self._runner.start(self._listen)

    def stop(self) -> None:
        """Stop the background work; the piece that runs is finished."""
        self._runner.stop(self._transport.hang_up)

    def wake(self) -> None:
        """There may be news."""
        self._engine.news = True
        self._runner.wake()

    def step(self) -> float | None:
        """One piece of network work; seconds until the next is due, None when nothing is."""
        done = self._engine.step()
        self._told(done)
        return done.again

    def sync(self, kind: SyncKind = SyncKind.INCREMENTAL) -> SyncReport:
        """Upload, then download what changed, or everything the first time. Raises Refused: OFFLINE, AUTH, BUSY."""
        self._progress = (0, 0)
        self._tell([ProgressChanged(self.widget())])
        try:
            report, steps = self._engine.sync(kind, self._on_progress)
        finally:
            self._progress = None
            self._tell([ProgressChanged(self.widget())])
        for done in steps:
            self._told(done)
        return report

    def _on_progress(self, done: int, total: int) -> None:
        self._progress = (done, total)
        self._tell([ProgressChanged(self.widget())])

    @property
    def online(self) -> bool:
        """False in flight mode."""
        return self._engine.online

    def go_offline(self) -> None:
        """Flight mode: nothing is sent or fetched."""
        self._engine.online = False
        self._transport.hang_up()
        self._tell([ProgressChanged(self.widget())])

    def go_online(self) -> None:
        """Out of flight mode: what waits goes at once."""
        self._engine.online = True
        self._engine.hurry()
        self._runner.wake()
        self._tell([ProgressChanged(self.widget())])

    def _listen(self, stop: threading.Event) -> None:
        listen(self._transport, self._calls.headers, self._heard, self._world.clock, stop)

    def _heard(self, healthy_until: float) -> None:
        self._engine.stream_healthy_until = healthy_until
        if healthy_until:
            self.wake()

    # --- what the person is told

    def widget(self) -> Widget:
        """The Sync widget now."""
        with self._store.read() as work:
            now_ms = unix_ms(self._world.clock.now())
            return widget(widget_facts(work, now_ms, self._progress, signed_in=self._calls.signed_in))

    def queue(self) -> list[QueueEntry]:
        """Saves the server has not decided, in order."""
        with self._store.read() as work:
            return reading.queued(work, self._tables)

    def errors(self) -> list[QueueEntry]:
        """Saves that were refused, and what waits behind them."""
        with self._store.read() as work:
            return reading.refused(work, self._tables)

    @property
    def _tables(self) -> Any:
        return self._store.tables if self._store.has_catalog else None

    def syncs(self) -> list[SyncReport]:
        """The newest syncs, newest first."""
        with self._store.read() as work:
            return reports.reports(work)

    def subscribe(self, callback: Callback) -> Callable[[], None]:
        """Be told of every event until the returned function is called."""
        return self._listeners.subscribe(callback)

    def _told(self, done: Stepped) -> None:
        events: list[Event] = [*records_changed(done.changed), *(NewsWaiting(r.object, r.id) for r in done.waiting)]
        if done.queue_changed:
            events.append(QueueChanged())
        if done.refused:
            events += [ErrorRaised(entry) for entry in self.errors() if entry.n in done.refused]
        if events:
            self._tell(events)

    def _tell(self, events: list[Event]) -> None:
        self._listeners.tell(events)
