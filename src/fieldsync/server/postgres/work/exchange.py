"""Messages to PostgreSQL and their results over the socket: all sent in one piece, and read in one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import psycopg
from psycopg.abc import Buffer, PQGen
from psycopg.pq import ExecStatus, PipelineStatus
from psycopg.pq.abc import PGconn, PGresult
from psycopg.waiting import Ready, Wait

Key = tuple[bytes, tuple[int, ...]]


@dataclass(frozen=True)
class Message:
    """A text to make a plan of, a plan to run with values, or a text to run. `answers`: a step waits for it."""

    text: bytes = b""
    plan: bytes = b""
    makes: Key | None = None
    values: Sequence[Buffer | None] | None = None
    formats: Sequence[int] | None = None
    answers: bool = True

    def send(self, connection: PGconn) -> None:
        if self.makes is not None:
            connection.send_prepare(self.plan, *self.makes)
        elif self.plan:
            connection.send_query_prepared(self.plan, self.values, self.formats)
        else:
            connection.send_query_params(self.text, None)


def send(connection: PGconn, messages: Sequence[Message]) -> None:
    try:
        if connection.pipeline_status == PipelineStatus.OFF:
            connection.enter_pipeline_mode()
        for message in messages:
            message.send(connection)
    except BaseException:
        connection.finish()
        raise


def exchange(
    connection: PGconn, messages: Sequence[Message], unread: int = 0, behind: Sequence[Message] = ()
) -> PQGen[list[PGresult]]:
    """Send all, and read one result for each, behind those of so many that were sent before; those of `behind` stay to
    be read. A connection on which this does not come to its end is given up."""
    send(connection, messages)
    try:
        connection.pipeline_sync()
        if behind:
            send(connection, behind)
            connection.pipeline_sync()
        while connection.flush():
            if (yield Wait.RW) & Ready.R:
                connection.consume_input()
        results = yield from _results(connection)
        assert len(results) == len(messages) + unread, "one result for each statement"
        if not behind:
            connection.exit_pipeline_mode()
    except BaseException:
        connection.finish()
        raise
    return results


def read_behind(connection: PGconn, count: int) -> PQGen[list[PGresult]]:
    """The results of what was sent behind a trip. A connection on which this does not come to its end is given up."""
    try:
        results = yield from _results(connection)
        assert len(results) == count, "one result for each statement"
        connection.exit_pipeline_mode()
    except BaseException:
        connection.finish()
        raise
    return results


def _results(connection: PGconn) -> PQGen[list[PGresult]]:
    results: list[PGresult] = []
    last: PGresult | None = None
    while True:
        while connection.is_busy():
            yield Wait.R
            connection.consume_input()
        result = connection.get_result()
        if result is None and last is None:
            raise psycopg.OperationalError("the connection is lost")
        if result is None:
            assert last is not None
            results.append(last)
            last = None
        elif result.status == ExecStatus.PIPELINE_SYNC:
            return results
        else:
            last = result
