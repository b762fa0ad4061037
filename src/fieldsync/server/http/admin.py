"""`/admin/v1`: what an admin's programs ask: one thin handler a request, for a token of an admin."""

from __future__ import annotations

from litestar import get

from fieldsync.base.problems import Code, Refused, problem
from fieldsync.server.http.context import AnyRequest, ServedHere, bearer, org_for, reading
from fieldsync.server.oversight.feeds import Feeds, feeds


@get("/feeds", summary="Length and age of feeds", tags=["admin"])
async def feed_lengths(request: AnyRequest, served: ServedHere) -> Feeds:
    """How many entries wait for devices, of how many people; the longest feeds, and since when their oldest waits."""
    org = org_for(served, request)
    async with reading(org, bearer(request)) as (work, caller):
        if not caller.rights.admin:
            raise Refused(problem(Code.FORBIDDEN, reason="it is for admins"))
        return await feeds(org, work)


ROUTES = [feed_lengths]
