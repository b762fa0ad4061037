"""Sync rules as they are kept, for pages: each with its record's id and stamp, and what was warned of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import select

from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Code, Refused, problem
from fieldsync.protocol.upload import Change, Item, Operation
from fieldsync.schema.standard import STAMP
from fieldsync.schema.sync_rule import COLUMNS, SyncRule, record_of, rule_of
from fieldsync.server.org.runtime import Org
from fieldsync.server.postgres.compiled import compile_statement
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.scope.choose import complete_id
from fieldsync.server.scope.rules import OBJECT

PEOPLE_MAX = 500


@dataclass(frozen=True)
class Kept:
    """One rule and its record. `profile` is the name of its profile, however the rule names it."""

    id: RecordId
    stamp: int
    record: Mapping[str, Any]
    rule: SyncRule
    profile: str
    warning: str

    def changed_to(self, rule: SyncRule) -> Item | None:
        """The save that makes it this rule; None where nothing differs."""
        wanted = record_of(rule)
        changes = {
            column: Change(self.record[column], value)
            for column, value in wanted.items()
            if (self.record[column] or None) != (value or None)
        }
        return Item(OBJECT, self.id, Operation.UPDATE, changes) if changes else None

    def deleted(self) -> Item:
        """The save that deletes it."""
        return Item(OBJECT, self.id, Operation.DELETE, {}, self.stamp)


def created(rule_id: RecordId, rule: SyncRule) -> Item:
    """The save that makes a new rule."""
    values = {column: Change(None, value) for column, value in record_of(rule).items() if value is not None}
    return Item(OBJECT, rule_id, Operation.CREATE, values)


async def kept_rules(org: Org, database: Database) -> tuple[Kept, ...]:
    """Every rule, by object and device type."""
    table, profile = org.metadata.tables[OBJECT], org.metadata.tables["Profile"]
    names = ("Id", STAMP, "Name", "Validation_Errors", *COLUMNS.values())
    query = select(*(table.c[name] for name in names)).where(table.c.IsDeleted.is_(False))
    rows = await database.rows(compile_statement(query.order_by(table.c.Object_Name, table.c.Device_Type, table.c.Id)))
    profiles = dict(await database.rows(compile_statement(select(profile.c.Id, profile.c.Name))))
    return tuple(_kept(dict(zip(names, row, strict=True)), profiles) for row in rows)


def _kept(record: dict[str, Any], profiles: Mapping[str, str]) -> Kept:
    rule = rule_of(record)
    named = profiles.get(complete_id(rule.profile_id) or "") if rule.profile_id else None
    warning = record["Validation_Errors"] or ""
    return Kept(RecordId(record["Id"]), record[STAMP], record, rule, named or rule.profile or "", warning)


async def kept_rule(org: Org, database: Database, rule_id: str) -> Kept:
    """One rule. Raises Refused(NOT_FOUND)."""
    found = next((one for one in await kept_rules(org, database) if one.id == rule_id), None)
    if found is None:
        raise Refused(problem(Code.NOT_FOUND, object="The sync rule", id=rule_id))
    return found


async def usernames(org: Org, database: Database) -> tuple[str, ...]:
    """User names of active people, the first of them."""
    user = org.metadata.tables["User"]
    active = select(user.c.Username).where(user.c.IsActive.is_(True), user.c.IsDeleted.is_(False))
    rows = await database.rows(compile_statement(active.order_by(user.c.Username).limit(PEOPLE_MAX)))
    return tuple(name for (name,) in rows)


def with_profile(rule: SyncRule, kept: Kept | None, name: str) -> SyncRule:
    """The rule for the profile of this name, empty for every one; the id it names a profile by stays while it fits."""
    if kept is not None and name == kept.profile:
        return msgspec.structs.replace(rule, profile=kept.rule.profile, profile_id=kept.rule.profile_id)
    return msgspec.structs.replace(rule, profile=name or None, profile_id=None)
