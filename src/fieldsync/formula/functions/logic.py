"""The logical functions, as rows of the table."""

from __future__ import annotations

from typing import Any

from fieldsync.formula.functions.operators import TEXTS, both, either, same
from fieldsync.formula.functions.run import Arguments, Run
from fieldsync.formula.functions.signature import (
    ANY,
    BOOLEAN,
    DATE,
    DATETIME,
    MULTI,
    NULL,
    NUMBER,
    PICKLIST,
    PLACE,
    TEXT,
    Function,
    Kind,
    many,
    p,
)
from fieldsync.formula.problem import NoValue
from fieldsync.formula.types import FormulaType, Value, common
from fieldsync.formula.values import texts

_ALL = tuple(FormulaType)


def united_type(types: tuple[FormulaType, ...], indexes: range | list[int]) -> FormulaType | int:
    """The one type of the arguments with these indexes, or the first that does not fit."""
    result = NULL
    for index in indexes:
        together = common(result, TEXT if types[index] is PICKLIST else types[index])
        if together is None:
            return index
        result = together
    return result


def _ifs_type(types: tuple[FormulaType, ...]) -> FormulaType | int:
    last = len(types) - 1
    for index in range(0, last, 2):
        if types[index] not in (BOOLEAN, ANY, NULL):
            return index
    return united_type(types, [*range(1, last, 2), last])


def _case_type(types: tuple[FormulaType, ...]) -> FormulaType | int:
    last = len(types) - 1
    if types[0] in (BOOLEAN, PLACE, MULTI):
        return 0
    keys = united_type(types, [0, *range(1, last, 2)])
    return keys if isinstance(keys, int) else united_type(types, [*range(2, last, 2), last])


def _value_or_type(types: tuple[FormulaType, ...]) -> FormulaType | int:
    """The second may be of another type where the first is a picklist: it becomes a text."""
    return united_type(types, range(2))


def _ifs(run: Run, arguments: Arguments) -> Value:
    for index in range(0, len(arguments) - 1, 2):
        if run.value(arguments[index]) is True:
            return run.value(arguments[index + 1])
    return run.value(arguments[-1])


def _case(run: Run, arguments: Arguments) -> Value:
    """Blank matches blank, as on the live platform."""
    value = run.value(arguments[0])
    for index in range(1, len(arguments) - 1, 2):
        if same(value, run.value(arguments[index]), as_text=True):
            return run.value(arguments[index + 1])
    return run.value(arguments[-1])


def _is_null(run: Run, arguments: Arguments) -> Value:
    value = run.value(arguments[0])
    return value is None and arguments[0].type is not TEXT


def _null_value(run: Run, arguments: Arguments) -> Value:
    value = run.value(arguments[0])
    return run.value(arguments[1]) if value is None and arguments[0].type not in TEXTS else value


def _blank_value(run: Run, arguments: Arguments) -> Value:
    value = run.value(arguments[0])
    return run.value(arguments[1]) if value is None else value


def _if_error(run: Run, arguments: Arguments) -> Value:
    try:
        return run.value(arguments[0])
    except NoValue:
        return run.value(arguments[1])


def _is_error(run: Run, arguments: Arguments) -> Value:
    try:
        run.value(arguments[0])
    except NoValue:
        return True
    return False


def _in(run: Run, arguments: Arguments) -> Value:
    """A blank value is in no list."""
    value = run.value(arguments[0])
    return any(value is not None and run.value(other) == value for other in arguments[1:])


def _in_type(types: tuple[FormulaType, ...]) -> FormulaType | int:
    found = united_type(types, range(len(types)))
    return found if isinstance(found, int) else BOOLEAN


def _includes(chosen: str | None, wanted: str | None) -> bool:
    return (wanted or "") in (chosen or "").split(";")


def _is_new(run: Run, _arguments: Arguments) -> Value:
    return run.record.old is None


def _is_clone(run: Run, _arguments: Arguments) -> Value:
    return run.record.old is None and run.record.cloned


def _is_changed(run: Run, arguments: Arguments) -> Value:
    return run.record.old is not None and run.old(arguments[0]) != run.value(arguments[0])


def _prior_value(run: Run, arguments: Arguments) -> Value:
    return run.old(arguments[0])


def _field_type(types: tuple[FormulaType, ...]) -> FormulaType | int:
    return types[0]


def _row(name: str, parameters: Any, result: Any, python: Any, sql: str, doc: str, **more: Any) -> Function:
    return Function(name, Kind.LOGIC, parameters, result, python, sql, doc, lazy=more.pop("lazy", True), **more)


_SAVING = "it looks at a change, which only a record being saved has"
_CONDITIONS = (many("condition", BOOLEAN),)

ROWS: tuple[Function, ...] = (
    _row(
        "IF",
        (p("condition", BOOLEAN), p("then", *_ALL), p("otherwise", *_ALL)),
        _ifs_type,
        _ifs,
        "ifs",
        "The second argument where the condition is true, otherwise the third; only that one is computed.",
    ),
    _row(
        "IFS",
        (p("condition", BOOLEAN), p("then", *_ALL), many("otherwise", *_ALL)),
        _ifs_type,
        _ifs,
        "ifs",
        "Conditions and results in turn, and a last result where no condition is true.",
    ),
    _row(
        "CASE",
        (p("value", *_ALL), p("match", *_ALL), p("result", *_ALL), many("otherwise", *_ALL)),
        _case_type,
        _case,
        "case",
        "The result after the first match that equals the value, otherwise the last argument. Blank matches blank.",
    ),
    _row("AND", _CONDITIONS, BOOLEAN, both, "all_of", "Whether all are true; the first that is not ends it."),
    _row("OR", _CONDITIONS, BOOLEAN, either, "any_of", "Whether one is true; the first that is ends it."),
    _row(
        "ISBLANK",
        (p("value", *_ALL),),
        BOOLEAN,
        lambda value: value is None,
        "is_blank",
        "Whether there is no value.",
        lazy=False,
        blanks=True,
    ),
    _row("ISNULL", (p("value", *_ALL),), BOOLEAN, _is_null, "is_null", "Like ISBLANK, but never true for a text."),
    _row(
        "BLANKVALUE",
        (p("value", *_ALL), p("substitute", *_ALL)),
        _value_or_type,
        _blank_value,
        "blank_value",
        "The value, or the substitute where it is blank.",
    ),
    _row(
        "NULLVALUE",
        (p("value", *_ALL), p("substitute", *_ALL)),
        _value_or_type,
        _null_value,
        "null_value",
        "Like BLANKVALUE, but a text is never substituted.",
    ),
    _row(
        "ISNUMBER",
        (p("text", TEXT),),
        BOOLEAN,
        texts.is_number,
        "is_number",
        "Whether a text is a number, as VALUE reads it.",
        lazy=False,
        blanks=True,
    ),
    _row(
        "ISERROR", (p("value", *_ALL),), BOOLEAN, _is_error, "is_error", "Whether computing the value ends in an error."
    ),
    _row(
        "IFERROR",
        (p("value", *_ALL), p("substitute", *_ALL)),
        _value_or_type,
        _if_error,
        "if_error",
        "The value, or the substitute where computing it ends in an error.",
    ),
    _row(
        "IN",
        (p("value", TEXT, NUMBER, DATE, DATETIME, FormulaType.TIME, PICKLIST), many("member", *_ALL)),
        _in_type,
        _in,
        "in_list",
        "Whether the value is one of the others.",
    ),
    _row(
        "ISPICKVAL",
        (p("picklist", PICKLIST, TEXT), p("value", TEXT)),
        BOOLEAN,
        lambda chosen, value: chosen == value,
        "is_pick_value",
        "Whether this value of a picklist is chosen; '' for none.",
        lazy=False,
        blanks=True,
    ),
    _row(
        "INCLUDES",
        (p("multipicklist", MULTI), p("value", TEXT)),
        BOOLEAN,
        _includes,
        "includes",
        "Whether this value of a multi-select picklist is chosen.",
        lazy=False,
        blanks=True,
    ),
    _row("ISNEW", (), BOOLEAN, _is_new, "", "Whether the record is being created.", python_only=_SAVING),
    _row(
        "ISCLONE",
        (),
        BOOLEAN,
        _is_clone,
        "",
        "Whether the record is being created as a copy of another.",
        python_only=_SAVING,
    ),
    _row(
        "ISCHANGED",
        (p("field", *_ALL),),
        BOOLEAN,
        _is_changed,
        "",
        "Whether the field differs from what it was before this save.",
        python_only=_SAVING,
    ),
    _row(
        "PRIORVALUE",
        (p("field", *_ALL),),
        _field_type,
        _prior_value,
        "",
        "The field as it was before this save; its present value in a new record.",
        python_only=_SAVING,
    ),
)
