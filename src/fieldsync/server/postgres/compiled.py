"""Statements built once with SQLAlchemy and run as text through psycopg: the hot paths' way to PostgreSQL.

A statement is compiled when its room is built. Running it costs the driver's time alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, wraps
from typing import Concatenate, ParamSpec
from weakref import WeakKeyDictionary

from sqlalchemy import MetaData
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.sql import ClauseElement
from sqlalchemy.sql.compiler import SQLCompiler

Asked = ParamSpec("Asked")
_DIALECT = PGDialect_psycopg()  # type: ignore[no-untyped-call]
_PLACE = re.compile(r"%(?:%|\(([^)]*)\)s)")


@dataclass(frozen=True)
class Statement:
    """SQL text with `%(name)s` places. `given` are the names a caller fills, `fixed` the values it was built with.

    A caller may fill those too. `spare` are names that he may fill though this text has no place for them.
    """

    text: str
    given: frozenset[str]
    fixed: Mapping[str, object]
    spare: frozenset[str] = frozenset()

    @cached_property
    def numbered(self) -> tuple[bytes, tuple[str, ...]]:
        """The text with `$1`, `$2` and so on for its places, and the names that belong there."""
        names: dict[str, int] = {}

        def place(found: re.Match[str]) -> str:
            name = found[1]
            return "%" if name is None else f"${names.setdefault(name, len(names) + 1)}"

        text = _PLACE.sub(place, self.text)
        return text.encode(), tuple(names)

    def filled(self, fill: Callable[[object], object]) -> Statement:
        """The same text with other values: what `fill` makes of those it was built with."""
        other = Statement(self.text, self.given, {name: fill(value) for name, value in self.fixed.items()}, self.spare)
        vars(other)["numbered"] = self.numbered
        return other

    def bind(self, given: Mapping[str, object]) -> dict[str, object]:
        """All parameters of one run. A missing or foreign name is a bug."""
        fits = given.keys() - self.spare - self.fixed.keys() == self.given
        assert fits, f"takes {sorted(self.given)}, not {sorted(given)}"
        return {**self.fixed, **{name: value for name, value in given.items() if name not in self.spare}}


def written(text: str, *given: str) -> Statement:
    """A statement that is written out, with the names that a caller fills."""
    return Statement(text, frozenset(given), {})


def compile_statement(statement: ClauseElement, *, spare: frozenset[str] = frozenset()) -> Statement:
    """`statement` for PostgreSQL and psycopg. `spare`: names that it may turn out not to need.

    Lists must be array parameters (`column == any_(bindparam("ids"))`): an `in_` list changes the text with its length.
    Every column of an insert must be given in `values(...)`, so that the text is complete.
    """
    compiled = statement.compile(dialect=_DIALECT)
    assert not getattr(compiled, "post_compile_params", None), "use = ANY(array) instead of IN (...)"
    names = compiled.bind_names if isinstance(compiled, SQLCompiler) else {}
    given = frozenset(name for bind, name in names.items() if bind.required)
    fixed = {name: bind.effective_value for bind, name in names.items() if not bind.required}
    return Statement(str(compiled), given, fixed, spare - given)


def compiled_once(
    build: Callable[Concatenate[MetaData, Asked], ClauseElement],
) -> Callable[Concatenate[MetaData, Asked], Statement]:
    """What builds a statement out of an org's tables, and of what else it is asked for, gives it compiled: once for
    each data model, as long as that is there."""
    kept: WeakKeyDictionary[MetaData, dict[object, Statement]] = WeakKeyDictionary()

    @wraps(build)
    def statement(metadata: MetaData, /, *asked: Asked.args, **named: Asked.kwargs) -> Statement:
        of_model = kept.setdefault(metadata, {})
        found = of_model.get((asked, *sorted(named.items())))
        if found is None:
            found = of_model[(asked, *sorted(named.items()))] = compile_statement(build(metadata, *asked, **named))
        return found

    return statement
