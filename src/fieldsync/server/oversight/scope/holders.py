"""Whose devices a question about sync rules is about: people with the kinds of device they hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Select, Table, bindparam, func, select

from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Code, Refused, problem
from fieldsync.protocol.session import Platform
from fieldsync.server.org.runtime import Org
from fieldsync.server.postgres.compiled import compile_statement
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.save.batch import Caller, Channel
from fieldsync.server.scope.people import Looked
from fieldsync.server.sync.session_statements import held_sets

USUAL_DEVICE = Platform.IPAD
"""What somebody without a device is taken to hold, where nobody says."""


@dataclass(frozen=True)
class Holder:
    """A person with one kind of device; several of one kind count once, unless another territory is picked there."""

    username: str
    name: str
    caller: Caller
    looked: Looked

    @property
    def device(self) -> str:
        """The kind."""
        return self.looked.device


@dataclass(frozen=True)
class Holders:
    """The first people of every profile, and how many of each were left out."""

    found: tuple[Holder, ...]
    left_out: Mapping[str, int]


async def first_holders(org: Org, database: Database, per_profile: int) -> Holders:
    """The first `per_profile` people, by user name, of every profile that has people with devices."""
    now = org.world.clock.now()
    totals = await database.rows(compile_statement(_totals(org.metadata.tables)))
    rows = await database.rows(compile_statement(_first(org.metadata.tables)), now=now, many=per_profile)
    found = [await _holder(org, database, *row) for row in rows]
    left_out = {profile: count - per_profile for profile, count in totals if count > per_profile}
    return Holders(tuple(found), left_out)


async def holder_of(org: Org, database: Database, username: str, device: str | None = None) -> Holder:
    """One person with this kind of device, which he need not have yet; without a kind, with the first he has.

    Raises Refused: NOT_FOUND for the person, UNUSABLE for the kind.
    """
    if device is not None and device not in set(Platform):
        reason = f"device types are {', '.join(Platform)}"
        raise Refused(problem(Code.UNUSABLE, what=f"The device type {device}", reason=reason))
    query = compile_statement(_named(org.metadata.tables))
    rows = await database.rows(query, now=org.world.clock.now(), username=username)
    if not rows:
        raise Refused(problem(Code.NOT_FOUND, object="User", id=username))
    fitting = [row for row in rows if device in (None, row[5])]
    *who, kind, device_id = fitting[0] if fitting else (*rows[0][:5], None, None)
    return await _holder(org, database, *who, kind or device or USUAL_DEVICE, device_id)


async def _holder(org: Org, database: Database, *row: Any) -> Holder:
    user_id, username, name, profile, sets, kind, device_id = row
    rights = org.rights.of(profile, sets or ())
    caller = Caller(RecordId(user_id), profile, Channel.DEVICE, device_id, rights=rights)
    looked = await org.scopes.look_up(database, caller, org.world.clock)
    return Holder(username, name, caller, replace(looked, device=kind))


def _people(tables: Mapping[str, Table]) -> tuple[Select[Any], Any]:
    """Active people, (id, user name, name, profile, permission sets), joined with the devices they hold."""
    user, profile, device = tables["User"], tables["Profile"], tables["Device"]
    held = (
        select(device.c.UserId, device.c.Platform, func.min(device.c.Id).label("device"))
        .where(device.c.IsDeleted.is_(False), device.c.Support_ById.is_(None))
        .group_by(device.c.UserId, device.c.Platform, device.c.TerritoryId)
        .subquery("held")
    )
    columns = (user.c.Id, user.c.Username, user.c.Name, profile.c.Name.label("profile"), held_sets(tables, user.c.Id))
    active = user.c.IsActive.is_(True) & user.c.IsDeleted.is_(False)
    people: Select[Any] = select(*columns).join_from(user, profile, profile.c.Id == user.c.ProfileId).where(active)
    return people, held


def _first(tables: Mapping[str, Table]) -> Select[Any]:
    user, profile = tables["User"], tables["Profile"]
    people, held = _people(tables)
    place = func.dense_rank().over(partition_by=profile.c.Id, order_by=(user.c.Username, user.c.Id)).label("place")
    ranked = people.join(held, held.c.UserId == user.c.Id).add_columns(held.c.Platform, held.c.device, place)
    found = ranked.subquery("ranked")
    *columns, last = found.c
    order = (found.c.profile, found.c.Username, found.c.Platform, found.c.device)
    return select(*columns).where(last <= bindparam("many")).order_by(*order)


def _named(tables: Mapping[str, Table]) -> Select[Any]:
    user = tables["User"]
    people, held = _people(tables)
    found = people.outerjoin(held, held.c.UserId == user.c.Id).add_columns(held.c.Platform, held.c.device)
    named = func.lower(user.c.Username) == func.lower(bindparam("username"))
    return found.where(named).order_by(held.c.Platform, held.c.device)


def _totals(tables: Mapping[str, Table]) -> Select[Any]:
    """(profile, how many of its people hold a device)."""
    user = tables["User"]
    people, held = _people(tables)
    holding = people.where(user.c.Id.in_(select(held.c.UserId))).with_only_columns(tables["Profile"].c.Name)
    found = holding.subquery("holding")
    return select(found.c.Name, func.count()).group_by(found.c.Name).order_by(found.c.Name)
