"""`/admin/v1`: what the console does with transactions, for an admin's own programs (FEATURES J11 to J15).

A bearer token of a person who is an admin opens it; `POST /admin/v1/session` gives one. The same rooms answer as behind
the console's pages.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import msgspec
from litestar import Response, get, post

from fieldsync.base import limits
from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Code, Problem, Refused, problem
from fieldsync.protocol import wire
from fieldsync.server.http.context import AnyRequest, Served, ServedHere, bearer, calling, entering, org_for, reading
from fieldsync.server.merge.merge import Merged, Merging, merge
from fieldsync.server.merge.preview import Preview, preview
from fieldsync.server.org.runtime import Org
from fieldsync.server.oversight.feeds import Feeds, feeds
from fieldsync.server.oversight.transactions import LogLine, Oversight, RecordLine, Transaction, TransactionLine
from fieldsync.server.oversight.wanted import PAGE, Wanted, before_of, mark_of
from fieldsync.server.postgres.work import snapshot
from fieldsync.server.processor.acts import Asked, Correction, add_comment, carry_out
from fieldsync.server.processor.clearing import exported
from fieldsync.server.processor.simulate import Simulated, simulate, simulate_all
from fieldsync.server.processor.states import ACTORS, Act, Status, Who, offered
from fieldsync.server.save.batch import Caller
from fieldsync.server.sync import session

SIMULATED_MAX = 500


class Credentials(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who signs in."""

    org: str
    username: str
    password: str


class AccessToken(msgspec.Struct, frozen=True):
    """For the header `authorization: Bearer ...`."""

    access_token: str
    expires_in: int
    """Seconds."""


class Page(msgspec.Struct, frozen=True):
    """Transactions, newest first. `more`: there may be others; they come with `next` as `before`."""

    transactions: list[TransactionLine]
    more: bool
    next: str | None = None


class Whole(msgspec.Struct, frozen=True):
    """One transaction with everything, and the acts that are possible now."""

    transaction: Transaction
    records: list[RecordLine]
    logs: list[LogLine]
    acts: list[str]


class Corrected(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One value changed by an admin; `base` is the server's value he was shown."""

    record_id: str
    field: str
    value: Any
    base: Any = None


class Order(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An act: `retry`, `edit and retry`, `ignore`, `mark as done by hand`, `cancel` (with a reason) or `clear`.

    `as_owner`: what runs again runs with the rights of who saved it; else with the admin's. `step_log`: its steps are
    noted with it.
    """

    act: str
    reason: str = ""
    corrections: tuple[Corrected, ...] = ()
    as_owner: bool = True
    step_log: bool = False


class Standing(msgspec.Struct, frozen=True):
    """Where a transaction stands now."""

    status: str


class Comment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What somebody has to say."""

    text: str


class Tried(msgspec.Struct, frozen=True):
    """What would become of a transaction now; without an outcome it could not be tried."""

    id: str
    outcome: str | None
    problems: tuple[Problem, ...]


@asynccontextmanager
async def admin_of(served: Served, request: AnyRequest) -> AsyncIterator[tuple[Org, Caller, str]]:
    """The org, the admin who asks, and his name. Raises Refused: AUTH, FORBIDDEN."""
    org = org_for(served, request)
    async with calling(org, bearer(request)) as (database, caller):
        if not caller.rights.admin:
            raise Refused(problem(Code.FORBIDDEN, reason="this is for admins"))
        row = await database.one(org.save.read_name("User"), ids=[caller.user_id])
    yield org, caller, str(row[0]) if row else caller.user_id


@post("/session", status_code=200, summary="Sign in", tags=["admin"])
async def admin_session(request: AnyRequest, served: ServedHere, data: Credentials) -> AccessToken:
    """A token for a person who is an admin. Whatever is wrong, the answer is the same."""
    org = served.org(data.org)
    async with entering(org, request, data.username) as work:
        user, token = await session.open_console(org, work, data.username, data.password)
        if not org.rights.of(user.profile).admin:
            raise session.refused()
    return AccessToken(token, limits.ACCESS_TOKEN_HOURS * 3600)


@get("/transactions", summary="Transactions", tags=["admin"])
async def list_transactions(
    request: AnyRequest,
    served: ServedHere,
    status: str = "",
    user: str = "",
    name: str = "",
    record: str = "",
    object_name: str = "",
    view: str = "",
    since: datetime | None = None,
    until: datetime | None = None,
    first: int = 0,
    before: str = "",
) -> Page:
    """By status, person, name, record id, object, list view and period."""
    async with admin_of(served, request) as (org, _, _):
        when = (_zoned(since), _zoned(until), max(0, first), before_of(before))
        found = await Oversight(org).transactions(Wanted(status, user, name, record, object_name, view, *when))
    more = len(found) == PAGE
    return Page(found, more, mark_of(found[-1].received, found[-1].id) if more else None)


def _zoned(moment: datetime | None) -> datetime | None:
    """Raises Refused(BAD_REQUEST) for a time that may be any."""
    if moment is not None and moment.tzinfo is None:
        raise Refused(problem(Code.BAD_REQUEST, reason="a time has a zone, as in 2026-03-02T08:00:00Z"))
    return moment


@get("/transactions/{record_id:str}", summary="One transaction", tags=["admin"])
async def whole_transaction(request: AnyRequest, served: ServedHere, record_id: str) -> Whole:
    """With its records, their results, its log and what may be done with it."""
    async with admin_of(served, request) as (org, caller, _):
        return await _whole(org, caller, record_id)


async def _whole(org: Org, caller: Caller, record_id: str) -> Whole:
    found, records, logs = await Oversight(org).transaction(record_id, caller.rights)
    acts = offered(Status(found.status), can_be_retried=found.can_be_retried)
    return Whole(found, records, logs, [act.value for act in acts])


@post("/transactions/{record_id:str}/act", status_code=200, summary="Act on it", tags=["admin"])
async def act_on_transaction(request: AnyRequest, served: ServedHere, record_id: str, data: Order) -> Standing:
    """409 where it is not, or no longer, in a status that allows it: the first to act wins."""
    async with admin_of(served, request) as (org, caller, name):
        if data.act not in set(Act) or ACTORS[Act(data.act)] is not Who.ADMIN:
            raise Refused(problem(Code.BAD_REQUEST, reason="there is no such act"))
        corrections = tuple(Correction(c.record_id, c.field, c.value, c.base) for c in data.corrections)
        asked = Asked(Act(data.act), caller, name, data.reason, corrections, data.as_owner, data.step_log)
        return Standing((await carry_out(org, record_id, asked)).value)


@post("/transactions/{record_id:str}/comment", status_code=200, summary="Comment on it", tags=["admin"])
async def comment_on_transaction(request: AnyRequest, served: ServedHere, record_id: str, data: Comment) -> Whole:
    """Add a comment, whatever its status."""
    async with admin_of(served, request) as (org, caller, name):
        await add_comment(org, record_id, caller, name, data.text)
        return await _whole(org, caller, record_id)


@post("/transactions/{record_id:str}/simulate", status_code=200, summary="Try it", tags=["admin"])
async def try_transaction(request: AnyRequest, served: ServedHere, record_id: str) -> Tried:
    """What would become of it now; nothing is changed."""
    async with admin_of(served, request) as (org, _, _):
        return _tried(await simulate(org, record_id))


@post("/transactions/simulate", status_code=200, summary="Try all that are open", tags=["admin"])
async def try_transactions(request: AnyRequest, served: ServedHere) -> list[Tried]:
    """What a release would do to what is not decided: the first of them, device by device."""
    found: list[Tried] = []
    async with admin_of(served, request) as (org, _, _):
        async for one in simulate_all(org):
            found.append(_tried(one))
            if len(found) == SIMULATED_MAX:
                break
    return found


class Wish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How two records are merged: columns the winner takes from the loser, and why."""

    take: tuple[str, ...] = ()
    reason: str = ""


@get("/merge/{object_name:str}/{loser:str}/{winner:str}", summary="What a merge would do", tags=["admin"])
async def preview_merge(request: AnyRequest, served: ServedHere, object_name: str, loser: str, winner: str) -> Preview:
    """Fields that differ, and how many records would move; nothing is changed."""
    async with admin_of(served, request) as (org, _, _), snapshot(org.pool) as database:
        return await preview(org, database, Merging(object_name, RecordId(loser), RecordId(winner)))


@post("/merge/{object_name:str}/{loser:str}/{winner:str}", status_code=200, summary="Merge records", tags=["admin"])
async def merge_records(
    request: AnyRequest, served: ServedHere, object_name: str, loser: str, winner: str, data: Wish
) -> Merged:
    """The loser is deleted and its id stands for the winner's from now on. It cannot be undone."""
    async with admin_of(served, request) as (org, caller, _):
        merging = Merging(object_name, RecordId(loser), RecordId(winner), data.take, data.reason[:1_000])
        return await merge(org, merging, caller)


def _tried(one: Simulated) -> Tried:
    return Tried(one.record_id, type(one.outcome).__name__ if one.outcome is not None else None, one.problems)


@get("/feeds", summary="Length and age of feeds", tags=["admin"])
async def feed_lengths(request: AnyRequest, served: ServedHere) -> Feeds:
    """How many entries wait for devices, of how many people; the longest feeds, and since when their oldest waits."""
    org = org_for(served, request)
    async with reading(org, bearer(request)) as (work, caller):
        if not caller.rights.admin:
            raise Refused(problem(Code.FORBIDDEN, reason="this is for admins"))
        return await feeds(org, work)


@get("/errors", summary="Errors that were cleared", tags=["admin"], media_type=wire.CONTENT_LINES)
async def cleared_errors(request: AnyRequest, served: ServedHere) -> Response[bytes]:
    """One JSON object a line: whole saves as the devices had them when they gave them up."""
    async with admin_of(served, request) as (org, _, _), snapshot(org.pool) as database:
        return Response(b"".join(await exported(org, database)), media_type=wire.CONTENT_LINES)


ROUTES = [
    *(feed_lengths, cleared_errors),
    *(admin_session, list_transactions, whole_transaction, act_on_transaction),
    *(comment_on_transaction, try_transaction, try_transactions, preview_merge, merge_records),
]
