"""Calls that are more than a routine's: the table names these builders where it names no routine."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from fieldsync.formula.bound import Apply, Bound, Constant
from fieldsync.formula.problem import NoValue
from fieldsync.formula.record import Surroundings
from fieldsync.formula.regex.postgres import translated
from fieldsync.formula.sql.pieces import Pieces, quoted
from fieldsync.formula.sql.values import BOOLEAN, NUMBER, OF_TYPE
from fieldsync.formula.types import FormulaType


class Compiles(Protocol):
    """What a builder needs of the compiler."""

    @property
    def around(self) -> Surroundings: ...

    def sql(self, node: Bound, wanted: FormulaType = ...) -> Pieces: ...

    def call(self, name: str, *arguments: Pieces) -> Pieces: ...


Builder = Callable[[Any, Apply], Pieces]


def _types(nodes: Sequence[Bound], otherwise: FormulaType = FormulaType.TEXT) -> FormulaType:
    known = (n.type for n in nodes if n.type not in (FormulaType.NULL, FormulaType.ANY))
    return next(known, otherwise)


def _ifs(compiler: Compiles, node: Apply) -> Pieces:
    """Nested CASEs: only the branch that is taken is computed, and a condition that failed fails."""
    arguments = node.arguments
    kind = node.type
    pieces: Pieces = []
    for index in range(0, len(arguments) - 1, 2):
        pieces += ["(CASE ", *compiler.sql(arguments[index], FormulaType.BOOLEAN), " WHEN 1 THEN "]
        pieces += [*compiler.sql(arguments[index + 1], kind), f" WHEN -1 THEN {_error(kind)} ELSE "]
    return [*pieces, *compiler.sql(arguments[-1], kind), " END)" * (len(arguments) // 2)]


def _error(kind: FormulaType) -> str:
    return OF_TYPE[FormulaType.TEXT if kind is FormulaType.ANY else kind].error


def _case(compiler: Compiles, node: Apply) -> Pieces:
    """Which match comes first, then the result with its number."""
    value, last = node.arguments[0], node.arguments[-1]
    matches, results = node.arguments[1:-1:2], node.arguments[2:-1:2]
    kind = _types((value, *matches))
    index = compiler.call("case_index", *(compiler.sql(n, kind) for n in (value, *matches)))
    pieces: Pieces = ["(CASE ", *index, f" WHEN -1 THEN {_error(node.type)}"]
    for number, result in enumerate(results, 1):
        pieces += [f" WHEN {number} THEN ", *compiler.sql(result, node.type)]
    return [*pieces, " ELSE ", *compiler.sql(last, node.type), " END)"]


def _all_of(compiler: Compiles, node: Apply) -> Pieces:
    return _conditions(compiler, node, "1 THEN {rest} WHEN -1 THEN -1 ELSE 0 END)", "1")


def _any_of(compiler: Compiles, node: Apply) -> Pieces:
    return _conditions(compiler, node, "1 THEN 1 WHEN -1 THEN -1 ELSE {rest} END)", "0")


def _conditions(compiler: Compiles, node: Apply, pattern: str, end: str) -> Pieces:
    """One CASE inside the other, ended by what remains when every condition was passed."""
    before, after = pattern.split("{rest}")
    pieces: Pieces = ["("]
    for argument in node.arguments:
        pieces += ["(CASE ", *compiler.sql(argument, FormulaType.BOOLEAN), f" WHEN {before}"]
    return [*pieces, end, after * len(node.arguments), f")::{BOOLEAN.name}"]


def _alike(name: str) -> Builder:
    """A routine whose arguments are all of one type."""

    def build(compiler: Compiles, node: Apply) -> Pieces:
        otherwise = FormulaType.NUMBER if node.type is FormulaType.BOOLEAN else node.type
        kind = _types(node.arguments, otherwise)
        return compiler.call(name, *(compiler.sql(argument, kind) for argument in node.arguments))

    return build


def _null_value(compiler: Compiles, node: Apply) -> Pieces:
    """A text is never null, so there is nothing to substitute."""
    if node.arguments[0].type in (FormulaType.TEXT, FormulaType.PICKLIST):
        return compiler.sql(node.arguments[0])
    return _alike("blank_value")(compiler, node)


def _is_null(compiler: Compiles, node: Apply) -> Pieces:
    argument = node.arguments[0]
    name = "is_null" if argument.type is FormulaType.TEXT else "is_blank"
    return compiler.call(name, compiler.sql(argument))


def _arithmetic(name: str) -> Builder:
    """The routine of the operands' types; with a null operand there is nothing to compute but errors."""

    def build(compiler: Compiles, node: Apply) -> Pieces:
        if all(argument.type not in (FormulaType.NULL, FormulaType.ANY) for argument in node.arguments):
            return compiler.call(name, *(compiler.sql(argument) for argument in node.arguments))
        if node.type is FormulaType.TEXT and FormulaType.TEXT in (argument.type for argument in node.arguments):
            return compiler.call("concat", *(compiler.sql(argument) for argument in node.arguments))
        pieces: Pieces = []
        for argument in node.arguments:
            pieces += [
                "(CASE ",
                *compiler.call("is_error", compiler.sql(argument)),
                f" WHEN 1 THEN {_error(node.type)} ELSE ",
            ]
        return [*pieces, f"NULL::{OF_TYPE[node.type].name}", " END)" * len(node.arguments)]

    return build


def _constant_now(compiler: Compiles, node: Apply) -> Pieces:
    """The clock's functions are constants of the statement."""
    from fieldsync.formula.sql.compile import literal

    value = node.function.python(compiler, node.arguments)
    return [literal(value, node.type)]


def _date_value(compiler: Compiles, node: Apply) -> Pieces:
    from fieldsync.formula.sql.compile import zone_name

    zone = quoted(zone_name(compiler.around))
    return compiler.call("date_value", compiler.sql(node.arguments[0]), [zone])


def _regex(compiler: Compiles, node: Apply) -> Pieces:
    """A pattern written in the formula is translated; one from a field is PostgreSQL's own dialect."""
    text, pattern = node.arguments
    if not isinstance(pattern, Constant):
        return compiler.call("regex_any", compiler.sql(text), compiler.sql(pattern))
    try:
        written = translated(pattern.value if isinstance(pattern.value, str) else "")
    except NoValue:
        return [BOOLEAN.error]
    return compiler.call("regex", compiler.sql(text), [quoted(written)])


def _currency_rate(compiler: Compiles, node: Apply) -> Pieces:
    pieces: Pieces = ["(CASE ", *compiler.sql(node.arguments[0]), f" WHEN {OF_TYPE[FormulaType.TEXT].error}"]
    pieces += [f" THEN {NUMBER.error}"]
    for code, rate in sorted(compiler.around.rates.items()):
        pieces += [f" WHEN {quoted(code)} THEN {rate:f}"]
    return [*pieces, " ELSE 1::numeric END)"]


BUILDERS: Mapping[str, Builder] = {
    "ifs": _ifs,
    "case": _case,
    "all_of": _all_of,
    "any_of": _any_of,
    "plus": _arithmetic("plus"),
    "subtract": _arithmetic("subtract"),
    "equal": _alike("equal"),
    "different": _alike("different"),
    "less": _alike("less"),
    "less_or_equal": _alike("less_or_equal"),
    "greater": _alike("greater"),
    "greater_or_equal": _alike("greater_or_equal"),
    "is_null": _is_null,
    "null_value": _null_value,
    "blank_value": _alike("blank_value"),
    "if_error": _alike("if_error"),
    "in_list": _alike("in_list"),
    "today": _constant_now,
    "now": _constant_now,
    "time_now": _constant_now,
    "date_value": _date_value,
    "regex": _regex,
    "currency_rate": _currency_rate,
}
