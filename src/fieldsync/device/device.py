"""The device engine's one door; what each method does stands in the room it names. Any thread may call any method;
callbacks run on the thread that caused them, after the commit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, TypeVar

from fieldsync.base.ids import RecordId
from fieldsync.base.world import World
from fieldsync.device import reading
from fieldsync.device.computed import Computed
from fieldsync.device.drafts import Drafts
from fieldsync.device.edit.numbers import Numbers
from fieldsync.device.edit.save import Saved
from fieldsync.device.edit.session import Edit
from fieldsync.device.edit.sessions import Sessions
from fieldsync.device.edit.undo import undo, undone_with
from fieldsync.device.lists import Lists
from fieldsync.device.media.media import Media
from fieldsync.device.membership import Membership
from fieldsync.device.mini import Mini
from fieldsync.device.queue.entry import QueueEntry
from fieldsync.device.record import Mark, Record
from fieldsync.device.status import report as reports
from fieldsync.device.status.events import Callback, Listeners, ProgressChanged, QueueChanged, records_changed
from fieldsync.device.status.facts import facts_of
from fieldsync.device.status.notices import Notice, notices
from fieldsync.device.status.report import SyncKind, SyncReport, Trigger
from fieldsync.device.status.telling import events_of
from fieldsync.device.status.widget import Widget, widget
from fieldsync.device.store.store import Store
from fieldsync.device.sync.account import Account, read_account
from fieldsync.device.sync.background.thread import Background
from fieldsync.device.sync.calls import Calls
from fieldsync.device.sync.engine import Engine
from fieldsync.device.sync.orders.diagnostic import Diagnostics
from fieldsync.device.sync.orders.emptying import carry_out, finish_emptying
from fieldsync.device.sync.orders.support import Supported
from fieldsync.device.sync.run import run_sync
from fieldsync.device.sync.session import device_key, load_catalog, sign_in
from fieldsync.device.sync.settle import Stepped
from fieldsync.device.territories import Territories
from fieldsync.device.transport import Transport
from fieldsync.device.updates import Updates
from fieldsync.device.view import OpenRecords, View
from fieldsync.protocol.session import DeviceDescription, SignIn
from fieldsync.schema.catalog import Catalog
from fieldsync.schema.fields import FieldValue
from fieldsync.schema.model import ListView
from fieldsync.soql.list_view import Window
from fieldsync.soql.values import Plain

T = TypeVar("T")


class Device:
    """One person's data on one device: an encrypted file, a queue, and the way to the server."""

    def __init__(self, store: Store, world: World, transport: Transport) -> None:
        self._store, self._world = store, world
        with store.write() as work:
            self._numbers = Numbers(work, world)
            reports.close_crashed(work, self._numbers.now())
        load_catalog(store)
        self._calls = Calls(store, transport)
        self._engine = Engine(store, self._calls, self._numbers, world)
        self.media, self.mini = Media(self._engine, self._tell_progress), Mini(self._engine, self.step, self.queue)
        self._sessions = sessions = Sessions(store, self._numbers, self._engine.at_once, self.media.keep, self._saved)
        self.foreground = self._engine.foreground
        self._listeners, self._computed = Listeners(), Computed(world)
        self._lists, self.drafts = Lists(world, self._computed), Drafts(store)
        self.views = OpenRecords(store, world, lambda refs: self._listeners.tell(records_changed(refs)))
        self.updates = Updates(store, self._engine, world, (self._told, self._tell_progress, sessions.follow_settings))
        self.territories, self.membership = Territories(store, self._calls, self.sync), Membership(self._calls)
        self.diagnostics, self.support = Diagnostics(self._engine), Supported(self._engine, self._sessions)
        self._background: Background | None = None

    @staticmethod
    def open(folder: Path, key: bytes, *, world: World, transport: Transport) -> Device:
        """The device in this folder, made if need be. `key`: 32 bytes, see `fieldsync.device.keys`. Raises Refused:
        WRONG_KEY, STORE_DAMAGED, OPEN_ELSEWHERE; OFFLINE for one that was emptied, until the server knows."""
        finish_emptying(folder, transport)
        store = Store(folder, key)
        try:
            return Device(store, world, transport)
        except BaseException:
            store.close()
            raise

    def close(self) -> None:
        """Stop the background and close the file. What was saved stays saved."""
        self.stop()
        for part in (self.media, self._engine.log, self._store, self._calls.transport):
            part.close()

    def new_device_key(self) -> str:
        """The secret to describe this device with at sign-in; the same every time."""
        with self._store.write() as work:
            return device_key(work, self._world.chance)

    def sign_in(self, org: str, username: str, password: str, description: DeviceDescription) -> None:
        """Register this device and fetch the data model. Raises Refused: AUTH, FORBIDDEN, OFFLINE."""
        sign_in(self._store, self._calls, self._numbers, SignIn(org, username, password, description))
        self._sessions.forget_account()
        self._engine.hurry()

    @property
    def account(self) -> Account | None:
        """Who this store belongs to; None before the first sign-in."""
        return self._ask(read_account)

    @property
    def catalog(self) -> Catalog:
        """The data model. Only after the first sign-in."""
        return self._store.tables.catalog

    def get(self, object_name: str, record_id: RecordId) -> Record | None:
        """The record as the person sees it, or None. Raises Refused(UNKNOWN_OBJECT)."""
        return self._ask(self._computed.get, self._store.tables, object_name, record_id)

    def find(
        self,
        object_name: str,
        *,
        where: Mapping[str, FieldValue] = {},
        search: str | None = None,
        order_by: str = "Name",
        descending: bool = False,
        limit: int = 200,
        offset: int = 0,
    ) -> list[Record]:
        """Records with these values, and `search` in their name. Raises Refused: UNKNOWN_OBJECT, UNKNOWN_FIELD."""
        chosen = {"where": where, "search": search, "order": (order_by, descending), "window": (limit, offset)}
        return self._ask(self._computed.find, self._store.tables, object_name, **chosen)

    def list_views(self, object_name: str) -> tuple[ListView, ...]:
        """An object's saved lists. Raises Refused(UNKNOWN_OBJECT)."""
        return self._lists.views(self._store.tables, object_name)

    def list_view(
        self,
        object_name: str,
        name: str,
        *,
        order: str = "Name",
        descending: bool = False,
        limit: int = 200,
        offset: int = 0,
        search: str = "",
    ) -> list[dict[str, Any]]:
        """A saved list's records as it selects them: its columns, `Id` and `Name`; parents are dicts inside.
        `order` may lead along relationships: `Account.Name`. Raises Refused: UNKNOWN_OBJECT, UNUSABLE."""
        window = Window(order, descending, limit, offset, search)
        return self._ask(self._lists.rows, self._store.tables, object_name, name, window)

    def soql(self, query: str, values: Mapping[str, Plain] = {}) -> list[dict[str, Any]]:
        """A SOQL query over the rows on this device; `values` are its `:names`. Raises Refused(UNUSABLE)."""
        return self._ask(self._lists.soql, self._store.tables, query, values)

    def count(self, object_name: str, where: Mapping[str, FieldValue] = {}) -> int:
        """How many records have these values."""
        return self._ask(reading.count, self._store.tables, object_name, where)

    def name_of(self, object_name: str, record_id: RecordId) -> str | None:
        """The name of a record that is on this device."""
        return self._ask(reading.name_of, self._store.tables, object_name, record_id)

    def mark(self, object_name: str, record_id: RecordId) -> Mark:
        """How a record stands to the server."""
        reading.table_of(self._store.tables, object_name)
        return self._ask(reading.marks, [record_id])[record_id]

    def edit(self, *, ruled: bool = True) -> AbstractContextManager[Edit]:
        """One save, on disk and queued when the block ends: `device/edit`. Not `ruled`: the server asks the rules."""
        return self._sessions.edit(ruled=ruled)

    def undo(self, n: int) -> None:
        """Take back a failed entry and every later one that builds on it. Raises Refused: NOT_FOUND, LOCKED."""
        with self._store.write() as work:
            changed = undo(work, self._store.tables, n, self._numbers.now())
        self._listeners.tell([*records_changed(changed), QueueChanged()])
        self._wake()

    def resend(self, n: int) -> None:
        """Send what stands here now in place of a refused save. Raises Refused: NOT_FOUND, LOCKED, as an edit does."""
        self._sessions.resend(n)

    def undone_with(self, n: int) -> list[int]:
        """The queue numbers that `undo(n)` would take back, to ask the person about."""
        return self._ask(undone_with, n)

    def undone(self) -> list[int]:
        """Queue numbers taken back, cancelled out, discarded or canceled: nothing of them applies; a copy is kept."""
        return self._ask(reading.undone)

    def view(self, object_name: str, record_id: RecordId) -> View:
        """Open a record. `views` is for pages that keep a token. Raises Refused: UNKNOWN_OBJECT, NOT_FOUND."""
        return self.views.open(object_name, record_id)

    def start(self) -> None:
        """Begin to upload and fetch in the background. Starting twice does nothing."""
        if self._background is None:
            self._background = Background(self._engine, self.step)

    def stop(self) -> None:
        """End the background. Stopping twice does nothing."""
        background, self._background = self._background, None
        if background is not None:
            background.stop()

    def step(self) -> float | None:
        """Do one piece of network work that is due. Seconds until the next is due; None: nothing before a change."""
        self._told(did := self._engine.step())
        if did.emptying is None:
            return self.media.after_step(did.again)
        return carry_out(self._store, self._calls.transport, did.emptying, (self.stop, self.media.close))

    def sync(self, kind: str = "incremental", trigger: Trigger = Trigger.MANUAL) -> SyncReport:
        """Upload, then download. Blocks. Raises Refused: AUTH, OFFLINE, BUSY, SYNC_RUNNING, SYNC_CANCELED."""
        did = Stepped()
        try:
            return run_sync(self._engine, SyncKind(kind), lambda *_: self._tell_progress(), did, trigger)
        finally:
            self._sessions.follow_settings()
            self._told(did, ProgressChanged(self.widget()))

    def verify(self) -> SyncReport:
        """Sync, and prove by the digest that what is here is what should be; what differs is repaired. See `sync`."""
        return self.sync("verify")

    def cancel_sync(self) -> None:
        """End a running `sync` soon, from another thread. What was sent stays sent; the next goes on from there."""
        self._engine.canceled.set()

    def wake(self) -> None:
        """News may be waiting online."""
        self._engine.news = True
        self._wake()

    def _wake(self) -> None:
        self._engine.woken.set()

    @property
    def online(self) -> bool:
        """False in flight mode."""
        return self._engine.online

    def go_offline(self) -> None:
        """Flight mode: nothing is sent."""
        self._engine.set_online(online=False)
        self._calls.transport.hang_up()
        self._tell_progress()

    def go_online(self) -> None:
        """End flight mode; what waits goes at once."""
        self._engine.set_online(online=True)
        self._engine.hurry()
        self._tell_progress()

    def widget(self) -> Widget:
        """The Sync widget, now."""
        return widget(self._ask(facts_of, self._engine, self.media.refusals))

    def queue(self) -> list[QueueEntry]:
        """What waits for the server's decision, in order."""
        return self._ask(reading.queued, self._store.known_tables)

    def errors(self) -> list[QueueEntry]:
        """What was refused or waits behind that, with the reasons."""
        return self._ask(reading.refused, self._store.known_tables)

    def notices(self) -> list[Notice]:
        """What ended otherwise than the person meant and asks nothing of him, newest first."""
        return self._ask(notices, self._store.known_tables)

    def syncs(self) -> list[SyncReport]:
        """Syncs so far, newest first."""
        return self._ask(reports.reports)

    def subscribe(self, callback: Callback) -> Callable[[], None]:
        """Call `callback` for every event, on the thread that caused it, after the commit. Returns how to end that."""
        return self._listeners.subscribe(callback)

    def _ask(self, question: Callable[..., T], *arguments: Any, **more: Any) -> T:
        """A question to the rows, in a snapshot of its own."""
        with self._store.read() as work:
            return question(work, *arguments, **more)

    def _saved(self, saved: Saved) -> None:
        self._wake()
        self._listeners.tell([*records_changed(saved.refs), QueueChanged()])

    def _tell_progress(self) -> None:
        self._listeners.tell([ProgressChanged(self.widget())])

    def _told(self, did: Stepped, *more: ProgressChanged) -> None:
        self._listeners.tell([*events_of(did, self.errors() if did.refused else []), *more])
