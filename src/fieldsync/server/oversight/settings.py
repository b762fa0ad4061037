"""Sync settings as pages show and change them: what may be set, what is, and what counts for whom (FEATURES F10).

A profile's own value counts before the org's, the org's before what the product does by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import bindparam, func, select

from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Code, Refused, problem
from fieldsync.base.world import instant
from fieldsync.protocol.upload import Change, Item, Operation
from fieldsync.schema.catalog import Catalog
from fieldsync.schema.rules_import.sync_setting import SETTINGS, SettingKind, backdate_kind
from fieldsync.schema.standard import STAMP
from fieldsync.server.org.runtime import Org
from fieldsync.server.postgres.compiled import compile_statement
from fieldsync.server.postgres.work import Work as Database

OBJECT = "Sync_Setting"
PRODUCT = "the product"
ORG = "the whole org"


@dataclass(frozen=True)
class KeptSetting:
    """One record. `profile` is empty for the org's own value. `at` and `by`: the last change."""

    id: RecordId
    stamp: int
    setting: str
    value: str
    profile: str
    at: str = ""
    by: str = ""


@dataclass(frozen=True)
class InForce:
    """The value that counts for somebody, and whose it is: `PRODUCT`, `ORG`, or `profile ...`."""

    value: str
    source: str


def kinds_of(catalog: Catalog) -> Mapping[str, SettingKind]:
    """Everything that can be set in an org, by name: the product's, and one for each family with a date of submitting.
    Pure."""
    found = dict(SETTINGS)
    for one in catalog:
        family = one.declared.family
        if family is not None and family.submit is not None and family.submit.date is not None:
            found[f"{one.name}_Backdate_Days"] = backdate_kind(one.name, family.submit.backdate_days)
    return found


async def kept_settings(org: Org, database: Database) -> tuple[KeptSetting, ...]:
    """Every value, the org's before those of profiles."""
    table, profile, user = (org.metadata.tables[name] for name in (OBJECT, "Profile", "User"))
    who = func.coalesce(user.c.Name, user.c.Username)
    columns = (
        table.c.Id,
        table.c[STAMP],
        table.c.Setting,
        table.c.Value,
        profile.c.Name,
        table.c.LastModifiedDate,
        who,
    )
    joined = table.outerjoin(profile, profile.c.Id == table.c.ProfileId).outerjoin(
        user, user.c.Id == table.c.LastModifiedById
    )
    query = select(*columns).select_from(joined)
    ordered = query.where(table.c.IsDeleted.is_(False)).order_by(profile.c.Name.nulls_first(), table.c.Id)
    rows = await database.rows(compile_statement(ordered))
    return tuple(
        KeptSetting(RecordId(r[0]), r[1], r[2], r[3] or "", r[4] or "", instant(r[5]) if r[5] else "", r[6] or "")
        for r in rows
    )


async def profile_ids(org: Org, database: Database) -> dict[str, str]:
    """Name of each profile to the id of its record."""
    profile = org.metadata.tables["Profile"]
    return dict(await database.rows(compile_statement(select(profile.c.Name, profile.c.Id))))


async def profile_of(org: Org, database: Database, username: str) -> str:
    """The profile of a person. Raises Refused(NOT_FOUND)."""
    user, profile = org.metadata.tables["User"], org.metadata.tables["Profile"]
    query = select(profile.c.Name).select_from(user.join(profile, profile.c.Id == user.c.ProfileId))
    named = query.where(func.lower(user.c.Username) == func.lower(bindparam("name")), user.c.IsDeleted.is_(False))
    row = await database.one(compile_statement(named), name=username)
    if row is None:
        raise Refused(problem(Code.NOT_FOUND, object="User", id=username))
    return str(row[0])


def in_force(name: str, kind: SettingKind | None, kept: Iterable[KeptSetting], profile: str) -> InForce:
    """Which value counts for somebody with this profile; an empty one falls through (FEATURES F10). Pure."""
    own: dict[str, str] = {}
    for one in kept:
        if one.setting == name and one.value:
            own.setdefault(one.profile, one.value)
    if profile and profile in own and not (kind is not None and kind.org_only):
        return InForce(own[profile], f"profile {profile}")
    if "" in own:
        return InForce(own[""], ORG)
    return InForce(kind.usual if kind is not None else "", PRODUCT)


def fault_of(kind: SettingKind | None, value: str, profile: str) -> str | None:
    """Why it cannot have this value; None when it can, and for an empty one, which takes it away. Pure."""
    if kind is None or not value:
        return None
    if kind.org_only and profile:
        return "It counts for the whole org; profiles have none of their own"
    return kind.fault(value)


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
