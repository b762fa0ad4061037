"""Rows taken one by one: a refusal after some of them is told, however its pieces arrive."""

from __future__ import annotations

import select

import psycopg
import pytest
from psycopg import errors
from psycopg.abc import PQGen
from psycopg.pq.abc import PGconn

from fieldsync.server.postgres.work import streamed

REFUSED_AT_THE_THIRD = b"SELECT (1 / (n - 3))::text FROM generate_series(1, 5) AS n"


def test_a_refusal_that_arrives_before_the_end_of_its_statement_is_told(database: str) -> None:
    """PostgreSQL sends it as soon as it knows it. Here the end is late because there is much before it."""
    with psycopg.connect(database) as connection:
        pgconn = connection.pgconn
        pgconn.enter_pipeline_mode()
        pgconn.send_query_params(REFUSED_AT_THE_THIRD, None)
        pgconn.set_single_row_mode()
        pgconn.send_flush_request()
        pgconn.send_query_params(b"SELECT $1::text", [b"x" * 50_000_000])
        pgconn.pipeline_sync()
        rows: list[bytes] = []
        with pytest.raises(errors.DivisionByZero):
            _run(pgconn, streamed.take(pgconn, rows, most=100))
        assert rows == [b"0", b"-1"]
        assert connection.execute("SELECT 1").fetchall() == [(1,)]


def _run(pgconn: PGconn, taking: PQGen[bool]) -> None:
    for _ in taking:
        pgconn.flush()
        select.select([pgconn.socket], [pgconn.socket], [], 10)
