"""The Console's pages."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from litestar import Response, get, post
from litestar.response import Redirect, Template

from fieldsync.base.problems import Refused
from fieldsync.server.http.context import ServedHere
from fieldsync.server.org.runtime import Org
from fieldsync.server.oversight.transactions import OVERDUE_DAYS, DeviceLine, Oversight
from fieldsync.server.oversight.wanted import Wanted
from fieldsync.server.postgres.work import transaction
from fieldsync.server.sync import session
from fieldsync.web.console.door import COOKIE, AnyRequest, admin_org, cookie, require_page, somebody

SEE_OTHER: Final = 303
TILES = ("Success", "Failed", "Waiting", "Canceled")


def _page(name: str, **values: Any) -> Template:
    return Template(template_name=name, context=values)


@get("/enter")
async def entrance() -> Template:
    """The sign-in form."""
    return _page("enter.html", said="", org="", username="")


@post("/enter", status_code=200)
async def enter(request: AnyRequest, served: ServedHere) -> Response[Any]:
    """Sign in. Whatever is wrong, the answer is the same."""
    form = await request.form()
    org_name, username = str(form.get("org", "")), str(form.get("username", ""))
    try:
        org = served.org(org_name)
        async with transaction(org.pool) as work:
            user, token = await session.open_console(org, work, username, str(form.get("password", "")))
    except Refused:
        said = "Org, user name or password is not right."
        return _page("enter.html", said=said, org=org_name, username=username)
    first = "/console" if org.rights.of(user.profile).admin else "/console/objects"
    answer: Response[Any] = Redirect(first, status_code=SEE_OTHER)
    answer.cookies.append(cookie(token))
    return answer


@post("/leave", status_code=200)
async def leave(request: AnyRequest, served: ServedHere) -> Response[Any]:
    """Sign out."""
    form = await request.form()
    require_page(request, str(form.get("page_token", "")))
    org, _, _ = await somebody(served, request)
    async with transaction(org.pool) as work:
        await session.close(org, work, request.cookies[COOKIE])
    answer: Response[Any] = Redirect("/console/enter", status_code=SEE_OTHER)
    answer.cookies.append(cookie(""))
    return answer


async def _tiles(org: Org) -> list[tuple[str, int]]:
    counts = await Oversight(org).counts(org.world.clock.now() - timedelta(days=1))
    return [(name, counts.get(name, 0)) for name in TILES]


async def _overdue(org: Org) -> list[DeviceLine]:
    limit = (org.world.clock.now() - timedelta(days=OVERDUE_DAYS)).isoformat()
    return [d for d in await Oversight(org).devices() if d.last_download is None or d.last_download < limit]


@get("/")
async def home(request: AnyRequest, served: ServedHere) -> Template:
    """What needs somebody."""
    org, page_token = await admin_org(served, request)
    since = org.world.clock.now() - timedelta(days=60)
    failed = await Oversight(org).transactions(Wanted(status="Failed", since=since))
    values = {"tiles": await _tiles(org), "failed": failed[:10], "overdue": await _overdue(org), "days": OVERDUE_DAYS}
    return _page("home.html", here="home", org=org.name, page_token=page_token, **values)


@get("/parts/tiles")
async def tiles_part(request: AnyRequest, served: ServedHere) -> Template:
    """The counts, anew."""
    org, _ = await admin_org(served, request)
    return _page("_tiles.html", tiles=await _tiles(org))


PAGES = [
    entrance,
    enter,
    leave,
    home,
    tiles_part,
]
