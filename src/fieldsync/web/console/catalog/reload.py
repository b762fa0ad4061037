"""On the Console's page of versions: that devices are to load everything anew by a date, and taking that back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

from litestar import Response, get, post
from litestar.response import Redirect, Template

from fieldsync.base.problems import Problem, Refused
from fieldsync.server.http.context import ServedHere
from fieldsync.server.org.runtime import Org
from fieldsync.server.oversight.catalog.reload import taken_back_item, wish_item
from fieldsync.server.oversight.catalog.versions import behind, owing, versions
from fieldsync.server.postgres.work import snapshot
from fieldsync.server.sync.forcing.reload import reload_asked
from fieldsync.web.console.catalog.deploy import last_deploy
from fieldsync.web.console.door import AnyRequest, admin_org, form_of_page, refusals
from fieldsync.web.console.pages import SEE_OTHER
from fieldsync.web.kit.pages import telling

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
    values: dict[str, Any] = {
        "versions": found,
        "behind": others,
        "asked": asked,
        "owing": still,
        "today": today,
        "wrong": wrong,
    }
    values |= await last_deploy(org)
    shown = {"here": "setup", "page_token": page_token, "said": said, "typed": {**NOTHING, **typed}, **values}
    return telling(Template("versions.html", context=shown), wrong)


@post("/versions/reload", status_code=200)
async def ask_reload(request: AnyRequest, served: ServedHere) -> Response[Any] | Template:
    """Ask for it, in place of what was asked before; or take it back."""
    org, page_token = await admin_org(served, request)
    form = {key: str(value).strip() for key, value in (await form_of_page(request)).items()}
    taken_back = form.get("on") == "false"
    try:
        item = await (taken_back_item(org) if taken_back else wish_item(org, form))
    except Refused as refused:
        return await _versions(org, page_token, refused.problem, typed=form)
    wrong = await refusals(org, request, item) if item is not None else ()
    if wrong:
        return await _versions(org, page_token, wrong[0], typed=form)
    said = urlencode({"said": "dropped" if taken_back else "asked"})
    return Redirect(f"/console/versions?{said}", status_code=SEE_OTHER)


RELOAD_PAGES = [versions_page, ask_reload]
