"""One person, or all of them: profile, permission sets, territories and devices."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import bindparam, func, or_, select

from fieldsync.base.problems import Code, Refused, problem
from fieldsync.base.world import instant
from fieldsync.schema.standard import STAMP
from fieldsync.server.org.runtime import Org
from fieldsync.server.postgres.compiled import compile_statement
from fieldsync.server.postgres.work import Work as Database

PEOPLE_MAX = 200


@dataclass(frozen=True)
class PersonLine:
    """One person in the list."""

    id: str
    name: str
    username: str
    profile: str
    territories: str
    active: bool
    last_login: str
    devices: int


@dataclass(frozen=True)
class Given:
    """Something a person has: a permission set or a territory. `id` and `stamp` are of the record that gives it."""

    id: str
    stamp: int
    of: str
    name: str
    since: str = ""
    until: str = ""
    note: str = ""
    counts: bool = True


@dataclass(frozen=True)
class Person:
    """Everything about one person; `values` are columns of the record."""

    id: str
    stamp: int
    values: dict[str, Any]
    profile: str
    sets: tuple[Given, ...]
    territories: tuple[Given, ...]


async def people(org: Org, database: Database, search: str) -> list[PersonLine]:
    """People whose name or user name holds this, active ones first."""
    user, profile, works, territory, device = (
        org.metadata.tables[n] for n in ("User", "Profile", "User_Territory", "Territory", "Device")
    )
    there = select(func.string_agg(territory.c.Name, ", ")).select_from(
        works.join(territory, territory.c.Id == works.c.TerritoryId)
    )
    held = there.where(works.c.UserId == user.c.Id, works.c.Active.is_(True), works.c.IsDeleted.is_(False))
    his = (device.c.UserId == user.c.Id, device.c.IsDeleted.is_(False), device.c.Support_ById.is_(None))
    counted = select(func.count()).where(*his)
    named = [
        func.strpos(func.lower(func.coalesce(c, "")), bindparam("search")) > 0 for c in (user.c.Name, user.c.Username)
    ]
    columns = (user.c.Id, user.c.Name, user.c.Username, profile.c.Name, held.scalar_subquery())
    more = (user.c.IsActive, user.c.Last_Login, counted.scalar_subquery())
    query = select(*columns, *more).select_from(user.outerjoin(profile, profile.c.Id == user.c.ProfileId))
    found = query.where(user.c.IsDeleted.is_(False), or_(*named))
    ordered = found.order_by(user.c.IsActive.desc(), user.c.Name, user.c.Id).limit(PEOPLE_MAX)
    rows = await database.rows(compile_statement(ordered), search=search.lower())
    return [PersonLine(r[0], r[1] or r[2], r[2], r[3] or "", r[4] or "", bool(r[5]), _at(r[6]), r[7]) for r in rows]


async def person(org: Org, database: Database, user_id: str) -> Person:
    """One of them. Raises Refused(NOT_FOUND)."""
    user, profile = org.metadata.tables["User"], org.metadata.tables["Profile"]
    names = (
        "Name",
        "Username",
        "Email",
        "IsActive",
        "TimeZoneSidKey",
        "LocaleSidKey",
        "LanguageLocaleKey",
        "ProfileId",
    )
    flags = ("Force_Refresh", "Clear_Errors", "Debug_Logging", "Application_Profile", "Last_Login")
    columns = [user.c[name] for name in (*names, *flags)]
    query = select(user.c.Id, user.c[STAMP], profile.c.Name, *columns)
    joined = query.select_from(user.outerjoin(profile, profile.c.Id == user.c.ProfileId))
    row = await database.one(
        compile_statement(joined.where(user.c.Id == bindparam("id"), user.c.IsDeleted.is_(False))), id=user_id
    )
    if row is None:
        raise Refused(problem(Code.NOT_FOUND, object="User", id=user_id))
    values = dict(zip((*names, *flags), row[3:], strict=True))
    values["Last_Login"] = _at(values["Last_Login"])
    sets, territories = await _sets(org, database, user_id), await _territories(org, database, user_id)
    return Person(row[0], row[1], values, row[2] or "", sets, territories)


async def _sets(org: Org, database: Database, user_id: str) -> tuple[Given, ...]:
    given, sets = org.metadata.tables["Permission_Set_Assignment"], org.metadata.tables["Permission_Set"]
    columns = (given.c.Id, given.c[STAMP], sets.c.Id, sets.c.Name, given.c.Expiration_Date)
    query = select(*columns).select_from(given.join(sets, sets.c.Id == given.c.Permission_SetId))
    here = query.where(given.c.AssigneeId == bindparam("user"), given.c.IsDeleted.is_(False)).order_by(sets.c.Name)
    rows, now = await database.rows(compile_statement(here), user=user_id), org.world.clock.now()
    return tuple(Given(r[0], r[1], r[2], r[3], "", _at(r[4]), "", r[4] is None or r[4] > now) for r in rows)


async def _territories(org: Org, database: Database, user_id: str) -> tuple[Given, ...]:
    works, territory = org.metadata.tables["User_Territory"], org.metadata.tables["Territory"]
    columns = (works.c.Id, works.c[STAMP], territory.c.Id, territory.c.Name, works.c.Start_Date, works.c.End_Date)
    query = select(*columns, works.c.Role, works.c.Active)
    joined = query.select_from(works.join(territory, territory.c.Id == works.c.TerritoryId))
    here = joined.where(works.c.UserId == bindparam("user"), works.c.IsDeleted.is_(False))
    rows = await database.rows(compile_statement(here.order_by(territory.c.Name, works.c.Id)), user=user_id)
    today = org.world.clock.now().date()
    return tuple(
        Given(r[0], r[1], r[2], r[3], _day(r[4]), _day(r[5]), r[6] or "", bool(r[7]) and _lasts(r[4], r[5], today))
        for r in rows
    )


def _lasts(start: date | None, end: date | None, today: date) -> bool:
    return (start is None or start <= today) and (end is None or end >= today)


def _day(value: date | None) -> str:
    return "" if value is None else value.isoformat()


def _at(value: datetime | None) -> str:
    return "" if value is None else instant(value)


async def choices(org: Org, database: Database, name: str) -> list[tuple[str, str]]:
    """(id, name) of the records of a small object: profiles, permission sets, territories."""
    table = org.metadata.tables[name]
    query = select(table.c.Id, table.c.Name).where(table.c.IsDeleted.is_(False)).order_by(table.c.Name)
    return [(row[0], row[1] or row[0]) for row in await database.rows(compile_statement(query))]
