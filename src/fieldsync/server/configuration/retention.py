"""Rules of how long finished transactions are kept: one record for an object, and one for all others (FEATURES J22)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import select

from fieldsync.base import limits
from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Code, Problem, problem
from fieldsync.protocol.upload import Change, Item, Operation
from fieldsync.schema.catalog import Catalog
from fieldsync.server.org.begin.retention import EVERY, OBJECT
from fieldsync.server.org.runtime import Org
from fieldsync.server.postgres.compiled import compile_statement
from fieldsync.server.postgres.work import Work as Database

EDITED = ("Name", "Object_Name", "Active", "Keep_Days", "Description")
COLUMNS = ("Id", *EDITED, "Last_Purge_At", "Last_Purge_Count")


@dataclass(frozen=True)
class Retention:
    """One record."""

    id: RecordId
    name: str
    object: str
    active: bool
    keep_days: int
    description: str
    last_purge_at: datetime | None = None
    last_purge_count: int | None = None

    @property
    def values(self) -> dict[str, Any]:
        """What a person may change, by column."""
        stated = (self.name, self.object, self.active, self.keep_days, self.description)
        return dict(zip(EDITED, stated, strict=True))


async def retentions(org: Org, database: Database) -> list[Retention]:
    """Every rule, the one for all objects first."""
    if OBJECT not in org.catalog:
        return []
    table = org.metadata.tables[OBJECT]
    query = select(*(table.c[name] for name in COLUMNS)).where(table.c.IsDeleted.is_(False))
    ordered = query.order_by(table.c.Object_Name != EVERY, table.c.Object_Name, table.c.Id)
    rows = await database.rows(compile_statement(ordered))
    return [Retention(r[0], r[1] or "", r[2], r[3], int(r[4]), r[5] or "", r[6], _whole(r[7])) for r in rows]


def _whole(value: Decimal | None) -> int | None:
    return None if value is None else int(value)


def keep_days(rules: list[Retention]) -> dict[str, int]:
    """Object to days, with the days of all others under `EVERY`. Pure."""
    return {EVERY: limits.TRANSACTION_KEEP_DAYS} | {rule.object: rule.keep_days for rule in rules if rule.active}


def retention_saved(known: Retention | None, record_id: RecordId, values: Mapping[str, Any]) -> Item | None:
    """The save that makes a rule, or gives one that is there these values; None where nothing differs. Pure."""
    if known is None:
        changes = {name: Change(None, values[name]) for name in EDITED if values.get(name) not in (None, "")}
        return Item(OBJECT, record_id, Operation.CREATE, changes)
    before = known.values
    changes = {name: Change(before[name], values[name]) for name in EDITED if values[name] != before[name]}
    return Item(OBJECT, known.id, Operation.UPDATE, changes) if changes else None


def problems_of(catalog: Catalog, row: Mapping[str, Any]) -> Iterator[Problem]:
    """Why a rule cannot be so. Pure."""
    about = {"object": OBJECT, "id": row["Id"]}
    name, days = row["Object_Name"], row["Keep_Days"]
    if isinstance(name, str) and name != EVERY and name not in catalog:
        reason = f"There is no object {name}; * stands for every object."
        yield problem(Code.VALIDATION, **about, field="Object_Name", message=reason)
    if days is not None and not 1 <= days <= limits.TRANSACTION_KEEP_DAYS_MAX:
        reason = f"Transactions are kept for 1 to {limits.TRANSACTION_KEEP_DAYS_MAX} days."
        yield problem(Code.VALIDATION, **about, field="Keep_Days", message=reason)
