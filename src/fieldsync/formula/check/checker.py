"""Nodes to bound nodes: each name found, each type known, each argument fitting."""

from __future__ import annotations

from typing import assert_never

from fieldsync.formula.bound import Apply, Bound, Constant, Read
from fieldsync.formula.check.scope import Scope
from fieldsync.formula.functions.signature import Function
from fieldsync.formula.functions.table import TABLE
from fieldsync.formula.nodes import Call, Element, Literal, Node, Path
from fieldsync.formula.problem import BadFormula, Fault, NoValue, bad
from fieldsync.formula.regex.machine import compiled
from fieldsync.formula.types import OF_FIELD, FormulaType
from fieldsync.formula.values import decimals

_FIELD_ONLY = {"ISCHANGED": 1, "PRIORVALUE": 1, "VLOOKUP": 2}
"""Functions that look at a field itself, and how many of their arguments must be one."""
_UNDECLARED = "$ObjectType"


def bind(node: Node, scope: Scope) -> Bound:
    """The formula with its meaning. Raises BadFormula."""
    match node:
        case Literal():
            return _constant(node)
        case Path():
            return _read(node, scope)
        case Call():
            return _apply(node, scope)
        case Element():
            raise bad(Fault.REFUSED, node.position, "items of lists belong to flows; a record's formula has none")
        case _:
            assert_never(node)


def _constant(node: Literal) -> Constant:
    value = node.value
    if value is None:
        return Constant(None, FormulaType.NULL, node.position)
    if isinstance(value, bool):
        return Constant(value, FormulaType.BOOLEAN, node.position)
    if isinstance(value, str):
        return Constant(value or None, FormulaType.TEXT, node.position)
    try:
        return Constant(decimals.settle(value), FormulaType.NUMBER, node.position)
    except NoValue as fault:
        raise bad(Fault.LIMIT, node.position, str(fault)) from None


def _read(node: Path, scope: Scope) -> Read:
    if node.names[0].lower() == _UNDECLARED.lower():
        return Read(node.names, None, FormulaType.ANY, node.position)
    found = scope.find(node.names)
    if found is None:
        raise bad(Fault.UNKNOWN_FIELD, node.position, f"there is no field {'.'.join(node.names)}")
    kind = FormulaType.ANY if found.field is None else OF_FIELD[found.field]
    return Read(found.names, found.field, kind, node.position)


def _apply(node: Call, scope: Scope) -> Apply:
    function = TABLE.get(node.name)
    if function is None or (function.kind == "Operators" and node.name.isalpha() and node.name != "NOT"):
        raise bad(Fault.UNKNOWN_FUNCTION, node.position, f"there is no function {node.name}")
    if function.refused:
        raise bad(Fault.REFUSED, node.position, f"{node.name} cannot be used: {function.refused}")
    _check_count(function, node)
    arguments = tuple(bind(argument, scope) for argument in node.arguments)
    _check_types(function, arguments)
    for argument in arguments[: _FIELD_ONLY.get(function.name, 0)]:
        if not isinstance(argument, Read):
            raise bad(Fault.WRONG_TYPE, argument.position, f"{function.name} takes a field here")
    _check_pattern(function, arguments)
    return Apply(function, arguments, _result(function, arguments), node.position)


def _check_count(function: Function, node: Call) -> None:
    least, most = function.counts
    given = len(node.arguments)
    odd = (function.name == "CASE" and given % 2) or (function.name == "IFS" and given % 2 == 0)
    if given >= least and (most is None or given <= most) and not odd:
        return
    wanted = (
        "pairs and one last argument"
        if odd
        else f"{least} arguments"
        if least == most
        else f"at least {least} arguments"
        if most is None
        else f"{least} to {most} arguments"
    )
    raise bad(Fault.WRONG_COUNT, node.position, f"{function.name} takes {wanted}, not {given}")


def _check_types(function: Function, arguments: tuple[Bound, ...]) -> None:
    for index, argument in enumerate(arguments):
        expected = function.parameter(index).types
        if argument.type not in (*expected, FormulaType.NULL, FormulaType.ANY):
            raise _wrong(function, argument, " or ".join(expected))


def _wrong(function: Function, argument: Bound, expected: str) -> BadFormula:
    sentence = f"{function.name} does not take a {argument.type} here" + (f", but a {expected}" if expected else "")
    return bad(Fault.WRONG_TYPE, argument.position, sentence)


def _result(function: Function, arguments: tuple[Bound, ...]) -> FormulaType:
    if isinstance(function.result, FormulaType):
        return function.result
    found = function.result(tuple(argument.type for argument in arguments))
    if isinstance(found, FormulaType):
        return found
    raise _wrong(function, arguments[found], "")


def _check_pattern(function: Function, arguments: tuple[Bound, ...]) -> None:
    """A pattern that is written in the formula is refused at once, not record by record."""
    pattern = arguments[1] if function.name == "REGEX" else None
    if isinstance(pattern, Constant) and isinstance(pattern.value, str):
        try:
            compiled(pattern.value)
        except NoValue as fault:
            raise bad(Fault.REFUSED, pattern.position, str(fault)) from None
