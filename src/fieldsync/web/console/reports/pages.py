"""Reports as pages and as CSV, each saying how complete it is."""

from __future__ import annotations

from typing import Any

from litestar import Response, get, post
from litestar.response import Redirect, Template

from fieldsync.base.problems import Problem, Refused
from fieldsync.protocol.upload import Item
from fieldsync.server.http.context import ServedHere
from fieldsync.server.org.bring_in import draw_ids
from fieldsync.server.org.runtime import Org
from fieldsync.server.oversight.figures.people import PersonSync, completeness, people_syncs
from fieldsync.server.oversight.reader import reader_of
from fieldsync.server.oversight.reports.asking import MEASURES, Answer, as_csv, ask, written
from fieldsync.server.oversight.reports.kept import OBJECT, dropped, made, report_of, reports
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.postgres.work import snapshot
from fieldsync.server.save.batch import Caller
from fieldsync.web.console.door import AnyRequest, admin, admin_org, form_of_page, refusals
from fieldsync.web.console.home.pages import DAYS, figures, period_of, split_of
from fieldsync.web.console.pages import SEE_OTHER
from fieldsync.web.console.rules.pages import OPERATORS, STRETCHES
from fieldsync.web.kit.chart import Ranked, ranked
from fieldsync.web.kit.pages import telling

BARS_MAX = 40
FORM = ("object", "group", "measure", "field", "where")
PEOPLE = PersonSync.__struct_fields__
CLAUSES = ("SELECT", "FROM", "WHERE", "GROUP BY", "HAVING", "ORDER BY", "ASC", "DESC", "LIMIT")
WORDS = (*(f"{measure}(" for measure in MEASURES), *CLAUSES, *OPERATORS, *STRETCHES)
"""What a query may hold beside objects and fields."""
GROUPS = ("by", "name", "syncs", "failed", "people", "errors", "p50", "p95")


@get("/reports")
async def all_reports(request: AnyRequest, served: ServedHere) -> Template:
    """The fleet's syncs and people, and the questions that were kept."""
    org, page_token = await admin_org(served, request)
    period, days = period_of(org, request)
    async with snapshot(org.pool) as database:
        _, shown = await figures(org, database, period, days, split_of(request))
        told = {
            "people": await people_syncs(org, database),
            "reports": await reports(org, database),
            "complete": (await completeness(org, database)).sentence,
        }
    asked = {"version": period.version, "device": period.device, "profile": period.profile}
    choices = {"days": days, "every_days": DAYS, "asked": asked, "profiles": sorted(org.catalog.profiles)}
    return Template("reports.html", context={"here": "reports", "page_token": page_token, **shown, **told, **choices})


@get("/reports/{name:str}/csv", media_type="text/csv")
async def report_file(request: AnyRequest, served: ServedHere, name: str) -> Response[bytes]:
    """`people`, `syncs` or the id of a kept report as a file."""
    org, _, caller = await admin(served, request)
    async with snapshot(org.pool) as database:
        note = (await completeness(org, database)).sentence
        columns, rows = await _table(org, database, request, (name, caller))
    content = as_csv(columns, rows, note)
    named = {"content-disposition": f'attachment; filename="{org.name}-{name}.csv"'}
    return Response(content, media_type="text/csv; charset=utf-8", headers=named)


async def _table(org: Org, database: Database, request: AnyRequest, asked: tuple[str, Caller]) -> tuple[Any, Any]:
    name, caller = asked
    if name == "people":
        found = await people_syncs(org, database)
        return PEOPLE, [[getattr(one, column) for column in PEOPLE] for one in found]
    if name == "syncs":
        charts, _ = await figures(org, database, *period_of(org, request))
        kinds = ("day", "version", "device", "territory", "problem")
        groups = [("all", charts.whole), *((kind, one) for kind in kinds for one in getattr(charts, kind))]
        return GROUPS, [[kind, *(getattr(one, column) for column in GROUPS[1:])] for kind, one in groups]
    query = str(request.query_params.get("q", "")) if name == "asked" else (await report_of(org, database, name)).query
    answer = await ask(org, database, await reader_of(org, database, caller), query)
    return answer.columns, answer.rows


@get("/reports/ask")
async def ask_report(request: AnyRequest, served: ServedHere) -> Template:
    """A question, and its answer where there is one."""
    org, page_token, caller = await admin(served, request)
    given = {name: str(request.query_params.get(name, "")).strip() for name in FORM}
    query, wrong = str(request.query_params.get("q", "")).strip(), None
    if given["object"] and not query:
        try:
            query = written(org, given)
        except Refused as refused:
            wrong = refused.problem
    return await _answered(org, caller, page_token, (query, given, wrong))


@get("/reports/{report_id:str}")
async def one_report(request: AnyRequest, served: ServedHere, report_id: str) -> Template:
    """One that was kept."""
    org, page_token, caller = await admin(served, request)
    async with snapshot(org.pool) as database:
        kept = await report_of(org, database, report_id)
    return await _answered(org, caller, page_token, (kept.query, dict.fromkeys(FORM, ""), None), kept)


async def _answered(
    org: Org, caller: Caller, page_token: str, asked: tuple[str, dict[str, str], Problem | None], kept: Any = None
) -> Template:
    query, given, wrong = asked
    answer: Answer | None = None
    async with snapshot(org.pool) as database:
        complete = (await completeness(org, database)).sentence
        if query and wrong is None:
            try:
                answer = await ask(org, database, await reader_of(org, database, caller), query)
            except Refused as refused:
                wrong = refused.problem
    drawn = _drawn(answer) if answer is not None and (kept is None or kept.drawn) else None
    objects = {one.name: tuple(one.fields) for one in org.catalog}
    told = {"query": query, "asked": given, "wrong": wrong, "answer": answer, "drawn": drawn, "complete": complete}
    about = {"here": "reports", "page_token": page_token, "kept": kept, "objects": objects}
    choices = {"measures": MEASURES, "words": WORDS}
    return telling(Template("report.html", context={**about, **told, **choices}), wrong)


def _drawn(answer: Answer) -> Ranked | None:
    groups = [(label, float(count), f"{count:,}") for label, count in answer.pairs]
    return ranked(answer.columns[0], answer.columns[-1], groups, BARS_MAX) if groups else None


@post("/reports/save", status_code=200)
async def save_report(request: AnyRequest, served: ServedHere) -> Response[Any]:
    """Keep a question, or drop one. Raises Refused."""
    org, _ = await admin_org(served, request)
    form = {key: str(value).strip() for key, value in (await form_of_page(request)).items()}
    item: Item
    if form.get("drop"):
        async with snapshot(org.pool) as database:
            item = dropped(await report_of(org, database, form["drop"]))
        place = "/console/reports"
    else:
        [new_id] = await draw_ids(org, [OBJECT])
        item = made(new_id, form.get("name") or "Report", form.get("q", ""), drawn=True)
        place = f"/console/reports/{new_id}"
    if wrong := await refusals(org, request, item):
        raise Refused(wrong[0])
    return Redirect(place, status_code=SEE_OTHER)


REPORT_PAGES = [all_reports, report_file, ask_report, one_report, save_report]
