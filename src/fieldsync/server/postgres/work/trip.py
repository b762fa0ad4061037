"""One trip to PostgreSQL and back: any number of statements sent in one piece, their answers read in one.

The driver's own pipeline goes to the socket once for every statement, and a save has some twenty. Values, rows and
errors are the driver's; sending, reading, and the plans that a connection keeps are here.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import abc, errors
from psycopg.adapt import PyFormat, Transformer
from psycopg.pq import ExecStatus, PipelineStatus
from psycopg.pq.abc import PGresult

from fieldsync.server.postgres.compiled import Statement
from fieldsync.server.postgres.work import streamed
from fieldsync.server.postgres.work.exchange import Key, Message, exchange, read_behind, send
from fieldsync.server.postgres.work.lists import IdsDumper

PLANS_MAX = 300
"""Statements are few and asked over and over: each connection keeps the plans of those it used last."""
STREAMED_ROWS = 500
"""So many are handed on at once."""
Rows = list[tuple[Any, ...]]


@dataclass(frozen=True, eq=False)
class Step:
    """A statement and its parameters; `keep` is False for what has no plan."""

    statement: Statement
    given: Mapping[str, Any]
    keep: bool = True

    def asks(self, other: Step) -> bool:
        """Whether both are the same question."""
        return self.statement is other.statement and self.given == other.given


@dataclass(frozen=True)
class Answer:
    """The rows of a statement, and how many it wrote."""

    rows: Rows
    count: int


class Connection(psycopg.AsyncConnection[tuple[Any, ...]]):
    """A connection of the pool, and the plans it keeps. Its `prepare_threshold` is None, so that the driver keeps none
    beside ours, and forgets none of ours."""

    def __init__(self, pgconn: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(pgconn, *args, **kwargs)
        self.adapters.register_dumper(list, IdsDumper)
        self._plans: OrderedDict[Key, bytes] = OrderedDict()
        self._made = 0
        self._unread: list[Message] = []
        self._behind: list[Message] = []
        self._values: abc.Transformer | None = None

    async def trip(self, steps: Sequence[Step], behind: Sequence[Step] = ()) -> list[Answer]:
        """Run these statements in order, up to the first that is refused; raises what the driver calls that.

        A value that the driver cannot send is refused when its turn has come. `behind`: what PostgreSQL goes on with
        by itself; its answers are asked for with `answers_behind`, and what is refused of it takes nothing back.
        """
        messages, unsendable = self._sendable(steps)
        before, self._unread = self._unread, []
        results = await self._exchanged(messages, before, [] if unsendable else self._sendable(behind)[0])
        self._raise_refusal([*before, *messages], results)
        if unsendable is not None:
            raise unsendable
        own = zip(messages, results[len(before) :], strict=True)
        return [self._answer(result) for message, result in own if message.answers]

    async def answers_behind(self) -> list[Answer]:
        """Of what was sent behind the last trip; none where something of it was refused."""
        messages, self._behind = self._behind, []
        if not messages:
            return []
        try:
            results = await self.wait(read_behind(self.pgconn, len(messages)))
        except BaseException:
            self._forget(message.makes for message in messages)
            raise
        if self._refusal(messages, results) is not None:
            return []
        return [self._answer(result) for message, result in zip(messages, results, strict=True) if message.answers]

    def depart(self, steps: Sequence[Step]) -> Sequence[Step]:
        """Send these on their way while the caller goes on; what becomes of them comes back with the next trip.

        Returns those that are not sent, from the first on that has a value that cannot be.
        """
        sent = 0
        for step in () if self._behind else steps:
            messages, unsendable = self._sendable([step])
            if unsendable is not None:
                break
            send(self.pgconn, messages)
            self._unread += messages
            sent += 1
        self.pgconn.flush()
        return steps[sent:]

    @property
    def is_under_way(self) -> bool:
        """Whether something departed of which nothing has come back."""
        return bool(self._unread)

    async def settle(self) -> None:
        """Let what is under way come back, whatever became of it: the statements are to be taken back anyway."""
        with suppress(psycopg.Error):
            await self.answers_behind()
        if self._unread:
            unread, self._unread = self._unread, []
            with suppress(psycopg.Error):
                self._refusal(unread, await self._exchanged([], unread))

    def abandon(self) -> None:
        """Give the connection up, where something is under way that nobody waits for any more."""
        if self._unread or self._behind:
            self.pgconn.finish()

    async def stream(self, step: Step) -> AsyncGenerator[list[bytes], None]:
        """Rows of one text column, so many at a time as have come. Who stops before the end gives up the connection."""
        *make, query = self._messages(step)
        self._raise_refusal(make, await self._exchanged(make))
        ended = False
        try:
            await self.wait(streamed.begin(self.pgconn, query.send))
            while not ended:
                rows: list[bytes] = []
                ended = await self.wait(streamed.take(self.pgconn, rows, STREAMED_ROWS))
                if rows:
                    yield rows
        finally:
            if not self.closed and self.pgconn.pipeline_status != PipelineStatus.OFF:
                self.pgconn.finish()

    async def _exchanged(
        self, messages: Sequence[Message], unread: Sequence[Message] = (), behind: Sequence[Message] = ()
    ) -> list[PGresult]:
        """One result for each, those before first. Who is interrupted cannot know which plans were made."""
        await self.answers_behind()
        if not messages and not unread:
            return []
        self._behind = list(behind)
        try:
            return await self.wait(exchange(self.pgconn, messages, len(unread), behind))
        except BaseException:
            self._behind = []
            self._forget(message.makes for message in (*unread, *messages, *behind))
            raise

    def _forget(self, plans: Iterable[Key | None]) -> None:
        for key in plans:
            if key is not None:
                self._plans.pop(key, None)

    def _sendable(self, steps: Sequence[Step]) -> tuple[list[Message], psycopg.Error | None]:
        """What is sent for these steps, up to the first with a value that cannot be, and what the driver says of it."""
        messages: list[Message] = []
        try:
            for step in steps:
                messages += self._messages(step)
        except psycopg.Error as error:
            return messages, error
        return messages, None

    def _messages(self, step: Step) -> list[Message]:
        if not step.keep:
            return [Message(text=step.statement.text.encode())]
        text, names = step.statement.numbered
        bound = step.statement.bind(step.given)
        driver = self._driver()
        values = driver.dump_sequence([bound[name] for name in names], [PyFormat.AUTO] * len(names))
        key, formats = (text, driver.types or ()), driver.formats
        known = self._plans.get(key)
        if known is not None:
            self._plans.move_to_end(key)
            return [Message(plan=known, values=values, formats=formats)]
        self._made += 1
        name = self._plans[key] = f"fieldsync_{self._made}".encode()
        make = Message(plan=name, makes=key, answers=False)
        return [*self._room(), make, Message(plan=name, values=values, formats=formats)]

    def _room(self) -> list[Message]:
        """Let go of the plan that was used longest ago, where there is one too many."""
        if len(self._plans) <= PLANS_MAX:
            return []
        _, name = self._plans.popitem(last=False)
        return [Message(text=b"DEALLOCATE " + name, answers=False)]

    def _raise_refusal(self, messages: Sequence[Message], results: Sequence[PGresult]) -> None:
        refused = self._refusal(messages, results)
        if refused is not None:
            raise errors.error_from_result(refused, encoding=self.info.encoding)

    def _refusal(self, messages: Sequence[Message], results: Sequence[PGresult]) -> PGresult | None:
        """Forget the plans that were not made, and give the refusal, if there is one."""
        refused = None
        for message, result in zip(messages, results, strict=True):
            if result.status in (ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK):
                continue
            self._forget([message.makes])
            if refused is None and result.status == ExecStatus.FATAL_ERROR:
                refused = result
        return refused

    def _driver(self) -> abc.Transformer:
        """How values and rows are written; made when the connection has all its adapters."""
        if self._values is None:
            self._values = Transformer(self)
        return self._values

    def _answer(self, result: PGresult) -> Answer:
        driver = self._driver()
        driver.set_pgresult(result)
        rows = driver.load_rows(0, result.ntuples, tuple) if result.nfields else []
        return Answer(rows, result.command_tuples or 0)
