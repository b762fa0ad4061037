"""What handlers share: the orgs of this process, and the way from a request to its org, transaction and caller."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice
from typing import Any

import msgspec
from litestar import Request
from litestar.di import NamedDependency

from fieldsync.base.log import get_logger
from fieldsync.base.problems import Code, Refused, problem
from fieldsync.base.version import OLDEST_APP
from fieldsync.protocol import wire
from fieldsync.protocol.session import Software
from fieldsync.server.guesses.address import counted_address, our_proxies
from fieldsync.server.guesses.attempt import attempt
from fieldsync.server.http.wake.hub import Hub
from fieldsync.server.org.runtime import Org
from fieldsync.server.postgres.work import Question, Work, snapshot, transaction
from fieldsync.server.postgres.work.foreseen import Foreseen, Unforeseen
from fieldsync.server.save.batch import Caller, legible
from fieldsync.server.sync.session import Foresee, authenticate, digest, org_of, recognise

AnyRequest = Request[Any, Any, Any]
_log = get_logger("fieldsync.server")
VERSION_CHARS_MAX = 64


@dataclass
class Served:
    """The orgs of this process by name, and who waits for news."""

    orgs: dict[str, Org] = field(default_factory=dict)
    hub: Hub = field(default_factory=Hub)
    uri: str = ""
    """Of the PostgreSQL they are in, for what no pool of theirs can do: a deploy."""

    def org(self, name: str) -> Org:
        """The org with this name. An unknown one looks like a wrong password."""
        found = self.orgs.get(name)
        if found is None:
            raise Refused(problem(Code.AUTH))
        return found


ServedHere = NamedDependency[Served]
"""What a handler asks for."""


def bearer(request: AnyRequest) -> str:
    """The access token of a request. Raises Refused(AUTH)."""
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "bearer" or not token:
        raise Refused(problem(Code.AUTH))
    return token.strip()


def org_for(served: Served, request: AnyRequest) -> Org:
    """The org the request's token names."""
    return served.org(org_of(bearer(request)))


def org_for_download(served: Served, request: AnyRequest) -> Org:
    """As `org_for`, for what brings rows or the data model: only for apps that understand them. Uploads are always
    taken (FEATURES E33). Raises Refused(APP_TOO_OLD)."""
    version = re.match(r"(\d{1,6})\.(\d{1,6})", request.headers.get(wire.APP_VERSION_HEADER, ""))
    if version is not None and (int(version[1]), int(version[2])) < OLDEST_APP:
        raise Refused(problem(Code.APP_TOO_OLD))
    return org_for(served, request)


def _nothing(_: Caller) -> tuple[Question, ...]:
    """Nothing is known of what will be asked."""
    return ()


def software(request: AnyRequest) -> Software:
    """What a device says of its app and its data model."""
    app, model = (request.headers.get(name) for name in (wire.APP_VERSION_HEADER, wire.CATALOG_VERSION_HEADER))
    return Software(None, app and legible(app, VERSION_CHARS_MAX), model and legible(model, VERSION_CHARS_MAX))


@asynccontextmanager
async def entering(org: Org, request: AnyRequest, username: str) -> AsyncIterator[Work]:
    """A transaction that looks at a password first of all. Raises Refused(TOO_MANY_SIGN_INS)."""
    peer = request.client.host if request.client else ""
    address = counted_address(peer, request.headers.getall("x-forwarded-for", []), our_proxies())
    async with attempt(org, username, address), transaction(org.pool) as work:
        yield work


def look_ahead(org: Org, database: Work, token: str, foresee: Foresee) -> None:
    """Say what will be asked for whoever had this token last time; whether he still has it is asked before."""
    database.ahead(*islice(ahead_of(org, token, foresee, org.world.clock.now()), 1, None))


def ahead_of(org: Org, token: str, foresee: Foresee, at: datetime) -> Iterator[Question]:
    """What is asked for whoever had this token last time, who has it `at` this instant first; nothing if nobody had."""
    known = org.callers.use(digest(token))
    if known is not None:
        yield org.session.caller, {"access": digest(token), "now": at}
        yield from foresee(known)


@asynccontextmanager
async def calling(
    org: Org, token: str, foresee: Foresee = _nothing, sent_by: Software | None = None, *, looks: bool = False
) -> AsyncIterator[tuple[Work, Caller]]:
    """A transaction, and in it whoever holds the token. Raises Refused(SUPPORT_READ_ONLY) for a support session that
    changes nothing, unless this `looks` only."""
    async with transaction(org.pool) as work:
        look_ahead(org, work, token, foresee)
        caller = await authenticate(org, work, token)
        if caller.supporter is not None and not (caller.supporter.saves or looks):
            raise Refused(problem(Code.SUPPORT_READ_ONLY, name="this person"))
        if sent_by is not None:
            sent_by = msgspec.structs.replace(sent_by, platform=caller.software.platform)
            caller = replace(caller, software=sent_by)
        yield work, caller


@asynccontextmanager
async def telling(
    hub: Hub, org: Org, token: str, foresee: Foresee, sent_by: Software
) -> AsyncIterator[tuple[Work, Caller]]:
    """As `calling`; who waits in this process for what it did is told as soon as it has committed."""
    at = org.world.clock.now()
    async with calling(org, token, foresee, sent_by) as (work, caller):
        backend = work.backend
        work.overheard = lambda news: _overheard(hub, backend, news, at)
        try:
            yield work, caller
        except BaseException:
            _tell(hub, backend, work)  # it may have come to its end all the same
            raise
    _tell(hub, backend, work, Foreseen(at, work.foreseen) if work.foreseen else None)


def _overheard(hub: Hub, backend: int, news: str, at: datetime) -> list[Question]:
    """What is asked behind a save; nothing, where what somebody waits for cannot be foreseen: that stops no save."""
    try:
        return list(hub.asked(backend, news, at))
    except (Refused, LookupError, TypeError, ValueError) as wrong:  # a fault of who waits, not of who saves
        _log.error("foresee", error=str(wrong), exc_info=wrong)
        return []


def _tell(hub: Hub, backend: int, work: Work, behind: Foreseen | None = None) -> None:
    for news in work.said:
        hub.tell(backend, news, behind)


@asynccontextmanager
async def reading(org: Org, token: str, foresee: Foresee = _nothing) -> AsyncIterator[tuple[Work, Caller]]:
    """One snapshot for all reads of a request, the token's among them. Its first use is noted beside it."""
    async with snapshot(org.pool) as work:
        look_ahead(org, work, token, foresee)
        caller, first_use = await recognise(org, work, token)
        if first_use:
            async with transaction(org.beside) as writing:
                await authenticate(org, writing, token)
        yield work, caller


async def foreseen(org: Org, token: str, answers: Foreseen) -> Caller:
    """Whoever holds the token, as `reading` says it. Raises Unforeseen, Refused."""
    caller, first_use = await recognise(org, answers, token, answers.at)
    if first_use:
        raise Unforeseen
    return caller
