"""An attempt at a password: counted by user name and by address before the password is looked at.

The count is the org's, in a table without a log: all server processes share it, and one that is lost with the power
costs nothing. Attempts that run at the same time are counted before any of them is judged, so nobody gets more of them
by hurrying. A right password takes its own attempt back. Tokens are no passwords: whoever is signed in stays so,
however often somebody guesses at his name.
"""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

from sqlalchemy import ClauseElement, ColumnElement, Text, bindparam, case, delete, func, literal, update
from sqlalchemy.dialects.postgresql import insert

from fieldsync.base import limits
from fieldsync.base.problems import Code, Refused, problem
from fieldsync.server.org.runtime import Org
from fieldsync.server.postgres.compiled import compile_statement
from fieldsync.server.postgres.tables import system_table
from fieldsync.server.postgres.work import transaction

WINDOW = timedelta(seconds=limits.SIGN_IN_WINDOW_SECONDS)
_MOST = {"address": limits.SIGN_INS_OF_ADDRESS_MAX, "name": limits.SIGN_INS_OF_NAME_MAX}
_COUNTS = system_table("_sign_in_attempt")


@asynccontextmanager
async def attempt(org: Org, username: str, address: str) -> AsyncIterator[None]:
    """Around whatever looks at a password first of all, and before it takes a connection of the pool. Raises
    Refused(TOO_MANY_SIGN_INS). What ends with Refused(AUTH), or is broken off, was a wrong one."""
    await _count(org, username, address)
    try:
        yield
    except Refused as refused:
        if refused.problem.code is not Code.AUTH:
            await _take_back(org, username, address)
        raise
    await _take_back(org, username, address)


async def _count(org: Org, username: str, address: str) -> None:
    """One more. One that is over a limit is refused and not counted: its transaction does not end."""
    now = org.world.clock.now()
    async with transaction(org.pool) as work:
        window = {"after": now - WINDOW, "before": now + WINDOW}
        counted = await work.rows(_COUNT, username=username, address=address, moment=now, **window)
        over = [_seconds_left(since, now) for kind, count, since in counted if count > _MOST[kind]]
        if over:
            seconds = max(over)
            raise Refused(problem(Code.TOO_MANY_SIGN_INS, seconds=seconds), retry_after_seconds=seconds)


def _seconds_left(since: datetime, now: datetime) -> int:
    return max(1, math.ceil((since + WINDOW - now).total_seconds()))


async def _take_back(org: Org, username: str, address: str) -> None:
    """It was right: the name begins anew, and the address has one less. In the order in which they are counted, so
    that nobody waits for somebody who waits for him."""
    async with transaction(org.pool) as work:
        await work.run(_ONE_LESS, address=address)
        await work.run(_ANEW, username=username)


def _name() -> ColumnElement[str]:
    """A user name as it is counted: in any spelling, of any length, and not to be read."""
    folded = func.lower(bindparam("username", type_=Text()))
    return func.encode(func.sha256(func.convert_to(folded, "UTF8")), "hex", type_=Text())


def _one_more() -> ClauseElement:
    """Returns kind, count with this one, and since when it is counted."""
    there, moment = _COUNTS.c, bindparam("moment", type_=_COUNTS.c.since.type)
    both = (("address", bindparam("address", type_=Text())), ("name", _name()))
    rows = [{"kind": literal(kind), "subject": subject, "counted": 1, "since": moment} for kind, subject in both]
    new = insert(_COUNTS).values(rows)
    goes_on = (there.since > bindparam("after")) & (there.since < bindparam("before"))
    counted = case((goes_on, there.counted + 1), else_=1)
    since = case((goes_on, there.since), else_=new.excluded.since)
    kept = new.on_conflict_do_update(index_elements=["kind", "subject"], set_={"counted": counted, "since": since})
    return kept.returning(there.kind, there.counted, there.since)


_COUNT = compile_statement(_one_more())
_ONE_LESS = compile_statement(
    update(_COUNTS)
    .where(_COUNTS.c.kind == literal("address"), _COUNTS.c.subject == bindparam("address"))
    .values(counted=func.greatest(_COUNTS.c.counted - 1, 0))
)
_ANEW = compile_statement(delete(_COUNTS).where(_COUNTS.c.kind == literal("name"), _COUNTS.c.subject == _name()))
