"""On the Console's page of versions: that devices are to load everything anew by a date, and taking that back."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, Final
from urllib.parse import urlencode

from litestar import Response, get, post
from litestar.response import Redirect, Template

from fieldsync.base.problems import Code, Problem, Refused, problem
from fieldsync.base.world import instant
from fieldsync.protocol.upload import Change, Item, Operation
from fieldsync.server.http.context import ServedHere
from fieldsync.server.org.bring_in import draw_ids
from fieldsync.server.org.runtime import Org
from fieldsync.server.oversight.catalog.versions import behind, owing, versions
from fieldsync.server.postgres.work import snapshot
from fieldsync.server.sync.forcing.reload import OBJECT, Asked, reload_asked
from fieldsync.web.console.door import AnyRequest, admin_org, refusals, require_page
from fieldsync.web.console.pages import SEE_OTHER
from fieldsync.web.kit.pages import telling

MESSAGE_MAX = 255
NOTHING: Final[Mapping[str, str]] = {"alert": "", "due": "", "message": ""}
"""A form in which nothing was typed."""
_SAID = {"asked": "Devices hear of it with their next sync.", "dropped": "It is taken back."}


@get("/versions")
async def versions_page(request: AnyRequest, served: ServedHere, said: str = "") -> Template:
    """Every version that was deployed, devices that are behind, and what they are to load anew."""
    org, page_token = await admin_org(served, request)
    return await _versions(org, page_token, said=_SAID.get(said, ""))


async def _versions(
    org: Org, page_token: str, wrong: Problem | None = None, *, typed: Mapping[str, str] = NOTHING, said: str = ""
) -> Template:
    async with snapshot(org.pool) as database:
        found, others = await versions(org, database), await behind(org, database)
        asked = await reload_asked(org, database)
        still = await owing(org, database, asked) if asked is not None else []
    today = org.world.clock.now().date()
    values = {"versions": found, "behind": others, "asked": asked, "owing": still, "today": today, "wrong": wrong}
    shown = {"here": "setup", "page_token": page_token, "said": said, "typed": {**NOTHING, **typed}, **values}
    return telling(Template("versions.html", context=shown), wrong)


@post("/versions/reload", status_code=200)
async def ask_reload(request: AnyRequest, served: ServedHere) -> Response[Any] | Template:
    """Ask for it, in place of what was asked before; or take it back."""
    org, page_token = await admin_org(served, request)
    form = {key: str(value).strip() for key, value in (await request.form()).items()}
    require_page(request, form.get("page_token", ""))
    async with snapshot(org.pool) as database:
        before = await reload_asked(org, database)
    taken_back = form.get("on") == "false"
    try:
        items = [] if taken_back else [await _wanted(org, form)]
    except Refused as refused:
        return await _versions(org, page_token, refused.problem, typed=form)
    wrong = await refusals(org, request, *_dropped(before), *items) if before or items else ()
    if wrong:
        return await _versions(org, page_token, wrong[0], typed=form)
    said = urlencode({"said": "dropped" if taken_back else "asked"})
    return Redirect(f"/console/versions?{said}", status_code=SEE_OTHER)


def _dropped(before: Asked | None) -> list[Item]:
    return [] if before is None else [Item(OBJECT, before.id, Operation.DELETE, {}, before.stamp)]


async def _wanted(org: Org, form: dict[str, str]) -> Item:
    """The record of what was typed. Raises Refused(UNUSABLE)."""
    now, message = org.world.clock.now(), form.get("message", "")
    alert, due = _day("first day", form.get("alert") or now.date().isoformat()), _day("date", form.get("due", ""))
    reason = None
    if due < alert:
        reason = "people cannot be told of it after it is due"
    elif due < now.date():
        reason = "it is in the past"
    elif len(message) > MESSAGE_MAX:
        reason = f"the message is longer than {MESSAGE_MAX} characters"
    if reason is not None:
        raise Refused(problem(Code.UNUSABLE, what="This date" if "message" not in reason else "This", reason=reason))
    values = {"Name": f"By {due}", "Asked_At": instant(now), "Alert_Date": f"{alert}", "Due_Date": f"{due}"}
    changes = {name: Change(None, value) for name, value in (values | {"Message": message}).items() if value}
    [new_id] = await draw_ids(org, [OBJECT])
    return Item(OBJECT, new_id, Operation.CREATE, changes)


def _day(what: str, typed: str) -> date:
    try:
        return date.fromisoformat(typed)
    except ValueError:
        raise Refused(problem(Code.UNUSABLE, what=f"The {what}", reason="it is no day of the calendar")) from None


RELOAD_PAGES = [versions_page, ask_reload]
