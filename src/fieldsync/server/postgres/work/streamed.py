"""Rows of one text column as they come, for what is too much to hold.

The statement runs as a pipeline of its own: only there libpq forgets by itself that it was to give rows one at a time.
"""

from __future__ import annotations

from collections.abc import Callable

from psycopg import errors
from psycopg.abc import PQGen
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGconn, PGresult
from psycopg.waiting import Ready, Wait


def begin(connection: PGconn, send: Callable[[PGconn], None]) -> PQGen[None]:
    """Send a query whose rows are taken one by one."""
    connection.enter_pipeline_mode()
    send(connection)
    connection.set_single_row_mode()
    connection.pipeline_sync()
    while connection.flush():
        if (yield Wait.RW) & Ready.R:
            connection.consume_input()


def take(connection: PGconn, rows: list[bytes], most: int) -> PQGen[bool]:
    """Add rows that have arrived, up to `most`; whether those were the last. Waits only while there is none.

    Raises what PostgreSQL refused, when the connection is ready for the next statement: once it has, the end is waited
    for at once, however many rows came before, since a caller sent away with them would never hear of it.
    """
    refused: PGresult | None = None
    while len(rows) < most:
        if connection.is_busy():
            connection.consume_input()
        while connection.is_busy():
            if rows and refused is None:
                return False
            yield Wait.R
            connection.consume_input()
        result = connection.get_result()
        if result is None:
            continue
        if result.status == ExecStatus.SINGLE_TUPLE:
            rows.append(result.get_value(0, 0) or b"")
        elif result.status == ExecStatus.FATAL_ERROR:
            refused = result
        elif result.status == ExecStatus.PIPELINE_SYNC:
            connection.exit_pipeline_mode()
            if refused is not None:
                raise errors.error_from_result(refused)
            return True
    return False
