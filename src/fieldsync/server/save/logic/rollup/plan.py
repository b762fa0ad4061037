"""The roll-up summaries of one catalog: which details decide which masters, and the queries that sum them up."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from sqlalchemy import MetaData, Text, cast, func, literal_column, select

from fieldsync.formula.catalog import CatalogFormulas, LogicFault
from fieldsync.schema.catalog import Catalog
from fieldsync.schema.model import Field, FieldType
from fieldsync.server.postgres.compiled import Statement, compile_statement
from fieldsync.server.postgres.formulas import FormulaColumns
from fieldsync.server.save.logic.rollup.sql import Rows, summaries
from fieldsync.server.save.statements import ids_in


@dataclass(frozen=True)
class Summary:
    """Every roll-up of one master over one reference of one child. None, where the master is only locked with a child,
    because its state decides whether the child may be changed."""

    master: str
    child: str
    reference: str
    fields: tuple[Field, ...]

    @cached_property
    def watched(self) -> frozenset[str]:
        """Columns of the child that decide the summaries."""
        rolls = [f.roll_up for f in self.fields if f.roll_up is not None]
        summed = {r.field for r in rolls if r.field is not None}
        return frozenset({self.reference, "IsDeleted", *summed, *(f.field for r in rolls for f in r.filters)})


class RollUps:
    """The roll-ups of one catalog, by child object, with their queries."""

    def __init__(self, formulas: CatalogFormulas, metadata: MetaData) -> None:
        catalog = formulas.catalog
        self.by_child: dict[str, tuple[Summary, ...]] = _by_child(formulas)
        self._statements = {(s.child, s.reference): _values(formulas, metadata, s) for s in self.all if s.fields}
        self.cascading = _cascading(catalog) if self.by_child else {}
        self._details = {
            (detail, reference): _details(metadata, detail, reference)
            for below in self.cascading.values()
            for detail, reference in below
        }
        self._references = {child: _references(metadata, child, found) for child, found in self.by_child.items()}

    @property
    def all(self) -> Iterator[Summary]:
        """Every summary."""
        return (summary for found in self.by_child.values() for summary in found)

    def values(self, summary: Summary) -> Statement:
        """The present summaries of the masters bound as `ids`, a JSON object each."""
        return self._statements[summary.child, summary.reference]

    def references(self, child: str) -> Statement:
        """(master ids...) of the children bound as `ids`, in the order of `by_child`; nothing is locked."""
        return self._references[child]

    def details(self, detail: str, reference: str) -> Statement:
        """Ids of the details of the masters bound as `ids`; nothing is locked."""
        return self._details[detail, reference]


def _by_child(formulas: CatalogFormulas) -> dict[str, tuple[Summary, ...]]:
    catalog = formulas.catalog
    found: dict[tuple[str, str, str], list[Field]] = defaultdict(list)
    for master in catalog:
        for rolled in master.stored:
            if (
                rolled.type is FieldType.ROLL_UP
                and rolled.roll_up is not None
                and _can_run(formulas, master.name, rolled)
            ):
                key = (rolled.roll_up.child_object, rolled.roll_up.child_reference, master.name)
                found[key].append(rolled)
    for family in catalog.families.values():
        for member in family.members[1:] if family.declaration.submit is not None else ():
            above = catalog[member].master
            assert above is not None
            found.setdefault((member, above.name, above.references or ""), [])
    result: dict[str, tuple[Summary, ...]] = {}
    for (child, reference, master_name), fields in found.items():
        result[child] = (*result.get(child, ()), Summary(master_name, child, reference, tuple(fields)))
    return result


def _cascading(catalog: Catalog) -> dict[str, tuple[tuple[str, str], ...]]:
    """Of each object the details that are deleted and undeleted with it, with their reference to it."""
    found: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for detail in catalog:
        if detail.master is not None and detail.master.references is not None:
            found[detail.master.references].append((detail.name, detail.master.name))
    return {name: tuple(below) for name, below in found.items()}


def _details(metadata: MetaData, detail: str, reference: str) -> Statement:
    table = metadata.tables[detail]
    return compile_statement(select(table.c.Id).where(ids_in(table.c[reference])))


def _can_run(formulas: CatalogFormulas, master: str, rolled: Field) -> bool:
    """Whether what is summed up can be computed by the database. What cannot is a fault, and stays as it was."""
    assert rolled.roll_up is not None
    local = {one.field.name for one in formulas.local(rolled.roll_up.child_object)}
    broken = {f.name for f in formulas.catalog[rolled.roll_up.child_object].formulas} - formulas[
        rolled.roll_up.child_object
    ].fields.keys()
    for name in (rolled.roll_up.field, *(f.field for f in rolled.roll_up.filters)):
        if name in local or name in broken:
            reason = "depends on the clock or the person" if name in local else "cannot be computed"
            formulas.faults.append(LogicFault(master, rolled.name, f"it sums up {name}, which {reason}"))
            return False
    return True


def _values(formulas: CatalogFormulas, metadata: MetaData, summary: Summary) -> Statement:
    child = formulas.catalog[summary.child]
    needed = [formulas[child.name].fields[name] for name in summary.watched if name in formulas[child.name].fields]
    computed = FormulaColumns(formulas, metadata).of(child.name, needed)
    rows = Rows(computed.source, {**{c.name: c for c in computed.table.c}, **computed.columns})
    inner = summaries(child, rows, summary.reference, summary.fields).subquery("s")
    return compile_statement(select(cast(func.row_to_json(literal_column("s")), Text)).select_from(inner))


def _references(metadata: MetaData, child: str, found: Iterable[Summary]) -> Statement:
    table = metadata.tables[child]
    return compile_statement(select(*[table.c[s.reference] for s in found]).where(ids_in(table.c.Id)))
