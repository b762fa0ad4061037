"""What PostgreSQL itself takes, for the floors of the benchmarks: plain statements, none of the product's."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, NamedTuple

import psycopg
from psycopg import sql

from fieldsync.server.postgres.names import partition_name


def commit_seconds(uri: str, *, times: int) -> list[float]:
    """Seconds of each of `times` transactions that insert one row and commit it to disk."""
    taken = []
    with psycopg.connect(uri, autocommit=True) as connection:
        connection.execute("DROP TABLE IF EXISTS public.fieldsync_probe")
        connection.execute("CREATE TABLE public.fieldsync_probe (n int)")
        for n in range(times):
            start = time.perf_counter()
            connection.execute("INSERT INTO public.fieldsync_probe VALUES (%s)", (n,))
            taken.append(time.perf_counter() - start)
        connection.execute("DROP TABLE public.fieldsync_probe")
    return taken


_TABLE = "CREATE TABLE public.fieldsync_probe (id text PRIMARY KEY, name text, phone text, notes text)"
_FILL = """
INSERT INTO public.fieldsync_probe
SELECT * FROM json_to_recordset(%s::json) AS r(id text, name text, phone text, notes text) WHERE right(id, 1) < '5'
"""
_INSERT = """
INSERT INTO public.fieldsync_probe
SELECT * FROM json_to_recordset(%s::json) AS r(id text, name text, phone text, notes text) WHERE right(id, 1) >= '5'
"""
_UPDATE = """
UPDATE public.fieldsync_probe p SET phone = '+44', notes = r.notes
FROM json_to_recordset(%s::json) AS r(id text, name text, phone text, notes text)
WHERE p.id = r.id AND right(r.id, 1) < '5'
"""


def bulk_write_seconds(uri: str, rows: str) -> float:
    """Seconds to write these rows (a JSON array of id, name, phone, notes): half inserted, half updates, committed."""
    with psycopg.connect(uri) as connection:
        connection.execute(_TABLE)
        connection.execute(_FILL, (rows,))
        connection.commit()
        start = time.perf_counter()
        connection.execute(_INSERT, (rows,))
        connection.execute(_UPDATE, (rows,))
        connection.commit()
        taken = time.perf_counter() - start
        connection.execute("DROP TABLE public.fieldsync_probe")
    return taken


def select_seconds(uri: str, schema: str, table: str, count: int) -> float:
    """Seconds to read so many rows of this table by their ids."""
    name = sql.SQL("{}.{}").format(sql.Identifier(schema), sql.Identifier(table))
    with psycopg.connect(uri) as connection:
        ids = [row[0] for row in connection.execute(sql.SQL('SELECT "Id" FROM {} LIMIT %s').format(name), (count,))]
        start = time.perf_counter()
        connection.execute(sql.SQL('SELECT * FROM {} WHERE "Id" = ANY(%s)').format(name), (ids,)).fetchall()
        return time.perf_counter() - start


def know_sizes(uri: str) -> None:
    """Let PostgreSQL look at the tables once, as it does by itself a minute after they grew."""
    with psycopg.connect(uri, autocommit=True) as connection:
        connection.execute("ANALYZE")


def backends(uri: str) -> list[int]:
    """The processes of this PostgreSQL that serve connections."""
    with psycopg.connect(uri) as connection:
        own = connection.info.backend_pid
        rows = connection.execute("SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend'").fetchall()
        return [pid for (pid,) in rows if pid != own]


def copy_out_seconds(uri: str, schema: str, table: str) -> float:
    """Seconds to read every row of this table with COPY, as PostgreSQL itself writes them."""
    statement = sql.SQL("COPY {}.{} TO STDOUT").format(sql.Identifier(schema), sql.Identifier(table))
    with psycopg.connect(uri) as connection, connection.cursor() as cursor:
        start = time.perf_counter()
        with cursor.copy(statement) as copy:
            for _ in copy:
                pass
        return time.perf_counter() - start


class Entries(NamedTuple):
    """So many entries of a person's feed, from behind a position on, that name these records in turn."""

    user: str
    object: str
    records: tuple[str, ...]
    after: int
    many: int


_ENTRIES = """
INSERT INTO {part} (day, stamp, version, seq, object, id, kind, transaction_id, root_object, root_id, device,
    feed_user, feed_position, at)
SELECT {day}, 1, 1, 0, {object}, r.id, 'updated', 't' || p, {object}, r.id, 'other', {user}, p, {day}::timestamptz
FROM generate_series({first}, {last}) p
JOIN unnest({records}::text[]) WITH ORDINALITY r (id, n) ON r.n = 1 + p % {records_count}
"""


def fill_day(uri: str, schema: str, day: date, feeds: Sequence[Entries]) -> None:
    """Make the change log's part of a day with these entries, and let the people's feeds end with them.

    The part is filled first and gets its indexes at once, as set-based as PostgreSQL can.
    """
    part = sql.Identifier(partition_name(day))
    with psycopg.connect(uri) as connection:
        connection.execute(sql.SQL("SET search_path = {}").format(sql.Identifier(schema)))
        connection.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(part))
        connection.execute(sql.SQL("CREATE TABLE {} (LIKE _change INCLUDING DEFAULTS)").format(part))
        for entries in feeds:
            _add_entries(connection, part, day, entries)
        bounds = (sql.Literal(day), sql.Literal(day + timedelta(days=1)))
        attach = sql.SQL("ALTER TABLE _change ATTACH PARTITION {} FOR VALUES FROM ({}) TO ({})")
        connection.execute(attach.format(part, *bounds))
    with psycopg.connect(uri, autocommit=True) as connection:
        connection.execute(sql.SQL("ANALYZE {}.{}").format(sql.Identifier(schema), part))


def _add_entries(connection: psycopg.Connection[Any], part: sql.Identifier, day: date, entries: Entries) -> None:
    values = {
        "day": sql.Literal(day),
        "object": sql.Literal(entries.object),
        "user": sql.Literal(entries.user),
        "first": sql.Literal(entries.after + 1),
        "last": sql.Literal(entries.after + entries.many),
        "records": sql.Literal(list(entries.records)),
        "records_count": sql.Literal(len(entries.records)),
    }
    connection.execute(sql.SQL(_ENTRIES).format(part=part, **values))
    moved = (entries.after + entries.many, entries.user)
    connection.execute("UPDATE _user_head SET position = greatest(position, %s) WHERE user_id = %s", moved)


class Waiter:
    """A writer that wants the change log from when it is made until it has it; `seconds` then says when that was."""

    def __init__(self, uri: str, schema: str) -> None:
        self._place = uri, sql.SQL("LOCK TABLE {}._change IN ROW EXCLUSIVE MODE").format(sql.Identifier(schema))
        self._had = 0.0
        self._thread = threading.Thread(target=self._want)
        self._thread.start()
        while not self._is_waiting():
            time.sleep(0.001)

    def seconds(self) -> float:
        """On the clock of `time.perf_counter`, when it had it."""
        self._thread.join()
        return self._had

    def _want(self) -> None:
        uri, lock = self._place
        with psycopg.connect(uri) as connection:
            connection.execute(lock)
            self._had = time.perf_counter()

    def _is_waiting(self) -> bool:
        with psycopg.connect(self._place[0]) as connection:
            found = connection.execute("SELECT 1 FROM pg_locks WHERE NOT granted AND mode = 'RowExclusiveLock'")
            return found.fetchone() is not None


def select_page_seconds(uri: str, schema: str, read: tuple[str, int, int], table: str, *, times: int) -> list[float]:
    """Seconds of reading entries (of a person, behind a position, so many) and the rows they name."""
    taken = []
    with psycopg.connect(uri, autocommit=True) as connection:
        connection.execute(sql.SQL("SET search_path = {}").format(sql.Identifier(schema)))
        page = "SELECT id, * FROM _change WHERE feed_user = %s AND feed_position > %s ORDER BY feed_position LIMIT %s"
        rows = sql.SQL('SELECT * FROM {} WHERE "Id" = ANY(%s)').format(sql.Identifier(table))
        for _ in range(times):
            start = time.perf_counter()
            ids = [entry[0] for entry in connection.execute(page, read, prepare=True).fetchall()]
            connection.execute(rows, (ids,), prepare=True).fetchall()
            taken.append(time.perf_counter() - start)
    return taken
