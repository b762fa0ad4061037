"""Looking up, in one statement, all that a person's device depends on beside the rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import CTE, ClauseElement, Date, Select, Table, Text, bindparam, cast, func, or_, select
from sqlalchemy.dialects.postgresql import aggregate_order_by

from fieldsync.base.world import Clock
from fieldsync.server.postgres.compiled import Statement, compile_statement
from fieldsync.server.postgres.work import Question
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.save.batch import Caller
from fieldsync.server.scope.tokens import Person


@dataclass(frozen=True)
class Looked:
    """A person and his device, and the version of the org's rules: how many, and the sum of their stamps."""

    person: Person
    device: str
    rules: tuple[int, int]


class People:
    """The statement for one catalog."""

    def __init__(self, tables: Mapping[str, Table], org_id: str) -> None:
        self._statement: Statement = compile_statement(_statement(tables))
        self._org_id = org_id

    def question(self, caller: Caller, clock: Clock) -> Question:
        """What `look_up` will ask."""
        given = {"user": caller.user_id, "device": caller.device_id or "", "today": clock.now().date()}
        return self._statement, given

    async def look_up(self, database: Database, caller: Caller, clock: Clock) -> Looked:
        """What counts for the caller now. A browser without a device is of the type `browser`."""
        statement, given = self.question(caller, clock)
        row = await database.one(statement, **given)
        assert row is not None, "whoever is signed in is there"
        profile_id, language, locale, zone, username, application, device, picked, ids, names, below, team, *rules = row
        territories = tuple(zip(ids or (), names or (), strict=True))
        person = Person(
            user_id=caller.user_id,
            profile_id=profile_id,
            profile=caller.profile,
            org_id=self._org_id,
            language=language or "en_US",
            locale=locale or "en_US",
            time_zone=zone or "UTC",
            username=username,
            territories=territories,
            picked=picked if picked in (ids or ()) else None,
            below=tuple(below or ()),
            team=tuple(team or ()),
            application_profile=application,
        )
        return Looked(person, device or "browser", (rules[0], int(rules[1])))


def _statement(tables: Mapping[str, Table]) -> ClauseElement:
    user, device, rule = tables["User"], tables["Device"], tables["Sync_Rule"]
    mine = _mine(tables)
    below = _below(tables["Territory"], mine)
    first_primary = [mine.c.primary.desc(), mine.c.id]
    works, held = tables["User_Territory"], works_now(tables["User_Territory"])
    team = select(func.array_agg(aggregate_order_by(works.c.UserId.distinct(), works.c.UserId)))
    return (
        select(
            user.c.ProfileId,
            user.c.LanguageLocaleKey,
            user.c.LocaleSidKey,
            user.c.TimeZoneSidKey,
            user.c.Username,
            user.c.Application_Profile,
            device.c.Platform,
            device.c.TerritoryId,
            select(func.array_agg(aggregate_order_by(mine.c.id, *first_primary))).scalar_subquery(),
            select(func.array_agg(aggregate_order_by(mine.c.name, *first_primary))).scalar_subquery(),
            select(func.array_agg(aggregate_order_by(below.c.id, below.c.id))).scalar_subquery(),
            team.where(works.c.TerritoryId.in_(select(below.c.id)), held).scalar_subquery(),
            select(func.count()).select_from(rule).scalar_subquery(),
            select(func.coalesce(func.sum(rule.c["_stamp"]), 0)).scalar_subquery(),
        )
        .select_from(user.outerjoin(device, device.c.Id == bindparam("device")))
        .where(user.c.Id == bindparam("user"))
    )


def works_now(works: Any) -> Any:
    """An assignment that counts today."""
    today = cast(bindparam("today"), Date)
    begun = or_(works.c.Start_Date.is_(None), works.c.Start_Date <= today)
    lasts = or_(works.c.End_Date.is_(None), works.c.End_Date >= today)
    return works.c.Active.is_(True) & works.c.IsDeleted.is_(False) & begun & lasts


def _mine(tables: Mapping[str, Table]) -> CTE:
    works, territory = tables["User_Territory"], tables["Territory"]
    rows: Select[Any] = select(
        cast(territory.c.Id, Text).label("id"),
        func.coalesce(territory.c.Name, territory.c.Id).label("name"),
        works.c.Primary.label("primary"),
    ).join_from(works, territory, territory.c.Id == works.c.TerritoryId)
    return rows.where(works.c.UserId == bindparam("user"), works_now(works), territory.c.IsDeleted.is_(False)).cte(
        "mine"
    )


def _below(territory: Table, mine: CTE) -> CTE:
    """Every territory under the person's own; a circle in the tree ends by itself."""
    first = select(cast(territory.c.Id, Text).label("id")).where(territory.c.ParentId.in_(select(mine.c.id)))
    tree = first.cte("below", recursive=True)
    under = select(cast(territory.c.Id, Text)).join_from(territory, tree, territory.c.ParentId == tree.c.id)
    return tree.union(under)
