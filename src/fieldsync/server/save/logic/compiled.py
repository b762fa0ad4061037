"""The logic of one catalog, compiled once when an org is opened."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from sqlalchemy import MetaData

from fieldsync.formula.catalog import CatalogFormulas
from fieldsync.schema.catalog import Catalog
from fieldsync.server.save.logic.rollup.plan import RollUps
from fieldsync.server.save.logic.trigger import Triggers, installed_triggers


@dataclass(frozen=True)
class Logic:
    """What the pipeline runs beside its own checks."""

    formulas: CatalogFormulas
    roll_ups: RollUps
    triggers: Triggers

    @cached_property
    def watched(self) -> dict[str, tuple[str, ...]]:
        """Columns whose old values the change log keeps: what decides who sees a row, and what formulas read."""
        read: dict[str, set[str]] = {}
        for reading in self.formulas.reads:
            read.setdefault(reading.object, set()).add(reading.column)
        return {
            o.name: tuple(dict.fromkeys(("IsDeleted", *(f.name for f in o.references), *sorted(read.get(o.name, ())))))
            for o in self.formulas.catalog
        }

    @cached_property
    def reads_clock(self) -> bool:
        """Whether a rule or default depends on when, or where, it is evaluated."""
        return any(checked.formula.volatile for checked in self.formulas.all_checked)


def compile_logic(catalog: Catalog, metadata: MetaData) -> Logic:
    """The logic of a catalog whose tables are `metadata`."""
    formulas = CatalogFormulas(catalog)
    return Logic(formulas, RollUps(formulas, metadata), Triggers(catalog, installed_triggers(catalog)))
