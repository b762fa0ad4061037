"""Statements on their way: those nobody waits for go with the next one somebody does, all in one round trip.

A save is some twenty statements, and waiting for each costs more than running it. What a save writes nobody reads at
once, and what a request will look up is known before its first answer: both travel together (`later`, `ahead`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from psycopg.pq import TransactionStatus

from fieldsync.server.postgres.compiled import Statement
from fieldsync.server.postgres.work.trip import Answer, Connection, Step

Question = tuple[Statement, Mapping[str, Any]]
"""A query and what is given to it."""
DEPARTS_FROM_BYTES = 8_192
"""A write of so much keeps PostgreSQL busy for a while: it is sent at once, and both work side by side."""
COMMIT = Step(Statement("COMMIT", frozenset(), {}), {}, keep=False)
END: Question = (COMMIT.statement, COMMIT.given)
"""The end of the transaction, as the last of the questions that are asked ahead: what is asked behind it all the same
begins another."""


def as_step(question: Question) -> Step:
    """What is sent for it."""
    statement, given = question
    return COMMIT if statement is COMMIT.statement else Step(statement, given)


class Pipe:
    """The statements of one transaction, in order; `begin` goes with the first. Errors are the driver's."""

    def __init__(self, connection: Connection, begin: Step) -> None:
        self._connection, self._begin = connection, begin
        self._writes: list[Step] = []
        self._ahead: list[Step] = []
        self._answers: list[tuple[Step, Answer]] = []
        self._behind: list[Step] = []
        self._running: list[Step] = []
        """Of `behind`, when the transaction has ended."""
        self._found: list[tuple[Step, Answer]] = []

    def behind(self, steps: Sequence[Step]) -> None:
        """Statements that go with the end of the transaction, and run when it has ended."""
        self._behind += steps

    async def answers_behind(self) -> list[tuple[Step, Answer]]:
        """Each with its answer; none where something of it was refused."""
        await self._collect()
        return self._found

    def later(self, step: Step) -> None:
        """Send it with the next that is waited for. What it does to rows asked ahead is not in their answers, so
        those are forgotten."""
        self._writes.append(step)
        self._ahead.clear()
        self._answers.clear()
        if sum(len(value) for value in step.given.values() if isinstance(value, str)) >= DEPARTS_FROM_BYTES:
            before = [] if self._begun else [self._begin]
            self._writes = list(self._connection.depart([*before, *self._writes]))

    def beside(self, step: Step) -> None:
        """As `later`, of what changes no row: what was asked ahead stays as it was."""
        self._writes.append(step)

    def ahead(self, steps: Iterable[Step]) -> None:
        """Questions that are likely to be asked next, in this order: they go with whatever is asked first. What is
        known already, or goes anyway, does not go again."""
        for step in steps:
            if not any(one.asks(step) for one in (*self._ahead, *(asked for asked, _ in self._answers))):
                self._ahead.append(step)

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
        if self._writes or self._connection.is_under_way:
            await self._send([])

    async def begin(self) -> None:
        """As `flush`; and from here on the driver is in this transaction."""
        await self.flush()
        if not self._begun:
            await self._connection.trip([self._begin])

    async def commit(self) -> None:
        """End the transaction with what waits to be written; with nothing, if it never began."""
        await self._collect()
        if self._writes or self._begun:
            await self._send([COMMIT])

    @property
    def _begun(self) -> bool:
        return not self._running and self._connection.pgconn.transaction_status != TransactionStatus.IDLE

    def _take(self, step: Step) -> Answer | None:
        for i, (asked, answer) in enumerate(self._answers):
            if asked.asks(step):
                del self._answers[i]
                return answer
        return None

    async def _send(self, steps: list[Step]) -> list[Answer]:
        """Run the waiting writes, then these steps; the answers to these."""
        await self._collect()
        writes, self._writes = self._writes, []
        before = writes if self._begun else [self._begin, *writes]
        if steps and steps[-1] is COMMIT:
            self._running, self._behind = self._behind, []
        return (await self._connection.trip([*before, *steps], self._running))[len(before) :]

    async def _collect(self) -> None:
        steps, self._running = self._running, []
        if steps:
            answers = await self._connection.answers_behind()
            self._found = list(zip(steps, answers, strict=True)) if answers else []
