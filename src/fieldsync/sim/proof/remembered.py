"""Statements of scopes, kept from one simulated server to the next: composing them was half of a device-day.

The text of such a statement follows from the data model, the recipe and its name alone; a server that starts anew, or
another seed, would compose the same again. That this is so is looked at again and again: every so many times one is
composed all the same and has to be equal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from fieldsync.server.postgres.compiled import Statement
from fieldsync.server.scope.scope import Scope

STATEMENTS_MAX = 20_000
COMPOSED_ANEW_EVERY = 40
Key = tuple[object, ...]


class Remembered:
    """What was composed so far in this process."""

    def __init__(self) -> None:
        self._known: dict[Key, Statement] = {}
        self.asked = self.anew = 0

    def kept(self, scope: Scope, key: tuple[str, ...], compose: Callable[[], Statement]) -> Statement:
        """The statement of this name. Asserts that it is as it was composed before, where it is composed anew."""
        whole = _whole(scope, key)
        known = self._known.get(whole)
        self.asked += 1
        if known is not None and self.asked % COMPOSED_ANEW_EVERY:
            return known
        self.anew += 1
        found = compose()
        assert known is None or found == known, f"{key} is another statement under the same recipe"
        if len(self._known) >= STATEMENTS_MAX:
            self._known.clear()
        self._known[whole] = found
        return found

    def knows(self, scope: Scope, key: tuple[str, ...]) -> bool:
        """Whether there is one of this name."""
        return _whole(scope, key) in self._known


def _whole(scope: Scope, key: tuple[str, ...]) -> Key:
    return scope.around.catalog.version, scope.recipe.hash, bool(scope.cut.columns), *key


@contextmanager
def remembered_statements() -> Iterator[Remembered]:
    """Within this, scopes of one recipe share their statements, whichever server has them."""
    memory = Remembered()
    kept, knows = Scope.kept, Scope.knows

    def kept_of_all(scope: Scope, *key: str, build: Callable[[], Any]) -> Statement:
        if knows(scope, *key):
            return kept(scope, *key, build=build)
        found = memory.kept(scope, key, lambda: kept(scope, *key, build=build))
        return scope._statements.setdefault(key, found)

    Scope.kept = kept_of_all  # type: ignore[method-assign,assignment]
    Scope.knows = lambda scope, *key: knows(scope, *key) or memory.knows(scope, key)  # type: ignore[method-assign]
    try:
        yield memory
    finally:
        Scope.kept, Scope.knows = kept, knows  # type: ignore[method-assign]
