"""A device without an engine: what it would send, made by hand, straight into the rooms behind the server's edge."""

from __future__ import annotations

from functools import partial

import msgspec

from fieldsync.base.ids import RecordId, mint, uuid7
from fieldsync.base.problems import Code, Refused
from fieldsync.base.world import instant, unix_ms
from fieldsync.protocol.feed import FeedPage
from fieldsync.protocol.session import DeviceDescription, Platform, Session, SignIn
from fieldsync.protocol.upload import Item, Transaction, UploadRequest, encode_items, hash_of
from fieldsync.server.http.context import calling, reading
from fieldsync.server.postgres.work import transaction
from fieldsync.server.sync import session
from fieldsync.server.sync.feed import feed_position, foresee, read_feed, seal_cursor
from fieldsync.server.sync.upload import upload
from fieldsync.sim.ground import ORG, PASSWORD, Person
from fieldsync.sim.server import SimServer


class Hand:
    """One device of a person, signed in, that stands at the end of the feed."""

    def __init__(self, server: SimServer, person: Person, name: str) -> None:
        self._server, self.person = server, person
        self._n, self._counter = 0, 0
        description = DeviceDescription(f"{name}-".ljust(43, "k"), name, Platform.IPAD, "1", "1")
        opened = server.run(self._signed_in(SignIn(ORG, person.username, PASSWORD, description)))
        self.number, self._token = opened.device_number, opened.tokens.access_token
        self.cursor = server.run(self._end_of_feed())

    async def _signed_in(self, request: SignIn) -> Session:
        async with transaction(self._server.org.pool) as work:
            return await session.sign_in(self._server.org, work, request)

    async def _end_of_feed(self) -> str:
        org = self._server.org
        async with calling(org, self._token) as (work, caller):
            return seal_cursor(org, caller, await feed_position(org, work, caller))

    def new_id(self, object_name: str) -> RecordId:
        """A fresh id of this device."""
        self._counter += 1
        return mint(self._server.org.catalog[object_name].prefix, self.number, self._counter)

    def save(self, *items: Item) -> Transaction:
        """A save with the number behind the last one that was answered, not sent yet."""
        raw = encode_items(items)
        moment = self._server.world.clock.now()
        txn = uuid7(unix_ms(moment), self._server.world.chance.bytes(10))
        return Transaction(txn, self._n + 1, hash_of((raw,)), instant(moment), msgspec.Raw(raw))

    async def send(self, saved: Transaction) -> str:
        """The outcome's name; or why the request was refused."""
        org, request = self._server.org, UploadRequest(self.number, 0, (saved,), ())
        try:
            answer = await upload(org, lambda ahead: calling(org, self._token, ahead), request)
        except Refused as refused:
            return str(refused.problem.code)
        self._n = max(self._n, saved.n)
        return type(answer.results[0].outcome).__name__

    async def poll(self) -> list[str]:
        """The ids of the news, in the order of the feed; the cursor moves. One page."""
        org = self._server.org
        async with reading(org, self._token, partial(foresee, org, cursor=self.cursor)) as (work, caller):
            page: FeedPage = await read_feed(org, work, caller, self.cursor)
        self.cursor = page.cursor
        return [str(family.root.id) for family in page.families]

    async def poll_or_sync(self) -> list[str]:
        """As `poll`; a device that is told that the feed has gone on without it goes to its end, as a download does."""
        try:
            return await self.poll()
        except Refused as refused:
            if refused.problem.code is not Code.INCREMENTAL_REQUIRED:
                raise
        self.cursor = await self._end_of_feed()
        return ["sync first"]
