"""Many rows as one JSON document: how they are written here, and how PostgreSQL unpacks them.

Rows of one save have much in common: who, when, which device. Of many rows that is sent, and read by PostgreSQL, once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any
from typing import cast as seen_as

import msgspec
from sqlalchemy import ColumnElement, Table, TableValuedAlias, bindparam, cast, column, func
from sqlalchemy.dialects.postgresql import JSON

COMMON_FROM = 16
"""Fewer rows are sent as they are: to look for what they have in common costs more."""
_MISSING = object()
_ENCODER = msgspec.json.Encoder(decimal_format="number")


def as_json(values: object) -> str:
    """Rows of canonical values, or one, as text that PostgreSQL reads; a Decimal is a number."""
    return _ENCODER.encode(values).decode()


def as_rows(rows: Sequence[Mapping[str, Any]], common: Mapping[str, Any] = MappingProxyType({})) -> dict[str, str]:
    """Rows of canonical values as `merged` takes them: `rows`, and of many `common`, the values that all have.

    `common`: what all are known to have, beside what stands in them.
    """
    if len(rows) < COMMON_FROM:
        return {"rows": as_json([{**common, **row} for row in rows] if common else rows)}
    last = rows[-1]
    same = {n: v for n, v in rows[0].items() if last.get(n, _MISSING) == v and _all_have(rows, n, v)}
    own = [{n: v for n, v in row.items() if n not in same} for row in rows] if same else rows
    return {"rows": as_json(own), "common": as_json({**common, **same})}


def _all_have(rows: Sequence[Mapping[str, Any]], name: str, value: object) -> bool:
    return [row.get(name, _MISSING) for row in rows].count(value) == len(rows)


def unpacked(table: Table, names: Iterable[str]) -> TableValuedAlias:
    """The rows of the JSON array bound as `rows`, with the types of these columns of `table`."""
    return _typed(func.json_to_recordset(cast(bindparam("rows"), JSON)), [(n, table.c[n].type) for n in names], "r")


def merged(columns: Iterable[tuple[str, Any]]) -> dict[str, ColumnElement[Any]]:
    """The columns, by name and type, of the rows bound as `rows`, each with what the object bound as `common` has for
    all of them."""
    typed = list(columns)
    own = _typed(func.json_to_recordset(cast(bindparam("rows"), JSON)), typed, "r")
    common = _typed(func.json_to_record(cast(bindparam("common", "{}"), JSON)), typed, "c")
    return {name: func.coalesce(own.c[name], common.c[name]) for name, _ in typed}


def _typed(source: Any, columns: list[tuple[str, Any]], name: str) -> TableValuedAlias:
    named = source.table_valued(*[column(*one) for one in columns]).render_derived(name=name, with_types=True)
    return seen_as("TableValuedAlias", named)
