"""The logic of one catalog, compiled once when an org is opened."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from sqlalchemy import MetaData

from fieldsync.formula.catalog import CatalogFormulas
from fieldsync.protocol.upload import Operation
from fieldsync.schema.catalog import Catalog
from fieldsync.server.save.logic.rollup.plan import RollUps
from fieldsync.server.save.logic.trigger import Triggers, When, installed_triggers


@dataclass(frozen=True)
class Logic:
    """What the pipeline runs beside its own checks."""

    formulas: CatalogFormulas
    roll_ups: RollUps
    triggers: Triggers

    @cached_property
    def reads_clock(self) -> bool:
        """Whether a rule or default depends on when, or where, it is evaluated."""
        return any(one.formula.volatile or one.formula.zoned for one in self.formulas.all_checked)

    @cached_property
    def rules_left(self) -> tuple[str, ...]:
        """Objects with validation rules whose rows a trigger may change first: no device can ask those rules."""
        found = (name for name, formulas in self.formulas.objects.items() if formulas.rules)
        writes = (Operation.CREATE, Operation.UPDATE)
        return tuple(n for n in found if any(self.triggers.of(n, When.BEFORE, act) for act in writes))


def compile_logic(catalog: Catalog, metadata: MetaData) -> Logic:
    """The logic of a catalog whose tables are `metadata`."""
    formulas = CatalogFormulas(catalog)
    return Logic(formulas, RollUps(formulas, metadata), Triggers(catalog, installed_triggers(catalog)))
