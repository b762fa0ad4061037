"""The wish that devices load everything anew by a date, as an admin types it, and taking it back: saves like others."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Final

from fieldsync.base.problems import Code, Refused, problem
from fieldsync.base.world import instant
from fieldsync.protocol.upload import Change, Item, Operation
from fieldsync.server.org.bring_in import draw_ids
from fieldsync.server.org.runtime import Org
from fieldsync.server.postgres.work import snapshot
from fieldsync.server.sync.forcing.reload import OBJECT, Asked, reload_asked

MESSAGE_MAX: Final = 255
NAME: Final = "Loading everything anew"


async def wish_item(org: Org, typed: Mapping[str, str]) -> Item:
    """The save that puts this wish in place of the one that counts. `typed`: `alert`, empty for today; `due`;
    `message`. Raises Refused(UNUSABLE)."""
    wish = wished(typed, org.world.clock.now())
    asked = await _asked(org)
    if asked is not None:
        changes = {name: Change(old, wish[name]) for name, old in _told(asked).items() if old != wish[name]}
        return Item(OBJECT, asked.id, Operation.UPDATE, changes, asked.stamp)
    [new_id] = await draw_ids(org, [OBJECT])
    values = {"Name": NAME, **wish}
    return Item(OBJECT, new_id, Operation.CREATE, {c: Change(None, v) for c, v in values.items() if v is not None})


async def taken_back_item(org: Org) -> Item | None:
    """The save that takes back the wish that counts; None where there is none."""
    asked = await _asked(org)
    return None if asked is None else Item(OBJECT, asked.id, Operation.DELETE, {}, asked.stamp)


async def _asked(org: Org) -> Asked | None:
    async with snapshot(org.pool) as database:
        return await reload_asked(org, database)


def _told(asked: Asked) -> dict[str, str | None]:
    """As its record has it."""
    days = {"Alert_Date": asked.alert.isoformat(), "Due_Date": asked.due.isoformat()}
    return {"Asked_At": instant(asked.asked_at), **days, "Message": asked.message or None}


def wished(typed: Mapping[str, str], now: datetime) -> dict[str, str | None]:
    """What was typed, as its record is to have it. Pure. Raises Refused(UNUSABLE)."""
    message, today = typed.get("message", ""), now.date()
    alert, due = _day("first day", typed.get("alert") or today.isoformat()), _day("date", typed.get("due", ""))
    if due < today:
        raise _unusable("This date", "it is in the past")
    if due < alert:
        raise _unusable("This date", "people cannot be told of it after it is due")
    if len(message) > MESSAGE_MAX:
        raise _unusable("This message", f"it is longer than {MESSAGE_MAX} characters")
    days = {"Alert_Date": alert.isoformat(), "Due_Date": due.isoformat()}
    return {"Asked_At": instant(now), **days, "Message": message or None}


def _day(what: str, typed: str) -> date:
    try:
        return date.fromisoformat(typed)
    except ValueError:
        raise _unusable(f"The {what}", "it is no day like 2026-11-30") from None


def _unusable(what: str, reason: str) -> Refused:
    return Refused(problem(Code.UNUSABLE, what=what, reason=reason))
