"""Connections to an org's PostgreSQL: the server's pool, and the plain ones for deploys and other admin work.

A connection carries its org as search path, so SQL is written without schema names. Statements, tables and epochs are
no business of this room. The pool refuses a PostgreSQL that may lose what it acknowledged.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import msgspec
import psycopg
import sqlalchemy
from psycopg.types.json import set_json_loads
from psycopg_pool import AsyncConnectionPool, PoolTimeout
from sqlalchemy.pool import NullPool

from fieldsync.base.problems import Code, Refused, problem
from fieldsync.base.world import World
from fieldsync.server.postgres import settings
from fieldsync.server.postgres.epoch import CLUSTER_SQL, Epoch, current_epoch
from fieldsync.server.postgres.names import quoted
from fieldsync.server.postgres.work import Connection, Pool

AdminConnection = sqlalchemy.Connection
"""A synchronous connection inside one transaction, for deploys and other admin work. Values are the driver's own."""

logging.getLogger("psycopg").setLevel(logging.ERROR)  # a caller that hangs up is no event of ours
POOL_CONNECTIONS_MAX, BESIDE_CONNECTIONS_MAX = 10, 3
POOL_WAIT_SECONDS = 10.0
POOL_RECONNECT_SECONDS = 2.0
"""The pool waits twice as long after every failed try. After so long it gives the try up, and the next request begins
another: else a server would stay away as long again as PostgreSQL was."""
_JSON = msgspec.json.Decoder(float_hook=Decimal)
"""JSON columns decode as everything else does: what has a point is never a float."""


async def _still_there(connection: Connection) -> None:
    """PostgreSQL may have ended it while nobody used it: the socket says so, without a trip. The first look finds what
    it said of it, and the second that nothing follows. Raises psycopg.OperationalError, and the pool takes another."""
    connection.pgconn.consume_input()
    connection.pgconn.consume_input()


class Database:
    """The pool of one org, and the epoch its stamps belong to. Made by `open_database`."""

    def __init__(self, uri: str, schema: str, *, world: World, connections_max: int, application: str) -> None:
        self.uri = uri
        self.schema = schema
        self._world = world
        self._epoch: Epoch | None = None
        self._renewing = asyncio.Lock()
        self.pool = self._closed_pool(application, 1, connections_max)
        self.beside = self._closed_pool(application, 0, BESIDE_CONNECTIONS_MAX)
        """For what is written while a connection of `pool` is held. Who waited there for a second one might wait for
        those who wait for his; here nobody holds one and waits."""

    def _closed_pool(self, application: str, least: int, most: int) -> Pool:
        return AsyncConnectionPool(
            self.uri,
            connection_class=Connection,
            kwargs={"application_name": application, "autocommit": False, "prepare_threshold": None},
            min_size=least,
            max_size=most,
            timeout=POOL_WAIT_SECONDS,
            reconnect_timeout=POOL_RECONNECT_SECONDS,
            configure=self._configure,
            check=_still_there,
            open=False,
        )

    @property
    def epoch(self) -> Epoch:
        """The running epoch. Read it inside a transaction: a new connection may have begun a new one."""
        assert self._epoch is not None, "the database is not open"
        return self._epoch

    async def open(self) -> None:
        """Check the server, begin an epoch if it has started anew, fill the pool. Raises Refused(DATABASE_...)."""
        self._epoch = await self._read_epoch()
        try:
            await self.pool.open(wait=True, timeout=POOL_WAIT_SECONDS)
            await self.beside.open()
        except PoolTimeout as late:
            raise _unreachable(late) from None
        except asyncio.CancelledError:
            await self.close()
            raise

    async def close(self) -> None:
        """Close every connection."""
        await self.pool.close()
        await self.beside.close()

    async def _configure(self, connection: Connection) -> None:
        """Prepare a new connection; one to a PostgreSQL that has started anew begins an epoch before it is used."""
        set_json_loads(_JSON.decode, connection)
        await connection.execute(settings.set_all({**settings.POOLED, "search_path": quoted(self.schema)}))
        found = await (await connection.execute(CLUSTER_SQL)).fetchone()
        await connection.commit()
        async with self._renewing:
            if found is None or found[0] != self.epoch.cluster:
                self._epoch = await self._read_epoch()

    async def _read_epoch(self) -> Epoch:
        return await asyncio.to_thread(self._read_epoch_now)

    def _read_epoch_now(self) -> Epoch:
        with admin_connection(self.uri, self.schema) as connection:
            return current_epoch(connection, self.schema, self._world)


async def open_database(
    uri: str,
    org_schema: str,
    *,
    world: World,
    connections_max: int = POOL_CONNECTIONS_MAX,
    application_name: str = "fieldsync",
) -> Database:
    """The open pool of the org that lives in `org_schema`. Close it when done.

    Raises Refused: DATABASE_UNREACHABLE, or DATABASE_UNFIT for PostgreSQL before 15 or one that may lose commits.
    """
    database = Database(uri, org_schema, world=world, connections_max=connections_max, application=application_name)
    await database.open()
    return database


@contextmanager
def admin_connection(uri: str, org_schema: str = "public") -> Iterator[AdminConnection]:
    """One transaction on a connection of its own: committed at the end, rolled back when the block raises.

    Raises Refused(DATABASE_UNREACHABLE) and Refused(DATABASE_UNFIT).
    """

    opened = _open_admin(uri, org_schema)
    with opened, opened.begin():
        yield opened


@contextmanager
def lone_connection(uri: str, org_schema: str) -> Iterator[AdminConnection]:
    """As `admin_connection`, but each statement is a transaction of its own: for what PostgreSQL does only so.

    Between statements it holds nothing, so what waits for every transaction to end does not wait for it.
    """
    with _open_admin(uri, org_schema, isolation_level="AUTOCOMMIT") as opened:
        yield opened


def _open_admin(uri: str, org_schema: str, **options: Any) -> AdminConnection:
    engine = sqlalchemy.create_engine(
        "postgresql+psycopg://", creator=lambda: _admin_connect(uri, org_schema), poolclass=NullPool, **options
    )
    try:
        return engine.connect()
    except (psycopg.OperationalError, sqlalchemy.exc.OperationalError) as failed:
        raise _unreachable(failed) from None


def _admin_connect(uri: str, org_schema: str) -> psycopg.Connection[tuple[Any, ...]]:
    connection = psycopg.connect(uri, application_name="fieldsync admin")
    try:
        settings.require_fit(dict(connection.execute(settings.READ_SETTINGS, [list(settings.CHECKED)]).fetchall()))
        connection.execute(settings.set_all({**settings.ADMIN, "search_path": quoted(org_schema)}))
        connection.commit()
    except BaseException:
        connection.close()
        raise
    return connection


def copy_in(connection: AdminConnection, table: sqlalchemy.Table, rows: Iterable[Sequence[object]]) -> None:
    """Stream rows into a table by COPY; each has a value for every column. Raises what making the rows raises."""
    driver: psycopg.Connection[Any] = connection.connection.driver_connection  # type: ignore[assignment]
    names = ", ".join(quoted(column.name) for column in table.columns)
    with driver.cursor() as cursor, cursor.copy(f"COPY {quoted(table.name)} ({names}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


def answers(uri: str) -> bool:
    """Whether a PostgreSQL takes connections at this address now."""
    try:
        psycopg.connect(uri, connect_timeout=3).close()
    except psycopg.OperationalError:
        return False
    return True


def _unreachable(failed: Exception) -> Refused:
    first_line = str(getattr(failed, "orig", failed)).strip().partition("\n")[0]
    return Refused(problem(Code.DATABASE_UNREACHABLE, reason=first_line))
