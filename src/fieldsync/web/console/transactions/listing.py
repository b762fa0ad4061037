"""The Console's list of sync transactions: filters, kept views, pages that begin behind the last, and acts on many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode

from litestar import Response, get, post
from litestar.response import Redirect, Template

from fieldsync.base.problems import Code, Problem, Refused, problem
from fieldsync.server.http.context import ServedHere
from fieldsync.server.org.bring_in import draw_ids
from fieldsync.server.org.runtime import Org
from fieldsync.server.oversight.saved_views import OBJECT, dropped, kept, saved_views
from fieldsync.server.oversight.transactions import STATUSES, Oversight, TransactionLine
from fieldsync.server.oversight.wanted import PAGE, Wanted, before_of, mark_of, views
from fieldsync.server.postgres.work import snapshot
from fieldsync.server.processor.acts import Asked, carry_out
from fieldsync.server.processor.simulate import simulate
from fieldsync.server.processor.states import ACTORS, Act, Who
from fieldsync.web.console.door import AnyRequest, admin, admin_org, form_of_page, name_of, refusals
from fieldsync.web.console.pages import SEE_OTHER

FILTERS = ("status", "user", "name", "record", "object", "view")
PLACE = "transactions"
MANY = (Act.RETRY, Act.IGNORE, Act.MANUAL)
"""What can be done to many at once."""
DAYS, DAYS_MAX, CHOSEN_MAX = 60, 3_650, 100


@dataclass(frozen=True)
class Done:
    """What became of one of many. Without a problem it stands as `status`."""

    id: str
    status: str = ""
    problem: Problem | None = None


def _asked(request: AnyRequest) -> tuple[dict[str, str], int]:
    asked = {name: str(request.query_params.get(name, "")).strip() for name in FILTERS}
    days = str(request.query_params.get("days", ""))
    return asked, max(1, min(int(days), DAYS_MAX)) if days.isascii() and days.isdecimal() and len(days) < 6 else DAYS


async def _found(org: Org, request: AnyRequest) -> dict[str, Any]:
    (asked, days), before = _asked(request), before_of(str(request.query_params.get("before", "")))
    since = org.world.clock.now() - timedelta(days=days)
    status, user, name, record, begins_with, view = (asked[key] for key in FILTERS)
    wanted = Wanted(status, user, name, record, begins_with, view, since=since, before=before)
    try:
        found: Sequence[TransactionLine] = await Oversight(org).transactions(wanted)
    except Refused as refused:  # a view that is not there any more
        if refused.problem.code is not Code.NOT_FOUND:
            raise
        found = ()
    query = {name: value for name, value in {**asked, "days": str(days)}.items() if value}
    older = mark_of(found[-1].received, found[-1].id) if len(found) == PAGE else None
    shown = {"transactions": found, "asked": asked, "days": days, "before": before is not None}
    return {**shown, "query": urlencode(query), "older": older and urlencode({**query, "before": older})}


async def _page(org: Org, request: AnyRequest, page_token: str, **told: Any) -> Template:
    found = await _found(org, request)
    async with snapshot(org.pool) as database:
        saved = await saved_views(org, database, PLACE)
    choices = {"statuses": STATUSES, "views": tuple(views(org)), "saved": saved, "many": MANY}
    values = {"done": (), "tried": (), "said": "", "choosable": True, **found, **choices, **told}
    return Template("transactions.html", context={"here": "transactions", "page_token": page_token, **values})


@get("/transactions")
async def transactions(request: AnyRequest, served: ServedHere) -> Template:
    """The list, by list view, status, person, name, record and period."""
    org, page_token = await admin_org(served, request)
    return await _page(org, request, page_token)


@get("/parts/transactions")
async def transactions_part(request: AnyRequest, served: ServedHere) -> Template:
    """The list, anew."""
    org, _ = await admin_org(served, request)
    return Template("_transactions.html", context={**await _found(org, request), "choosable": True})


@post("/transactions/many", status_code=200)
async def act_on_many(request: AnyRequest, served: ServedHere) -> Template:
    """One act on each that was chosen; what is refused says so, and the others go on."""
    org, page_token, caller = await admin(served, request)
    form = await form_of_page(request)
    chosen = [str(value)[:18] for value in form.getall("chosen", [])][:CHOSEN_MAX]
    act, reason = str(form.get("act", "")), str(form.get("reason", ""))
    if act == "simulate":
        tried = [await _tried(org, one) for one in chosen]
        return await _page(org, request, page_token, tried=tried)
    if act not in set(MANY) or ACTORS[Act(act)] is not Who.ADMIN:
        raise Refused(problem(Code.BAD_REQUEST, reason="there is no such act"))
    asked = Asked(Act(act), caller, await name_of(org, caller), reason)
    done = [await _done(org, one, asked) for one in chosen]
    said = "" if done else "Nothing was chosen."
    return await _page(org, request, page_token, done=done, said=said)


async def _done(org: Org, record_id: str, asked: Asked) -> Done:
    try:
        return Done(record_id, (await carry_out(org, record_id, asked)).value)
    except Refused as refused:
        return Done(record_id, problem=refused.problem)


async def _tried(org: Org, record_id: str) -> Done:
    try:
        found = await simulate(org, record_id)
    except Refused as refused:
        return Done(record_id, problem=refused.problem)
    return Done(record_id, type(found.outcome).__name__, next(iter(found.problems), None))


@post("/transactions/views", status_code=200)
async def change_views(request: AnyRequest, served: ServedHere) -> Response[Any] | Template:
    """Keep the list as it is filtered now, or drop one that was kept."""
    org, page_token, _ = await admin(served, request)
    form = {key: str(value) for key, value in (await form_of_page(request)).items()}
    query = urlencode([pair for pair in parse_qsl(form.get("query", "")) if pair[0] in (*FILTERS, "days")])
    if form.get("drop"):
        async with snapshot(org.pool) as database:
            found = [view for view in await saved_views(org, database, PLACE) if view.id == form["drop"]]
        items = [dropped(view) for view in found]
    else:
        [view_id] = await draw_ids(org, [OBJECT])
        items = [kept(view_id, form.get("name", "").strip() or "My list", PLACE, query)]
    for item in items:
        if wrong := await refusals(org, request, item):
            return await _page(org, request, page_token, said=wrong[0].message)
    return Redirect(f"/console/transactions?{query}", status_code=SEE_OTHER)


TRANSACTION_LISTS = [transactions, transactions_part, act_on_many, change_views]
