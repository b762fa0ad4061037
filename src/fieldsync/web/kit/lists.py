"""Records of a list as rows of a table, the same in both apps."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from litestar import Request

from fieldsync.schema.fields import FieldValue
from fieldsync.schema.model import Field
from fieldsync.soql.list_view import Shown

Tell = Callable[[Field, FieldValue], str]
"""A value as a person reads it."""


@dataclass(frozen=True)
class Asked:
    """What a list's address says. `order` is a column, with a minus before it from the last to the first."""

    search: str = ""
    view: str = ""
    order: str = ""
    first: int = 0

    @property
    def column(self) -> str:
        """What the list is sorted by."""
        return self.order.removeprefix("-") or "Name"

    @property
    def descending(self) -> bool:
        return self.order.startswith("-")


def asked_of(request: Request[Any, Any, Any]) -> Asked:
    """What this request asks for; what is no number counts as 0."""
    given = request.query_params
    first = str(given.get("first", ""))
    at = int(first[:9]) if first.isdecimal() and first.isascii() else 0
    return Asked(str(given.get("search", "")).strip(), str(given.get("view", "")), str(given.get("order", "")), at)


@dataclass(frozen=True)
class Line:
    """One record: its name leads to it, `cells` are the other columns in order."""

    id: str
    name: str
    cells: tuple[str, ...]


def line_of(columns: Sequence[Shown], record: Mapping[str, Any], tell: Tell) -> Line:
    """A record of a list as a person reads it."""
    cells = tuple(_cell(column, record, tell) for column in columns)
    return Line(str(record["Id"]), str(record["Name"] or record["Id"]), cells)


def _cell(column: Shown, record: Mapping[str, Any], tell: Tell) -> str:
    """A reference by the name of its record, where that is here."""
    named = None if column.name_path is None else _at(record, column.name_path)
    value = _at(record, column.path) if named is None else named
    if value is None:
        return ""
    return str(named) if named is not None else tell(column.field, value)


def _at(record: Mapping[str, Any], path: Sequence[str]) -> Any:
    found: Any = record
    for name in path:
        found = None if found is None else found.get(name)
    return found
