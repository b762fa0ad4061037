"""The one table of functions and operators, in the order of the reference."""

from __future__ import annotations

from fieldsync.formula.functions import advanced, dates, logic, math, operators, text
from fieldsync.formula.functions.signature import Function

ROWS: tuple[Function, ...] = (
    *operators.ROWS,
    *logic.ROWS,
    *text.ROWS,
    *math.ROWS,
    *dates.ROWS,
    *advanced.ROWS,
)
TABLE: dict[str, Function] = {row.name: row for row in ROWS}
