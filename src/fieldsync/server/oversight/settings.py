"""Sync settings as pages show and change them: one value for the org, and one for each profile that has its own."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select

from fieldsync.base.ids import RecordId
from fieldsync.protocol.upload import Change, Item, Operation
from fieldsync.schema.rules_import.sync_setting import SETTINGS
from fieldsync.schema.standard import STAMP
from fieldsync.server.org.runtime import Org
from fieldsync.server.postgres.compiled import compile_statement
from fieldsync.server.postgres.work import Work as Database

OBJECT = "Sync_Setting"


@dataclass(frozen=True)
class KeptSetting:
    """One record. `profile` is empty for the org's own value."""

    id: RecordId
    stamp: int
    setting: str
    value: str
    profile: str


async def kept_settings(org: Org, database: Database) -> tuple[KeptSetting, ...]:
    """Every value, the org's before those of profiles."""
    table, profile = org.metadata.tables[OBJECT], org.metadata.tables["Profile"]
    columns = (table.c.Id, table.c[STAMP], table.c.Setting, table.c.Value, profile.c.Name)
    query = select(*columns).select_from(table.outerjoin(profile, profile.c.Id == table.c.ProfileId))
    ordered = query.where(table.c.IsDeleted.is_(False)).order_by(profile.c.Name.nulls_first(), table.c.Id)
    rows = await database.rows(compile_statement(ordered))
    return tuple(KeptSetting(RecordId(r[0]), r[1], r[2], r[3] or "", r[4] or "") for r in rows)


async def profile_ids(org: Org, database: Database) -> dict[str, str]:
    """Name of each profile to the id of its record."""
    profile = org.metadata.tables["Profile"]
    return dict(await database.rows(compile_statement(select(profile.c.Name, profile.c.Id))))


def fault_of(setting: str, value: str) -> str | None:
    """Why it cannot have this value; None when it can, and for an empty one, which takes it away. Pure."""
    kind = SETTINGS.get(setting)
    return kind.fault(value) if kind is not None and value else None


def setting_change(kept: KeptSetting | None, new_id: RecordId, setting: str, given: tuple[str | None, str]) -> Item:
    """The save that gives it `given`, a profile's id and a value; an empty value takes the record away. Pure."""
    profile_id, value = given
    if kept is None:
        values = {"Name": setting, "Setting": setting, "Value": value, "ProfileId": profile_id}
        changes = {column: Change(None, one) for column, one in values.items() if one is not None}
        return Item(OBJECT, new_id, Operation.CREATE, changes)
    if not value:
        return Item(OBJECT, kept.id, Operation.DELETE, {}, kept.stamp)
    return Item(OBJECT, kept.id, Operation.UPDATE, {"Value": Change(kept.value, value)})
