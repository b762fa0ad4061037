"""Signing in to the Console, and out."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from litestar import MediaType, Response, get, post
from litestar.response import Redirect, Template

from fieldsync.base.problems import CATALOGUE, Code, Refused
from fieldsync.server.http.context import ServedHere, entering
from fieldsync.server.postgres.work import transaction
from fieldsync.server.sync import session
from fieldsync.web.console.door import COOKIE, AnyRequest, cookies, form_of_page, page_token, somebody
from fieldsync.web.console.refusals import way_back
from fieldsync.web.console.typed import NotDone, unsealed

SEE_OTHER: Final = 303


def _page(name: str, **values: Any) -> Template:
    return Template(template_name=name, context=values)


@get("/enter")
async def entrance(request: AnyRequest) -> Template:
    """The sign-in form. `next` in the query is the page that was to be opened."""
    return _page(
        "enter.html", said="", org="", username="", sent="", back=way_back(request.query_params.get("next", ""))
    )


@post("/enter", status_code=200)
async def enter(request: AnyRequest, served: ServedHere) -> Response[Any]:
    """Sign in. Whatever is wrong, the answer is the same. What the same person typed in a session that ended is shown,
    and nobody else's."""
    form = await request.form()
    org_name, username = str(form.get("org", "")), str(form.get("username", ""))
    back, sent = way_back(str(form.get("next", ""))), unsealed(str(form.get("sent", "")))
    address = way_back(sent.address) if sent is not None else ""
    sent = msgspec.structs.replace(sent, address=address) if sent is not None and address else None
    try:
        org = served.org(org_name)
        async with entering(org, request, username) as work:
            user, token = await session.open_console(org, work, username, str(form.get("password", "")))
    except Refused as refused:
        typed = {"org": org_name, "username": username, "back": back, "sent": sent.sealed if sent else ""}
        return _not_entered(refused, typed)
    if sent is not None and sent.owner != user.id:
        back, sent = "", None
    first = (back or "/console") if org.rights.of(user.profile).admin else _of_records(back)
    answer: Response[Any] = Redirect(first, status_code=SEE_OTHER)
    if sent is not None:
        answer = _again(sent, back, page_token(token, user.id))
    answer.cookies.extend(cookies(token, user.id))
    return answer


def _again(sent: NotDone, back: str, page_token: str) -> Template:
    """What was typed, to be sent now."""
    said = "Your session had ended, so nothing was done."
    shown = {"not_done": sent, "back": back, "page_token": page_token}
    return _page("again.html", heading="You are signed in again", said=said, **shown)


def _of_records(back: str) -> str:
    """Who is no admin goes on among the records."""
    return back if back.startswith(("/console/objects/", "/console/new/")) else "/console/objects"


def _not_entered(refused: Refused, typed: dict[str, str]) -> Template:
    found, wait = refused.problem, refused.retry_after_seconds
    if found.code is not Code.TOO_MANY_SIGN_INS or wait is None:
        return _page("enter.html", said="Org, user name or password is not right.", **typed)
    page = _page("enter.html", said=found.message, **typed)
    page.status_code, page.headers["retry-after"] = CATALOGUE[found.code].status, f"{wait:.0f}"
    return page


@post("/leave", status_code=200)
async def leave(request: AnyRequest, served: ServedHere) -> Response[Any]:
    """Sign out."""
    await form_of_page(request)
    org, _, _ = await somebody(served, request)
    async with transaction(org.pool) as work:
        await session.close(org, work, request.cookies[COOKIE])
    answer: Response[Any] = Redirect("/console/enter", status_code=SEE_OTHER)
    answer.cookies.extend(cookies("", ""))
    return answer


@get("/parts/session", media_type=MediaType.TEXT)
async def session_part(request: AnyRequest, served: ServedHere) -> str:
    """What a page of this session carries in its forms, for one that stood open when an earlier session ended."""
    _, token, _ = await somebody(served, request)
    return token


PAGES = [
    session_part,
    entrance,
    enter,
    leave,
]
