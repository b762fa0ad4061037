"""Currency rates, look-ups, and what belongs to pages and reports and is refused here, as rows of the table."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from fieldsync.formula.functions.run import Arguments, Run
from fieldsync.formula.functions.signature import ANY, NUMBER, TEXT, Function, Kind, Parameter, p
from fieldsync.formula.problem import NoValue
from fieldsync.formula.types import FormulaType, Value

_ALL = tuple(FormulaType)
_ANYTHING = (Parameter("argument", _ALL, optional=True, repeats=True),)


def _currency_rate(run: Run, arguments: Arguments) -> Value:
    code = run.value(arguments[0])
    return run.around.rates.get(code, Decimal(1)) if isinstance(code, str) else None


def _vlookup(run: Run, arguments: Arguments) -> Value:
    """The fields are written `$ObjectType.Zip__c.Fields.City__c`."""
    returned, matched = (argument.names for argument in arguments[:2])
    wanted = run.value(arguments[2])
    found = run.around.lookup(returned[1], returned[-1], matched[-1], wanted)
    if found is not None and not isinstance(found, str | bool | Decimal):
        raise NoValue("a look-up gives a text, a number or a checkbox")
    return found


def _nothing(*_arguments: Any) -> Value:
    raise AssertionError("the check refuses this function")


def _refused(name: str, reason: str) -> Function:
    return Function(name, Kind.ADVANCED, _ANYTHING, TEXT, _nothing, "", f"Refused: {reason}.", refused=reason)


_PAGES = "it belongs to pages and buttons, which have no record's values"
_REPORTS = "it belongs to reports"

ROWS: tuple[Function, ...] = (
    Function(
        "CURRENCYRATE",
        Kind.ADVANCED,
        (p("code", TEXT),),
        NUMBER,
        _currency_rate,
        "currency_rate",
        "The rate of a currency to the corporate one; 1 for one that has none.",
        lazy=True,
        volatile=True,
    ),
    Function(
        "VLOOKUP",
        Kind.ADVANCED,
        (p("returned", *_ALL), p("matched", *_ALL), p("value", TEXT)),
        ANY,
        _vlookup,
        "",
        "A field of the record whose name field equals the value; in validation rules only.",
        python_only="it reads other records, which a computed field may not",
        lazy=True,
        volatile=True,
    ),
    _refused("GETSESSIONID", "a formula must not give away a session"),
    _refused("LINKTO", _PAGES),
    _refused("URLFOR", _PAGES),
    _refused("INCLUDE", _PAGES),
    _refused("REQUIRESCRIPT", _PAGES),
    _refused("GETRECORDIDS", _PAGES),
    _refused("IMAGEPROXYURL", _PAGES),
    _refused("PREDICT", "there is no prediction service"),
    _refused("PARENTGROUPVAL", _REPORTS),
    _refused("PREVGROUPVAL", _REPORTS),
)
