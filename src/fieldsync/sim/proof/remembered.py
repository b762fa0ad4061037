"""Statements of scopes, kept from one simulated server to the next: composing them was half of a device-day.

They are written once for all whom they fit (`server/scope/alike.py`), and follow from the data model and that shape
alone; a server that starts anew, or another seed, would write the same again. That it is so is looked at again and
again: every so many times one is composed for the person alone, and has to be equal.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from fieldsync.server.postgres.compiled import Statement, compile_statement
from fieldsync.server.scope.alike import MAY_BE_LEFT_OUT, Statements
from fieldsync.server.scope.scope import Around, Scope

COMPOSED_ALONE_EVERY = 40
Build = Callable[[Mapping[str, Scope]], Any]


class Remembered:
    """What was written so far in this process, by data model."""

    def __init__(self) -> None:
        self._of_models: dict[str, Statements] = {}
        self.asked = self.alone = 0

    def share(self, around: Around) -> None:
        """Servers of one data model share their statements."""
        vars(around)["statements"] = self._of_models.setdefault(around.catalog.version, around.statements)

    def look_at(self, found: Statement, build: Build, whose: Mapping[str, Scope]) -> None:
        """Assert that it is what is composed for these people alone, every so many times."""
        self.asked += 1
        if self.asked % COMPOSED_ALONE_EVERY == 0:
            self.alone += 1
            alone = compile_statement(build(whose), spare=MAY_BE_LEFT_OUT)
            assert found == alone, f"for these people it is another statement: {alone.text}"


@contextmanager
def remembered_statements() -> Iterator[Remembered]:
    """Within this, scopes that are alike share their statements, whichever server has them."""
    memory = Remembered()
    init, written = Scope.__init__, Scope.written

    def made(scope: Scope, around: Around, *parts: Any, **named: Any) -> None:
        memory.share(around)
        init(scope, around, *parts, **named)

    def looked_at(scope: Scope, key: Hashable, build: Build, whose: Mapping[str, Scope]) -> Statement:
        found = written(scope, key, build, whose)
        memory.look_at(found, build, whose)
        return found

    Scope.__init__, Scope.written = made, looked_at  # type: ignore[method-assign,assignment]
    try:
        yield memory
    finally:
        Scope.__init__, Scope.written = init, written  # type: ignore[method-assign]
