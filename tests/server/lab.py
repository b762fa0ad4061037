"""A server and people with devices, for tests: real PostgreSQL, the production rooms, no HTTP between.

`Lab` holds one org with the small catalog below; `Phone` speaks the wire's values for one device of one person.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec

from fieldsync.base import ids
from fieldsync.base.ids import RecordId
from fieldsync.base.world import ManualClock, SeededChance, World, instant, unix_ms
from fieldsync.protocol import download as lines
from fieldsync.protocol.feed import FeedPage
from fieldsync.protocol.rows import RowBlock, decode_rows
from fieldsync.protocol.session import DeviceDescription, Platform, Renew, SignIn
from fieldsync.protocol.upload import (
    Change,
    Item,
    Operation,
    Outcome,
    Transaction,
    UploadRequest,
    UploadResponse,
    encode_items,
    hash_of,
)
from fieldsync.schema.access.permissions import Access, Profile
from fieldsync.schema.catalog import Catalog, build
from fieldsync.schema.family.declaration import FamilyDeclaration
from fieldsync.schema.load import load_packs
from fieldsync.schema.model import Field, FieldType, NameField, Object, Pack, PicklistValue
from fieldsync.server.http.context import calling, reading
from fieldsync.server.http.wake.page import feed_page
from fieldsync.server.org.create import create_org, seeding_org
from fieldsync.server.org.open import open_org
from fieldsync.server.org.runtime import Org
from fieldsync.server.org.seed import insert_rows
from fieldsync.server.org.users import NewUser, create_user
from fieldsync.server.postgres.listen import Named
from fieldsync.server.postgres.work import transaction
from fieldsync.server.sync import session
from fieldsync.server.sync.download import Asked, download
from fieldsync.server.sync.upload import upload

T = TypeVar("T")
PASSWORD = "correct horse 9 battery"
START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


def small_pack() -> Pack:
    """An account, a visit with lines and lines of lines (a family), and an object only admins may touch."""
    objects = (_shop(), *_visit_family(), Object(name="Secret", label="Secret", prefix="a04"))
    everything = (Access.READ, Access.CREATE, Access.EDIT, Access.DELETE)
    rep = {"Shop": everything, "Visit": everything, "Visit_Line": everything, "Line_Part": everything}
    profiles = (Profile(name="Rep", label="Rep", objects=rep | {"User": (Access.READ,)}),)
    return Pack(name="small", label="Small", objects=objects, profiles=profiles)


def _shop() -> Object:
    text = FieldType.TEXT
    stage = (PicklistValue(value="Open", default=True), PicklistValue(value="Closed"))
    return Object(
        name="Shop",
        label="Shop",
        prefix="a00",
        fields=(
            Field(name="City", type=text, length=40),
            Field(name="Score", type=FieldType.NUMBER, precision=8, scale=2),
            Field(name="Code", type=text, unique=True),
            Field(name="Stage", type=FieldType.PICKLIST, values=stage),
            Field(name="ParentId", type=FieldType.LOOKUP, references="Shop"),
        ),
    )


def _visit_family() -> tuple[Object, Object, Object]:
    text, number = FieldType.TEXT, NameField(type=FieldType.AUTO_NUMBER, display_format="V-{0000}")
    visit = Object(
        name="Visit",
        label="Visit",
        prefix="a01",
        name_field=number,
        family=FamilyDeclaration(),
        fields=(
            Field(name="ShopId", type=FieldType.LOOKUP, references="Shop", required=True),
            Field(name="Notes", type=text),
        ),
    )
    line = Object(
        name="Visit_Line",
        label="Line",
        prefix="a02",
        name_field=number,
        fields=(
            Field(name="VisitId", type=FieldType.MASTER_DETAIL, references="Visit"),
            Field(name="Product", type=text, length=20),
        ),
    )
    part = Object(
        name="Line_Part",
        label="Part",
        prefix="a03",
        name_field=number,
        fields=(Field(name="LineId", type=FieldType.MASTER_DETAIL, references="Visit_Line"),),
    )
    return visit, line, part


def small_catalog() -> Catalog:
    """The platform's own objects and `small_pack`."""
    return build([*load_packs(("platform",)), small_pack()])


def prepare_org(uri: str) -> None:
    """Create the org `small` in a database."""
    admin = NewUser("admin@small.example", PASSWORD, "System_Administrator", "Admin")
    create_org(uri, "small", small_catalog(), admin=admin, world=World(ManualClock(START), SeededChance(6)))


class Lab:
    """The org `small` on a real database that `prepare_org` filled. Close it when done."""

    def __init__(self, uri: str, seed: int = 7) -> None:
        self.uri = uri
        self.clock = ManualClock(START)
        self.world = World(self.clock, SeededChance(seed))
        self._loop = asyncio.new_event_loop()
        self._stack = AsyncExitStack()
        self.org: Org = self.run(open_org(self._stack, uri, "small", self.world))

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine to its end."""
        return self._loop.run_until_complete(work)

    def close(self) -> None:
        self.run(self._stack.aclose())
        self._loop.close()

    def reopen(self) -> None:
        """As a second server process would: own pool, nothing remembered."""
        self.run(self._stack.aclose())
        self._stack = AsyncExitStack()
        self.org = self.run(open_org(self._stack, self.uri, "small", self.world))

    def stay_signed_in(self) -> None:
        """Tokens end with an epoch, and with time; here nobody is to renew any."""
        self.query("UPDATE _session SET access_expires = '2100-01-01' RETURNING 1")

    def person(self, name: str, profile: str = "Rep") -> RecordId:
        """A user `name@small.example`."""
        with seeding_org(self.uri, "small", self.world) as seeding:
            return create_user(seeding, NewUser(f"{name}@small.example", PASSWORD, profile, name), self.world.chance)

    def rows(self, object_name: str, *values: Mapping[str, object]) -> list[RecordId]:
        """Records that are there from the start."""
        with seeding_org(self.uri, "small", self.world) as seeding:
            return insert_rows(seeding, object_name, values)

    def phone(self, name: str, device: str = "ipad", platform: Platform = Platform.IPAD) -> Phone:
        """A device of this person, signed in."""
        return Phone(self, name, device, platform)

    def query(self, sql: str, **params: object) -> list[tuple[Any, ...]]:
        """What the database holds."""

        async def ask() -> list[tuple[Any, ...]]:
            async with self.org.pool.connection() as connection:
                return await (await connection.execute(sql, params)).fetchall()

        return self.run(ask())


class Phone:
    """A device without an engine: it makes the wire's values and keeps what came back."""

    def __init__(self, lab: Lab, name: str, device: str, platform: Platform = Platform.IPAD) -> None:
        self.lab, self.n, self.counter = lab, 0, 0
        self.key = (f"{name}-{device}-" + "k" * 43)[:60]
        description = DeviceDescription(self.key, device, platform, "17.1", "1.0")
        request = SignIn("small", f"{name}@small.example", PASSWORD, description)
        self.session = lab.run(self._signed_in(request))
        self.number = self.session.device_number
        self.checkpoint: str | None = None
        self.cursor = ""

    async def _signed_in(self, request: SignIn) -> Any:
        async with transaction(self.lab.org.pool) as work:
            return await session.sign_in(self.lab.org, work, request)

    @property
    def token(self) -> str:
        token: str = self.session.tokens.access_token
        return token

    def renew(self) -> None:
        """A fresh pair of tokens, as after days away."""

        async def ask() -> Any:
            async with transaction(self.lab.org.pool) as work:
                request = Renew(self.session.tokens.refresh_token, self.key)
                return await session.renew(self.lab.org, work, request)

        self.session = msgspec.structs.replace(self.session, tokens=self.lab.run(ask()))

    def new_id(self, object_name: str) -> RecordId:
        """A fresh id of this device."""
        self.counter += 1
        return ids.mint(self.lab.org.catalog[object_name].prefix, self.number, self.counter)

    def save(self, *items: Item, n: int | None = None) -> Transaction:
        """A transaction with the next queue number."""
        self.n = n if n is not None else self.n + 1
        raw = encode_items(items)
        moment = self.lab.clock.now()
        txn = ids.uuid7(unix_ms(moment), self.lab.world.chance.bytes(10))
        return Transaction(txn, self.n, hash_of((raw,)), instant(moment), msgspec.Raw(raw))

    def upload(self, *transactions: Transaction, confirmed: int = 0, undone: tuple[int, ...] = ()) -> UploadResponse:
        """What the server answers."""
        return self.lab.run(self.send(*transactions, confirmed=confirmed, undone=undone))

    async def send(
        self, *transactions: Transaction, confirmed: int = 0, undone: tuple[int, ...] = ()
    ) -> UploadResponse:
        """As `upload`, for several phones at once."""
        org, request = self.lab.org, UploadRequest(self.number, confirmed, transactions, undone)
        return await upload(org, lambda foresee: calling(org, self.token, foresee), request)

    def outcome(self, *items: Item) -> Outcome:
        """Save, upload, and the one outcome."""
        return self.upload(self.save(*items)).results[0].outcome

    def download(self) -> list[lines.Line]:
        """A download from where the device stands; it stands at its end afterwards."""
        found = self.lab.run(self._download())
        end = found[-1]
        assert isinstance(end, lines.End)
        self.checkpoint, self.cursor = end.checkpoint, end.feed_cursor
        return found

    async def _download(self) -> list[lines.Line]:
        async with reading(self.lab.org, self.token) as (work, caller):
            found = download(self.lab.org, work, caller, self.checkpoint, Asked(feed=self.cursor))
            return [lines.decode_line(line) async for line in found]

    def feed(self, named: Named | None = None) -> FeedPage:
        """The next page of the feed; the cursor moves. `named`: what a wake-up said it is of."""

        page = self.lab.run(feed_page(self.lab.org, self.token, self.cursor, named))
        self.cursor = page.cursor
        return page


def create(object_name: str, record_id: RecordId, **values: object) -> Item:
    """An item that creates a record."""
    return Item(object_name, record_id, Operation.CREATE, {k: Change(None, v) for k, v in values.items()})


def update(object_name: str, record_id: RecordId, after: int | None = None, **changes: tuple[object, object]) -> Item:
    """An item that changes columns: name=(old, new)."""
    changed = {k: Change(old, new) for k, (old, new) in changes.items()}
    return Item(object_name, record_id, Operation.UPDATE, changed, after=after)


def delete(object_name: str, record_id: RecordId, seen: int = 0) -> Item:
    """An item that deletes a record."""
    return Item(object_name, record_id, Operation.DELETE, {}, seen)


def table(blocks: tuple[RowBlock, ...], object_name: str) -> dict[str, dict[str, Any]]:
    """Rows of one object by id."""
    return {
        row[1]: dict(zip(block.columns, row, strict=True))
        for block in blocks
        if block.object == object_name
        for row in decode_rows(block)
    }


def downloaded(found: list[lines.Line], object_name: str) -> dict[str, dict[str, Any]]:
    """Rows of one object of a download, by id."""
    return table(tuple(line.block for line in found if isinstance(line, lines.Rows)), object_name)
