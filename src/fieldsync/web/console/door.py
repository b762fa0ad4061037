"""Who may open the console: whoever signed in to it, known by an HttpOnly cookie. All but the records is for admins.

The token of a device opens nothing here: a device that is lost shows what it holds, and no more.

What changes something carries a page token derived from the cookie, which a page of another origin cannot know.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from typing import Any

from litestar import Request
from litestar.datastructures import Cookie, FormMultiDict
from litestar.exceptions import NotAuthorizedException

from fieldsync.base.problems import Code, Problem, Refused, problem
from fieldsync.protocol.upload import Item, Rejected
from fieldsync.server.http.context import Served, calling
from fieldsync.server.org.runtime import Org
from fieldsync.server.oversight.editing import save_from_page
from fieldsync.server.postgres.work import snapshot
from fieldsync.server.save.batch import Caller
from fieldsync.server.sync.session import Begin, org_of
from fieldsync.web.console.typed import SessionEnded, StalePage, not_done, owner_of, typed_in

ID_DIGITS_MAX = 19
COOKIE, WHOSE = "fieldsync_console", "fieldsync_console_whose"
"""The session, and beside it the id of its person, which opens nothing."""
AnyRequest = Request[Any, Any, Any]
TAKEN_UP_TRIES, TAKEN_UP_PAUSE_SECONDS = 40, 0.25
"""A server that has not taken up what was deployed last is busy for some seconds: a page waits for it."""


def cookies(token: str, user_id: str) -> list[Cookie]:
    """The session as cookies; an empty token ends it."""
    lasts: dict[str, Any] = {"httponly": True, "samesite": "strict", "path": "/console"}
    lasts["max_age"] = None if token else 0
    return [Cookie(key=name, value=value, **lasts) for name, value in ((COOKIE, token), (WHOSE, user_id))]


def page_token(token: str, user_id: str) -> str:
    """What pages of this session carry in their forms, and whose they are."""
    return f"{hmac.new(token.encode(), b'console page', hashlib.sha256).hexdigest()}.{user_id}"


async def admin_org(served: Served, request: AnyRequest) -> tuple[Org, str]:
    """The org of a signed-in admin, and the page token. Raises NotAuthorizedException, SessionEnded."""
    org, page_token, _ = await admin(served, request)
    return org, page_token


async def admin(served: Served, request: AnyRequest) -> tuple[Org, str, Caller]:
    """A signed-in admin too. Raises NotAuthorizedException, SessionEnded."""
    org, page_token, caller = await somebody(served, request)
    if not caller.rights.admin:
        raise NotAuthorizedException("The console is for admins.")
    return org, page_token, caller


async def somebody(served: Served, request: AnyRequest) -> tuple[Org, str, Caller]:
    """Whoever is signed in, admin or not: for pages that show what he may see. Raises SessionEnded."""
    token = request.cookies.get(COOKIE, "")
    for tried in range(1, TAKEN_UP_TRIES + 1):
        try:
            org = served.org(org_of(token))
            async with calling(org, token) as (_, caller):
                if caller.device_id is not None:
                    raise Refused(problem(Code.AUTH))
            return org, page_token(token, caller.user_id), caller
        except Refused as refused:
            if refused.problem.code is Code.AUTH:
                raise SessionEnded("Sign in to the console.", await not_done(request)) from None
            if refused.problem.code is not Code.BUSY or tried == TAKEN_UP_TRIES:
                raise
        await asyncio.sleep(TAKEN_UP_PAUSE_SECONDS)
    raise AssertionError("the last try answers")


def note_of(form: FormMultiDict, name: str) -> int:
    """The id of a piece of work that a form speaks of; 0, which is none's, for what is no number."""
    said = str(form.get(name, ""))
    return int(said) if said.isascii() and said.isdecimal() and len(said) < ID_DIGITS_MAX else 0


async def form_of_page(request: AnyRequest) -> FormMultiDict:
    """What was typed: a change comes from a page of this session. Raises StalePage."""
    form = await request.form()
    given = str(form.get("page_token", ""))
    if not hmac.compare_digest(page_token(request.cookies.get(COOKIE, ""), owner_of(given)), given):
        said = "This change did not come from a page of the console."
        raise StalePage(said, typed_in(request, form))
    return form


def as_person(org: Org, request: AnyRequest) -> Begin:
    """Opens a database transaction as the person who is signed in."""
    return lambda: calling(org, request.cookies[COOKIE])


async def name_of(org: Org, caller: Caller) -> str:
    """Who acts, as it is noted and told."""
    async with snapshot(org.pool) as database:
        row = await database.one(org.save.read_name("User"), ids=[caller.user_id])
    return str(row[0]) if row else caller.user_id


async def refusals(org: Org, request: AnyRequest, *items: Item) -> tuple[Problem, ...]:
    """Save these as the person who is signed in, all or nothing. Why not, or nothing. Raises Refused: AUTH, BUSY."""
    outcome = await save_from_page(org, as_person(org, request), *items)
    return outcome.problems or (problem(Code.BUSY),) if isinstance(outcome, Rejected) else ()
