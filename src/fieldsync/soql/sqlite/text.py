"""SQL text that carries its parameters in the order of its question marks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

Stored = str | int | float | None


@dataclass(frozen=True)
class Sql:
    """A piece of SQL, or a whole statement: run `text` with `values`."""

    text: str
    values: tuple[Stored, ...] = ()

    def then(self, word: str, more: Sql) -> Sql:
        """Followed by a clause."""
        return Sql(self.text + word + more.text, self.values + more.values)


def joined(between: str, parts: Sequence[Sql]) -> Sql:
    """Pieces one behind the other."""
    return Sql(between.join(p.text for p in parts), tuple(v for p in parts for v in p.values))


def balanced(between: str, parts: Sequence[Sql]) -> Sql:
    """Pieces in a tree of parentheses: SQLite counts a chain of AND as one level more for each, and allows 1000."""
    if len(parts) == 1:
        return parts[0]
    middle = len(parts) // 2
    halves = joined(between, (balanced(between, parts[:middle]), balanced(between, parts[middle:])))
    return Sql(f"({halves.text})", halves.values)


def quoted(name: str) -> str:
    """A name out of the catalog as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'
