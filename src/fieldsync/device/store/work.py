"""Statements inside one transaction or one read: the only way to the database for the other rooms."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import apsw


class Work:
    """A transaction that is open, or a snapshot that is read. Valid only inside the `with` that gave it."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """Every row of a statement."""
        return self._connection.execute(sql, values).fetchall()

    def each(self, sql: str, *values: Any) -> Iterator[tuple[Any, ...]]:
        """The rows of a statement one by one, for as many as do not fit in memory. Read them before the work ends."""
        return self._connection.execute(sql, values)

    def one(self, sql: str, *values: Any) -> tuple[Any, ...] | None:
        """The first row, if there is one."""
        found: tuple[Any, ...] | None = self._connection.execute(sql, values).fetchone()
        return found

    def value(self, sql: str, *values: Any) -> Any:
        """The first column of the first row; None without a row."""
        row = self._connection.execute(sql, values).fetchone()
        return None if row is None else row[0]

    def run(self, sql: str, *values: Any) -> None:
        """A statement whose rows nobody wants."""
        self._connection.execute(sql, values).fetchall()

    def many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """One statement for many rows."""
        self._connection.executemany(sql, rows).fetchall()

    def offer(self, name: str, function: Callable[..., Any], arguments: int) -> None:
        """Let the statements that follow call a function of ours, until another takes its name."""
        self._connection.create_scalar_function(name, function, arguments)


def listed(values: Iterable[object]) -> str:
    """Many values as one bound parameter, for `IN (SELECT value FROM json_each(?))`."""
    return json.dumps(list(values))
