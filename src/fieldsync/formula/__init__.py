"""The formula language: parsed once, typed, evaluated in Python or compiled to SQL.

Pure functions over values and expressions; where a formula is used is not known here. Read in this order: `parse.py`,
`functions/table.py`, `check/checker.py`, `evaluate.py`, `sql/compile.py`. Invariant: no number is ever a float, and
SQLAlchemy is imported under `sql/` only, because devices don't have it.
"""

from fieldsync.formula.check.scope import CatalogScope, Found, Names, Scope
from fieldsync.formula.evaluate import as_field
from fieldsync.formula.formula import Checked, Formula, evaluate, parse
from fieldsync.formula.problem import BadFormula, Fault, FormulaError
from fieldsync.formula.record import Record, Surroundings
from fieldsync.formula.types import FormulaType, Value

__all__ = [
    "BadFormula",
    "CatalogScope",
    "Checked",
    "Fault",
    "Formula",
    "FormulaError",
    "FormulaType",
    "Found",
    "Names",
    "Record",
    "Scope",
    "Surroundings",
    "Value",
    "as_field",
    "evaluate",
    "parse",
]
