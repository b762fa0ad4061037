"""The logic of one catalog, compiled once when an org is opened."""

from __future__ import annotations

from dataclasses import dataclass

from fieldsync.server.save.logic.rollup import RollUps


@dataclass(frozen=True)
class Logic:
    """What the pipeline runs beside its own checks."""

    roll_ups: RollUps
