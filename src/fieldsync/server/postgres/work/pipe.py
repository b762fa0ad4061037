"""Statements on their way: those nobody waits for go with the next one somebody does, all in one round trip.

A save is some twenty statements, and waiting for each costs more than running it. What a save writes nobody reads at
once, and what a request will look up is known before its first answer: both travel together (`later`, `ahead`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import psycopg

from fieldsync.server.postgres.compiled import Statement

Connection = psycopg.AsyncConnection[tuple[Any, ...]]
Rows = list[tuple[Any, ...]]
Question = tuple[Statement, Mapping[str, Any]]
"""A query and what is given to it."""


@dataclass(frozen=True, eq=False)
class Step:
    """A statement and its parameters; `prepare` is False for what has no plan."""

    statement: Statement
    given: Mapping[str, Any]
    prepare: bool | None = None

    def asks(self, other: Step) -> bool:
        """Whether both are the same question."""
        return self.statement is other.statement and self.given == other.given


@dataclass(frozen=True)
class Answer:
    """The rows of a statement, and how many it wrote."""

    rows: Rows
    count: int


class Pipe:
    """The statements of one connection, in order. Errors are the driver's."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._writes: list[Step] = []
        self._ahead: list[Step] = []
        self._answers: list[tuple[Step, Answer]] = []

    def later(self, step: Step) -> None:
        """Send it with the next that is waited for. What it does to rows asked ahead is not in their answers, so
        those are forgotten."""
        self._writes.append(step)
        self._ahead.clear()
        self._answers.clear()

    def ahead(self, steps: Iterable[Step]) -> None:
        """Questions that are likely to be asked next, in this order: they go with whatever is asked first."""
        self._ahead.extend(steps)

    def is_unsent(self, step: Step) -> bool:
        """Whether a step of `later` has not left yet."""
        return step in self._writes

    def forget(self, since: Step | None = None) -> None:
        """Drop what has not left, from a step of `later` on, and every answer."""
        del self._writes[0 if since is None else self._writes.index(since) :]
        self._ahead.clear()
        self._answers.clear()

    async def write(self, step: Step) -> Answer:
        """Run a statement that changes rows, after what waits before it."""
        self._ahead.clear()
        self._answers.clear()
        return (await self._send([step]))[0]

    async def ask(self, step: Step) -> Answer:
        """The answer to a question: one that was asked ahead, or else asked now with those that wait."""
        known = self._take(step)
        if known is None:
            ahead, self._ahead = self._ahead, []
            steps = ahead if any(one.asks(step) for one in ahead) else [step, *ahead]
            self._answers.extend(zip(steps, await self._send(steps), strict=True))
            known = self._take(step)
        assert known is not None, "it was among those that were sent"
        return known

    async def flush(self) -> None:
        """Send what waits to be written, and see that it was."""
        if self._writes:
            await self._send([self._writes.pop()])

    def _take(self, step: Step) -> Answer | None:
        for i, (asked, answer) in enumerate(self._answers):
            if asked.asks(step):
                del self._answers[i]
                return answer
        return None

    async def _send(self, steps: list[Step]) -> list[Answer]:
        """Run the waiting writes, then these steps; the answers to these."""
        writes, self._writes = self._writes, []
        if not writes and len(steps) == 1:
            return [await _answer(await self._execute(steps[0]))]
        async with self._connection.pipeline():
            for step in writes:
                await self._execute(step)
            cursors = [await self._execute(step) for step in steps]
        return [await _answer(cursor) for cursor in cursors]

    async def _execute(self, step: Step) -> psycopg.AsyncCursor[tuple[Any, ...]]:
        bound = step.statement.bind(step.given)
        return await self._connection.execute(step.statement.text, bound, prepare=step.prepare)


async def _answer(cursor: psycopg.AsyncCursor[tuple[Any, ...]]) -> Answer:
    rows = await cursor.fetchall() if cursor.description is not None else []
    return Answer(rows, cursor.rowcount)
