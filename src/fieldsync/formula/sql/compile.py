"""A checked formula to SQL: every call becomes a call of a routine, every field a column."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, assert_never

from sqlalchemy import types
from sqlalchemy.sql.elements import ColumnElement

from fieldsync.formula.bound import Apply, Bound, Constant, Read
from fieldsync.formula.evaluate import as_value
from fieldsync.formula.formula import Checked
from fieldsync.formula.problem import Fault, NoValue, bad
from fieldsync.formula.record import Surroundings
from fieldsync.formula.sql.ddl import SCHEMA
from fieldsync.formula.sql.lazy import BUILDERS
from fieldsync.formula.sql.pieces import Assembled, Piece, Pieces, quoted
from fieldsync.formula.sql.routines.texts import BLANKS
from fieldsync.formula.sql.values import OF_TYPE
from fieldsync.formula.types import IDS, FormulaType, Value
from fieldsync.schema.model import FieldType

_ARGUMENTS_MAX = 50
_ALCHEMY: dict[FormulaType, types.TypeEngine[Any]] = {
    FormulaType.NUMBER: types.Numeric(),
    FormulaType.BOOLEAN: types.Boolean(),
    FormulaType.DATE: types.Date(),
    FormulaType.DATETIME: types.DateTime(timezone=True),
    FormulaType.TIME: types.Time(),
    FormulaType.GEOLOCATION: types.ARRAY(types.Numeric()),
}


@dataclass(frozen=True)
class SqlFormula:
    """A formula as SQL. `raw` carries errors inside the value, so that another formula may read it."""

    raw: tuple[Piece, ...]
    type: FormulaType

    @property
    def value(self) -> ColumnElement[Any]:
        """The value: null for blank and where the formula ends in an error; a text without spaces at its ends."""
        kind = OF_TYPE[self.type]
        clean: Pieces = ["nullif(", *self.raw, f", {kind.error})"]
        if self.type is FormulaType.BOOLEAN:
            clean = ["(", *clean, " = 1)"]
        elif kind.name == "text":
            clean = ["nullif(btrim(", *clean, f", {BLANKS}), '')"]
        return Assembled(clean, _ALCHEMY.get(self.type, types.Text()))

    @property
    def error(self) -> ColumnElement[Any]:
        """Whether the formula ends in an error."""
        test = OF_TYPE[self.type].failed.split("{x}")
        return Assembled(["coalesce((", *self.raw, f"){test[1]}, false)"], types.Boolean())


Column = ColumnElement[Any] | tuple[ColumnElement[Any], ColumnElement[Any]] | SqlFormula
"""A field: its column; a geolocation's two; or a formula field's own SQL."""


def to_sql(
    checked: Checked, columns: Mapping[str, Column], around: Surroundings, *, schema: str = SCHEMA
) -> SqlFormula:
    """The formula over these columns, which are given by path (`Account.Owner.Name`).

    The clock, the time zone, global values and rates of `around` become constants. The database must have the routines
    of `ddl`. Raises BadFormula for what has no SQL side.
    """
    compiler = Compiler(columns, around, schema)
    return SqlFormula(tuple(compiler.sql(checked.root)), checked.root.type)


@dataclass(frozen=True)
class Compiler:
    """Compiles nodes; what it knows besides them."""

    columns: Mapping[str, Column]
    around: Surroundings
    schema: str

    def sql(self, node: Bound, wanted: FormulaType = FormulaType.TEXT) -> Pieces:
        """The node as SQL; a null without a type of its own gets the wanted one."""
        match node:
            case Constant():
                return [literal(node.value, wanted if node.type is FormulaType.NULL else node.type)]
            case Read():
                return self._read(node, wanted)
            case Apply():
                return self._apply(replace(node, type=wanted) if node.type is FormulaType.NULL else node)
            case _:
                assert_never(node)

    def call(self, name: str, *arguments: Pieces) -> Pieces:
        """A routine's call. PostgreSQL takes a hundred arguments; more go in as one list."""
        pieces: Pieces = [f"{self.schema}.{name}("]
        listed = len(arguments) > _ARGUMENTS_MAX
        first = 1 if name in ("case_index", "in_list") else 0
        for index, argument in enumerate(arguments):
            pieces.extend([", "] if index else [])
            pieces.extend(["VARIADIC ARRAY["] if listed and index == first else [])
            pieces.extend(argument)
        return [*pieces, "])" if listed else ")"]

    def _apply(self, node: Apply) -> Pieces:
        function = node.function
        if not function.sql:
            raise bad(Fault.REFUSED, node.position, f"{function.name} has no SQL side: {function.python_only}")
        if function.sql in BUILDERS:
            return BUILDERS[function.sql](self, node)
        arguments = [self.sql(argument, self._wanted(node, index)) for index, argument in enumerate(node.arguments)]
        return self.call(function.sql, *arguments)

    def _wanted(self, node: Apply, index: int) -> FormulaType:
        """The type of a null argument: the only one that fits, else that of its neighbours."""
        expected = node.function.parameter(index).types
        if len(expected) == 1:
            return expected[0]
        return wanted_of(node.arguments, expected[0] if len(expected) < len(FormulaType) else FormulaType.TEXT)

    def _read(self, node: Read, wanted: FormulaType) -> Pieces:
        if node.names[0].startswith("$"):
            return [self._global(node, wanted)]
        if node.field is None:
            raise bad(Fault.REFUSED, node.position, f"the type of {node.path} is not known")
        column = self.columns[node.path]
        if isinstance(column, tuple):
            latitude, longitude = column
            parts: Pieces = ["(CASE WHEN ", latitude, " IS NOT NULL AND ", longitude, " IS NOT NULL THEN ARRAY["]
            return [*parts, latitude, ", ", longitude, "]::numeric[] END)"]
        raw = (
            _formula_field(self, column, node.field) if isinstance(column, SqlFormula) else _stored(column, node.field)
        )
        if node.type is FormulaType.BOOLEAN:
            return ["coalesce(", *raw, ", 0::smallint)"]
        return ["coalesce(", *raw, ", 0)"] if self.around.blanks_as_zero and node.type is FormulaType.NUMBER else raw

    def _global(self, node: Read, wanted: FormulaType) -> str:
        """A global value is a constant; without a declared type it has the type of its value."""
        stored = self.around.globals.get(node.path)
        try:
            value = as_value(stored, node.field, blanks_as_zero=self.around.blanks_as_zero)
        except NoValue:
            return OF_TYPE[node.type].error
        return literal(value, node.type if node.field is not None else type_of(value, wanted))


def _stored(column: ColumnElement[Any], field: FieldType) -> Pieces:
    """A column as formulas see it."""
    if field is FieldType.PERCENT:
        return ["(", column, " * 0.01)"]
    if field is FieldType.CHECKBOX:
        return ["(", column, ")::int::smallint"]
    return ["left(", column, ", 15)"] if field in IDS else [column]


def _formula_field(compiler: Compiler, formula: SqlFormula, field: FieldType) -> Pieces:
    """A formula field read by another formula: its value as the field would hold it."""
    raw: Pieces = list(formula.raw)
    if field is FieldType.DATE and formula.type is FormulaType.DATETIME:
        return compiler.call("date_value", raw, [quoted(zone_name(compiler.around))])
    if field in (FieldType.TEXT, FieldType.LONG_TEXT):
        return ["nullif(btrim(", *raw, f", {BLANKS}), '')"]
    return raw


def zone_name(around: Surroundings) -> str:
    """The time zone as PostgreSQL knows it."""
    return "UTC" if around.zone is None else around.zone.key


def wanted_of(arguments: tuple[Bound, ...], otherwise: FormulaType) -> FormulaType:
    """The first known type among these."""
    known = (a.type for a in arguments if a.type not in (FormulaType.NULL, FormulaType.ANY))
    return next(known, otherwise)


def type_of(value: Value, otherwise: FormulaType) -> FormulaType:
    """The type of a value whose type nobody declared."""
    match value:
        case bool():
            return FormulaType.BOOLEAN
        case Decimal():
            return FormulaType.NUMBER
        case str():
            return FormulaType.TEXT
        case datetime():
            return FormulaType.DATETIME
        case date():
            return FormulaType.DATE
        case time():
            return FormulaType.TIME
        case tuple():
            return FormulaType.GEOLOCATION
        case None:
            return otherwise


def literal(value: Value, kind: FormulaType) -> str:
    """A constant of this type."""
    name = OF_TYPE.get(kind, OF_TYPE[FormulaType.TEXT]).name
    match value:
        case None:
            return f"NULL::{name}"
        case bool():
            return f"{int(value)}::smallint"
        case Decimal():
            return f"({value:f})::numeric"
        case str():
            return quoted(value.replace("\x00", ""))
        case datetime() | date() | time():
            return f"'{value.isoformat()}'::{name}"
        case tuple():
            return f"ARRAY[{value[0]:f}, {value[1]:f}]::numeric[]"
