"""The Console's recovery list: what came back after the server was restored from a backup, and what did not."""

from __future__ import annotations

from litestar import get
from litestar.response import Template

from fieldsync.server.http.context import ServedHere
from fieldsync.server.oversight.recovery import recovery
from fieldsync.server.postgres.work import snapshot
from fieldsync.web.console.door import AnyRequest, admin_org


@get("/recovery")
async def recovery_page(request: AnyRequest, served: ServedHere) -> Template:
    """What devices offered again, and which have not been heard of."""
    org, page_token = await admin_org(served, request)
    async with snapshot(org.pool) as database:
        found = await recovery(org, database)
    return Template("recovery.html", context={"here": "transactions", "page_token": page_token, "found": found})


RECOVERY_PAGES = [recovery_page]
