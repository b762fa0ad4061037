"""The logic of one catalog, compiled once when an org is opened."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import MetaData

from fieldsync.schema.catalog import Catalog
from fieldsync.server.save.logic.rollup import RollUps
from fieldsync.server.save.logic.trigger import Triggers, installed_triggers


@dataclass(frozen=True)
class Logic:
    """What the pipeline runs beside its own checks."""

    roll_ups: RollUps
    triggers: Triggers


def compile_logic(catalog: Catalog, metadata: MetaData) -> Logic:
    """The logic of a catalog whose tables are `metadata`."""
    return Logic(RollUps(catalog, metadata), Triggers(catalog, installed_triggers(catalog)))
