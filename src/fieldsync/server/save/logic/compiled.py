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
    def reads_clock(self) -> bool:
        """Whether a rule or default depends on when, or where, it is evaluated."""
        return any(checked.formula.volatile for checked in self.formulas.all_checked)


def compile_logic(catalog: Catalog, metadata: MetaData) -> Logic:
    """The logic of a catalog whose tables are `metadata`."""
    formulas = CatalogFormulas(catalog)
    return Logic(formulas, RollUps(formulas, metadata), Triggers(catalog, installed_triggers(catalog)))
