"""Rows of a running COPY, taken from the driver in gathered pieces."""

from __future__ import annotations

from enum import Enum, auto

import psycopg
from psycopg import errors
from psycopg.abc import PQGen
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGconn
from psycopg.waiting import Wait


class Copied(Enum):
    """Where a COPY stands after a look."""

    STARVED = auto()
    FULL = auto()
    ENDED = auto()


def take_arrived(connection: PGconn, rows: list[bytes | memoryview], block_bytes: int) -> PQGen[tuple[Copied, int]]:
    """Take rows of a running COPY until there are `block_bytes`, or no more have arrived; and how many bytes.

    For `AsyncConnection.wait`, which is gone through only while there is nothing: PostgreSQL sends 8 KiB at a time, and
    a turn of the event loop for each costs more than the rows.
    """
    size, looked = 0, False
    while size < block_bytes:
        count, row = connection.get_copy_data(1)
        if count > 0:
            rows.append(row)
            size += count
            looked = False
        elif count < 0:
            yield from _end_copy(connection)
            return Copied.ENDED, size
        elif not looked:
            connection.consume_input()
            looked = True
        elif rows:
            return Copied.STARVED, size
        else:
            yield Wait.R
            looked = False
    return Copied.FULL, size


def _end_copy(connection: PGconn) -> PQGen[None]:
    """Read what PostgreSQL says of the whole COPY. Raises what it refused."""
    refused: psycopg.Error | None = None
    while True:
        while connection.is_busy():
            yield Wait.R
            connection.consume_input()
        result = connection.get_result()
        if result is None:
            break
        if result.status == ExecStatus.FATAL_ERROR:
            refused = errors.error_from_result(result)
    if refused is not None:
        raise refused
