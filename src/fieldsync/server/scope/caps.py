"""How many rows a device takes: by object, of accounts, and of all objects together (FEATURES A28, A29).

Asked before anything is sent, so that what a device holds stays as it is. Only objects with a cap are counted.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, Table, bindparam, false, func, or_, select

from fieldsync.base import limits
from fieldsync.base.problems import Code, Refused, problem
from fieldsync.server.postgres.compiled import compile_statement
from fieldsync.server.postgres.work import TooLong
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.save.batch import Caller
from fieldsync.server.scope.scope import Scope

ACCOUNT = "Account"
ACCOUNTS_SETTING, ROWS_SETTING = "Accounts_Max", "Rows_Max"
"""Settings of an org or a profile: the most accounts on a device, and the most rows of all objects together."""


@dataclass(frozen=True)
class Allowed:
    """What is said of one device: its platform, and the settings that count for its holder."""

    platform: str | None
    accounts: int
    rows: int | None


class Caps:
    """Refuses what is too much. Built once for an org's tables."""

    def __init__(self, tables: Mapping[str, Table]) -> None:
        self._allowed = compile_statement(_allowed(tables))

    async def check(self, database: Database, caller: Caller, scope: Scope, names: Collection[str]) -> None:
        """Of these objects, those whose rules have a cap. When these are all the device has, accounts and the sum too:
        they would cost every download a look at all that the device holds.

        Raises Refused: TOO_MANY_ACCOUNTS, TOO_MANY_ROWS with object, count and limit.
        """
        everything = set(names) >= set(scope.objects)
        counted = [n for n in names if cap_of(scope, n) is not None or (everything and n == ACCOUNT)]
        if not counted and not everything:
            return
        row = await database.one(self._allowed, user=caller.user_id, device=caller.device_id or "")
        allowed = _read(row)
        total = allowed.rows if everything else None
        rows = {
            name: await count_rows(database, scope, name) for name in (scope.objects if total is not None else counted)
        }
        for name in counted:
            _refuse(name, rows[name], cap_of(scope, name))
        if rows.get(ACCOUNT, 0) > allowed.accounts:
            told: dict[str, Any] = {
                "count": rows[ACCOUNT],
                "limit": allowed.accounts,
                "platform": allowed.platform or "this device",
            }
            raise Refused(problem(Code.TOO_MANY_ACCOUNTS, object=ACCOUNT, **told))
        _refuse(None, sum(rows.values()), total)


def cap_of(scope: Scope, name: str) -> int | None:
    """The most rows of an object, as its rules together say; None where one of them does not."""
    rules = scope.cut.chosen.get(name, ())
    caps = [rule.rows_max for rule in rules if rule.rows_max is not None]
    return sum(caps) if caps and len(caps) == len(rules) else None


def _refuse(name: str | None, count: int, limit: int | None) -> None:
    if limit is not None and count > limit:
        what = name or "all objects together"
        raise Refused(problem(Code.TOO_MANY_ROWS, object=name, what=what, count=count, limit=limit))


async def try_out(database: Database, scope: Scope, names: Collection[str]) -> dict[str, int]:
    """How many rows of these objects are for the device, each counted in the time that may take, before any is sent.

    A condition that is too costly is found out here, where it can still be told. Raises Refused(SYNC_RULE).
    """
    if not names:
        return {}
    await database.limit(limits.CHOOSING_SECONDS_MAX)
    found = {name: await count_rows(database, scope, name) for name in names}
    await database.limit(limits.STATEMENT_TIMEOUT_MS / 1000)
    return found


async def count_rows(database: Database, scope: Scope, name: str) -> int:
    """How many rows of an object are for the device. Raises Refused(SYNC_RULE) where finding them takes too long."""
    try:
        row = await database.one(scope.kept("count", name, build=lambda everybody: counted_rows(everybody, name)))
    except TooLong:
        raise Refused(problem(Code.SYNC_RULE, object=name, reason=f"finding its {name} takes too long")) from None
    assert row is not None, "a count has a row"
    return int(row[0])


def counted_rows(scope: Scope, name: str) -> Select[Any]:
    """How many rows of an object a download of everything would deliver."""
    table = scope.around.metadata.tables[name]
    selected = func.coalesce(scope.selected(name, table), false())
    return select(func.count()).select_from(table).where(table.c.IsDeleted.is_(False), selected)


def _read(row: tuple[Any, ...] | None) -> Allowed:
    platform, accounts, rows = row or (None, None, None)
    usual = limits.ACCOUNTS_PER_PHONE_MAX if platform in limits.PHONES else limits.ACCOUNTS_PER_DEVICE_MAX
    return Allowed(platform, _number(accounts) or usual, _number(rows))


def _number(text: str | None) -> int | None:
    """A setting's value; one that is no number sets nothing."""
    given = (text or "").strip()
    return int(given) if given.isascii() and given.isdecimal() else None


def _allowed(tables: Mapping[str, Table]) -> Select[Any]:
    user, device = tables["User"], tables["Device"]
    platform = select(device.c.Platform).where(device.c.Id == bindparam("device")).scalar_subquery()
    settings = [setting_of(tables["Sync_Setting"], user, name) for name in (ACCOUNTS_SETTING, ROWS_SETTING)]
    return select(platform, *settings).where(user.c.Id == bindparam("user"))


def setting_of(setting: Table, user: Table, name: str) -> ColumnElement[str]:
    """What a setting is for the profile of this person, else for the org."""
    here = or_(setting.c.ProfileId == user.c.ProfileId, setting.c.ProfileId.is_(None))
    values = select(setting.c.Value).where(setting.c.Setting == name, here, setting.c.IsDeleted.is_(False))
    return values.order_by(setting.c.ProfileId.nulls_last(), setting.c.Id).limit(1).scalar_subquery()
