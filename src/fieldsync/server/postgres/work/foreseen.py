"""A transaction that is over before anybody asks in it: its questions were guessed, and asked behind another one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from fieldsync.server.postgres.compiled import Statement
from fieldsync.server.postgres.work.pipe import Question, as_step
from fieldsync.server.postgres.work.trip import Answer, Step
from fieldsync.server.postgres.work.work import Work


class Unforeseen(Exception):
    """This was not asked: what is needed has to be read in a transaction of its own."""


class Foreseen(Work):
    """Questions with their answers, all of one snapshot. `at`: the instant they were asked with. Nothing is written."""

    def __init__(self, at: datetime, answers: Sequence[tuple[Step, Answer]]) -> None:
        self.at, self._known = at, answers

    def ahead(self, *questions: Question) -> None:
        """There is nothing to travel with."""

    async def rows(self, statement: Statement, /, **params: Any) -> list[tuple[Any, ...]]:
        """As it was asked. Raises Unforeseen."""
        step = as_step((statement, params))
        for asked, answer in self._known:
            if asked.asks(step):
                return answer.rows
        raise Unforeseen

    async def run(self, statement: Statement, /, **params: Any) -> int:
        """Raises Unforeseen."""
        raise Unforeseen
