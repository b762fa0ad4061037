"""The simulated server process: the production application, started, killed, brought back, and asked past its socket.

Admins and people online act through the same rooms as the console: the save pipeline and the admin routes.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from fieldsync.base.ids import RecordId
from fieldsync.base.world import World
from fieldsync.protocol.upload import Change, Item, Operation, Outcome
from fieldsync.schema.fields import FieldValue
from fieldsync.server.http.app import create_app
from fieldsync.server.org.bring_in import draw_ids
from fieldsync.server.org.create import deploy_catalog
from fieldsync.server.org.runtime import Org
from fieldsync.server.org.upkeep import keep_up
from fieldsync.server.oversight.editing import save_from_page
from fieldsync.server.postgres.compiled import Statement
from fieldsync.server.postgres.names import quoted
from fieldsync.server.postgres.work import Gone, Work, transaction
from fieldsync.server.processor.jobs import process
from fieldsync.server.processor.kept import devices_with_open
from fieldsync.server.recovery.apply import recover
from fieldsync.server.save.batch import Caller, Channel, decode_row
from fieldsync.sim.asgi import Answer, call
from fieldsync.sim.ground import ADMIN, ORG, PASSWORD, Databases, Ground, Person, catalog_with

STEPS_TO_TAKE_UP = 2_000
CONNECTIONS_MAX = 12


class SimServer:
    """One server over one database. `name` is the database's."""

    def __init__(self, databases: Databases, name: str, ground: Ground, world: World) -> None:
        self._databases, self.name, self.ground, self.world = databases, name, ground, world
        self.uri = databases.uri(name)
        self.loop = asyncio.new_event_loop()
        self.extra_fields: list[str] = []
        self.backup: str | None = None
        self._start()

    def _start(self) -> None:
        self.app = create_app(self.uri, self.world, jobs=False)  # `do_jobs`: they would go by the real clock
        self._begun, self._over = asyncio.Event(), asyncio.Event()
        self._life = self.loop.create_task(self._live())
        self.run(self._until_begun())

    async def _until_begun(self) -> None:
        waiting = self.loop.create_task(self._begun.wait())
        await asyncio.wait((waiting, self._life), return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if self._life.done():
            self._life.result()

    async def _live(self) -> None:
        """The application's life, in one task from beginning to end."""
        async with self.app.lifespan():
            self._begun.set()
            await self._over.wait()

    def _stop(self) -> None:
        self._over.set()
        self.run(self._wait_for_end())

    async def _wait_for_end(self) -> None:
        await self._life

    def close(self) -> None:
        """Stop it, and give the loop back."""
        self._stop()
        self.loop.close()

    def restart(self) -> None:
        """Another process serves from here on."""
        self._stop()
        self._start()

    def back_up(self) -> None:
        """A copy of the database as it is now; the server is down meanwhile."""
        self._stop()
        if self.backup is None:
            self.backup = f"{self.name}_backup"
        self._databases.drop(self.backup)
        self._databases.copy(self.name, self.backup)
        self._start()

    def restore(self) -> None:
        """The database is what the backup says; all that came later is gone."""
        assert self.backup is not None, "there is a backup"
        self._stop()
        self._databases.drop(self.name)
        self._databases.copy(self.backup, self.name)
        self._start()

    def drop(self) -> None:
        """Remove its databases."""
        for name in (self.name, self.backup):
            if name is not None:
                self._databases.drop(name)

    def end_connections(self) -> None:
        """PostgreSQL ends every session of the server; what asks past it waits until the pool has another."""
        self._databases.end_connections(self.name)

    def mend_connections(self) -> None:
        """What PostgreSQL ended is replaced now, and not at the next request's cost."""
        for pool in (self.org.pool, self.org.beside):
            self.run(pool.check())

    def run(self, work: Any) -> Any:
        """Run a coroutine to its end."""
        return self.loop.run_until_complete(work)

    @property
    def org(self) -> Org:
        """The org as this server has it now."""
        found: Org = self.app.state["served"].orgs[ORG]
        return found

    def answer(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """The answer to one request."""
        answer: Answer = self.run(call(self.app, method, path, headers, body))
        return answer

    def keep_up(self) -> None:
        """What servers do every hour."""
        keep_up(self.uri, ORG, self.world)

    def do_jobs(self) -> None:
        """What is due of what saves put off, and what devices offered again when the time for that is over."""
        self.query("SELECT 1")  # a broken connection is replaced before
        self.run(self._done())

    async def _done(self) -> None:
        await recover(self.org)
        async with transaction(self.org.pool) as work:
            waiting = await devices_with_open(self.org, work)
        for device in waiting:
            await process(self.org, device)

    def deploy(self, fields: Sequence[str]) -> None:
        """Bring the org to another catalog, and wait until this server has taken it up."""
        self.extra_fields = list(fields)
        wanted = catalog_with(fields)
        deploy_catalog(self.uri, ORG, wanted, world=self.world, dry_run=False, allow_drop=True)
        self.run(self._taken_up(wanted.version))

    async def _taken_up(self, version: str) -> None:
        for _ in range(STEPS_TO_TAKE_UP):
            if self.org.catalog.version == version:
                return
            await asyncio.sleep(0.005)
        raise AssertionError("the server did not take up what was deployed")

    def save(self, person: Person, *items: Item) -> Outcome:
        """A save somebody makes online: by the pipeline, on nobody's feed."""
        for _ in range(CONNECTIONS_MAX):
            try:
                outcome: Outcome = self.run(self.saved(person, *items))
            except Gone:
                continue
            return outcome
        raise AssertionError("no connection of the pool works")

    async def saved(self, person: Person, *items: Item) -> Outcome:
        """As `save`, for who runs on the server's loop."""
        return await save_from_page(self.org, lambda: self._begin(person), *items)

    @asynccontextmanager
    async def _begin(self, person: Person) -> AsyncIterator[tuple[Work, Caller]]:
        rights = self.org.rights.of(person.profile)
        async with transaction(self.org.pool) as work:
            yield work, Caller(person.id, person.profile, Channel.API, rights=rights)

    @property
    def admin(self) -> Person:
        """The org's first admin."""
        return self.ground.people[ADMIN]

    def create(self, person: Person, object_name: str, values: Mapping[str, FieldValue]) -> RecordId:
        """A record somebody makes online. Its id, whatever became of it."""
        self.query("SELECT 1")
        new: RecordId = self.run(draw_ids(self.org, [object_name]))[0]
        self.save(person, Item(object_name, new, Operation.CREATE, {c: Change(None, v) for c, v in values.items()}))
        return new

    def update(self, person: Person, object_name: str, record_id: str, values: Mapping[str, FieldValue]) -> Outcome:
        """A change somebody makes online to what is there now."""
        row = self.rows(object_name).get(record_id, {})
        changes = {column: Change(row.get(column), value) for column, value in values.items()}
        item = Item(object_name, RecordId(record_id), Operation.UPDATE, changes, row.get("_stamp", 0))
        return self.save(person, item)

    def delete(self, person: Person, object_name: str, record_id: str) -> Outcome:
        """A record somebody deletes online."""
        seen = self.rows(object_name).get(record_id, {}).get("_stamp", 0)
        return self.save(person, Item(object_name, RecordId(record_id), Operation.DELETE, {}, seen))

    def ask_admin(self, method: str, path: str, body: object = None) -> Any:
        """A request of an admin's program; None when it was refused."""
        if not hasattr(self, "_token"):
            self.sign_in_admin()
        answer = self._json(method, path, body, {"authorization": f"Bearer {self._token}"})
        if answer == 401:
            del self._token
            return self.ask_admin(method, path, body)
        return None if isinstance(answer, int) else answer

    def sign_in_admin(self) -> None:
        """The admin's program gives the password, which is noted with the admin."""
        credentials = {"org": ORG, "username": self.admin.username, "password": PASSWORD}
        self._token = self._json("POST", "/admin/v1/session", credentials, {})["access_token"]

    def _json(self, method: str, path: str, body: object, headers: Mapping[str, str]) -> Any:
        sent = b"" if body is None else msgspec.json.encode(body)
        answer = self.answer(method, path, {"content-type": "application/json", **headers}, sent)
        return answer.status if answer.status >= 400 else msgspec.json.decode(answer.body)

    def query(self, sql: str, **given: object) -> list[tuple[Any, ...]]:
        """What the database holds, past the product."""
        return self.ask(Statement(sql, frozenset(given), {}), **given)

    def ask(self, statement: Statement, **given: object) -> list[tuple[Any, ...]]:
        """The rows of a statement."""

        async def rows() -> list[tuple[Any, ...]]:
            async with transaction(self.org.pool) as work:
                return await work.rows(statement, **given)

        for _ in range(CONNECTIONS_MAX):
            try:
                found: list[tuple[Any, ...]] = self.run(rows())
            except Gone:  # PostgreSQL ended this session: the pool opens another
                continue
            return found
        raise AssertionError("no connection of the pool works")

    def rows(self, object_name: str) -> dict[str, dict[str, Any]]:
        """The present records of an object by id, in canonical values."""
        table = quoted(self.org.metadata.tables[object_name].name)
        present = f'SELECT row_to_json({table})::text FROM {table} WHERE NOT "IsDeleted"'  # noqa: S608 - of the catalog
        found = (decode_row(text) for (text,) in self.query(present))
        return {row["Id"]: row for row in found}
