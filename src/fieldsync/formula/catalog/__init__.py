"""The formulas of a catalog: fields, rules and defaults, compiled once; and rows as formulas see them."""

from fieldsync.formula.catalog.compiled import CatalogFormulas, FieldFormula, LogicFault, ObjectFormulas, Rule
from fieldsync.formula.catalog.rows import Rows, record_of, value_of

__all__ = [
    "CatalogFormulas",
    "FieldFormula",
    "LogicFault",
    "ObjectFormulas",
    "Rows",
    "Rule",
    "record_of",
    "value_of",
]
