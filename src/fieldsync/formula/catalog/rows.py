"""Rows as formulas see them: stored columns, formula fields computed when they are read, related rows by their way."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from fieldsync.formula.catalog.compiled import CatalogFormulas, reference_named
from fieldsync.formula.evaluate import Evaluation, as_field
from fieldsync.formula.formula import Checked
from fieldsync.formula.problem import Fault, FormulaError, NoValue
from fieldsync.formula.record import Record, Stored, Surroundings
from fieldsync.schema.catalog import ObjectType
from fieldsync.schema.model import Field

Row = Mapping[str, Any]
Rows = Callable[[str, str], Row | None]
"""(object, id) to a row, when it is there."""


class _Values(Mapping[str, Stored]):
    """One row; a formula field is computed when it is read."""

    def __init__(self, formulas: CatalogFormulas, object_name: str, row: Row, rows: Rows, around: Surroundings) -> None:
        self._formulas, self._object, self._row, self._rows = formulas, object_name, row, rows
        self._around = around
        self._fields = formulas[object_name].fields
        self._computed: dict[str, Stored] = {}

    def get(self, name: str, default: Any = None) -> Any:
        """As a dict's: what every evaluation asks, so without a detour."""
        return self[name] if name in self._fields else self._row.get(name, default)

    def __getitem__(self, name: str) -> Stored:
        formula = self._fields.get(name)
        if formula is None:
            stored: Stored = self._row[name]
            return stored
        if name not in self._computed:
            record = Record(self, None, _Related(self._formulas, self._object, self._row, self._rows, self._around))
            self._computed[name] = value_of(formula.checked, formula.field, record, self._around)
        return self._computed[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._row)

    def __len__(self) -> int:
        return len(self._row)


class _Related(Mapping[str, Mapping[str, Stored]]):
    """Related rows by their way, `Account.Owner`; one that is not there is blank."""

    def __init__(self, formulas: CatalogFormulas, object_name: str, row: Row, rows: Rows, around: Surroundings) -> None:
        self._formulas, self._object, self._row, self._rows = formulas, object_name, row, rows
        self._around = around
        self._found: dict[str, Mapping[str, Stored]] = {}

    def __getitem__(self, way: str) -> Mapping[str, Stored]:
        if way not in self._found:
            self._found[way] = self._follow(way)
        return self._found[way]

    def _follow(self, way: str) -> Mapping[str, Stored]:
        current, row = self._formulas.catalog[self._object], self._row
        for name in way.split("."):
            reference = reference_named(current, name)
            target = reference.references if reference is not None else None
            record_id = row.get(reference.name) if reference is not None else None
            found = self._rows(target, record_id) if target is not None and isinstance(record_id, str) else None
            if found is None or target is None:
                return {}
            current, row = self._formulas.catalog[target], found
        return _Values(self._formulas, current.name, row, self._rows, self._around)

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)


def record_of(
    formulas: CatalogFormulas, object_name: str, new: Row, old: Row | None, rows: Rows, around: Surroundings
) -> Record:
    """A record of the catalog, ready for its formulas."""
    before = _Values(formulas, object_name, old, rows, around) if old is not None else None
    related = _Related(formulas, object_name, new, rows, around)
    return Record(_Values(formulas, object_name, new, rows, around), before, related)


def value_of(checked: Checked, field: Field, record: Record, around: Surroundings) -> Stored:
    """A formula as its field holds it: typed, rounded; an error stays an error."""
    own = replace(around, blanks_as_zero=field.formula_blanks_as_zero)
    try:
        value = Evaluation(record, own).value(checked.root)
    except NoValue as fault:
        position = checked.root.position
        return FormulaError(Fault.EVALUATION, position.line, position.column, f"no value: {fault}")
    return as_field(value, field.formula_returns or field.type, scale=field.scale, zone=own.zone)


def is_whole(formulas: CatalogFormulas, object_type: ObjectType, row: Row, checked: Checked, rows: Rows) -> bool:
    """Whether every related row that a formula reads is here, or known to be none."""
    for way in formulas.ways_of(object_type, checked):
        current, values = object_type, row
        for name in way:
            reference = reference_named(current, name)
            assert reference is not None
            assert reference.references is not None
            target = values.get(reference.name)
            if target is None:
                break
            found = rows(reference.references, target)
            if found is None:
                return False
            current, values = formulas.catalog[reference.references], found
    return True
