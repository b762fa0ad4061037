"""Simulation: a person, a moment and rules as they are or would be; the answer is a report, and nothing is changed."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec
from litestar import Response, get, post
from litestar.response import Template

from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Code, Problem, Refused, problem
from fieldsync.base.world import instant
from fieldsync.protocol.session import Platform
from fieldsync.server.configuration.proposed import Proposed, proposed_org
from fieldsync.server.http.context import ServedHere
from fieldsync.server.org.runtime import Org
from fieldsync.server.oversight.reports.asking import as_csv
from fieldsync.server.oversight.scope.expected import Asked, Sync, expected
from fieldsync.server.oversight.scope.holders import Holder, holder_of
from fieldsync.server.oversight.scope.kept import kept_rules, usernames
from fieldsync.server.oversight.scope.proposal import Proposal
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.postgres.work import snapshot
from fieldsync.server.processor.simulate import Simulated, simulate_all
from fieldsync.web.console.door import AnyRequest, admin_org, form_of_page

SIMULATED_MAX = 500
CSV = "text/csv; charset=utf-8"


@dataclass(frozen=True)
class Counted:
    """How many transactions would end in one way."""

    name: str
    count: int


async def _form(request: AnyRequest) -> dict[str, str]:
    return {key: str(value).strip() for key, value in (await form_of_page(request)).items()}


@get("/simulation")
async def simulation(request: AnyRequest, served: ServedHere, user: str = "") -> Template:
    """What may be chosen."""
    org, page_token = await admin_org(served, request)
    async with snapshot(org.pool) as database:
        people, rules = await usernames(org, database), await kept_rules(org, database)
    checks = [(one.name, rule.name) for one in org.catalog for rule in one.validation_rules]
    choices = {"people": people, "rules": rules, "checks": checks, "devices": tuple(Platform)}
    objects = sorted(one.name for one in org.catalog if not one.system)
    told = {"here": "transactions", "page_token": page_token, "user": user, "objects": objects}
    return Template("simulation.html", context={**told, **choices})


@post("/parts/simulation/sync", status_code=200)
async def simulate_sync(request: AnyRequest, served: ServedHere) -> Template:
    """What a sync would bring."""
    org, _ = await admin_org(served, request)
    try:
        found, holder, asked = await _sync(org, await _form(request))
    except Refused as refused:
        return Template("_refused.html", context={"wrong": refused.problem})
    return Template("_expected.html", context={"sync": found, "holder": holder, "asked": asked})


@post("/simulation/sync", status_code=200, media_type=CSV)
async def sync_file(request: AnyRequest, served: ServedHere) -> Response[bytes]:
    """The same as a file. Raises Refused."""
    org, _ = await admin_org(served, request)
    found, holder, asked = await _sync(org, await _form(request))
    rows = [(one.object, one.rows, one.travels, one.bytes, one.leaves) for one in found.objects]
    since = f", after a sync at {instant(asked.since)}" if asked.since else ""
    note = f"simulated: {holder.username} on {holder.device}, {instant(asked.at)}{since}; nothing was changed"
    return _file(org, "sync", as_csv(("object", "would hold", "would travel", "bytes", "may leave"), rows, note))


async def _sync(org: Org, form: dict[str, str]) -> tuple[Sync, Holder, Asked]:
    async with snapshot(org.pool) as database:
        asked = await _asked(org, database, form)
        holder = await holder_of(org, database, form.get("user", ""), form.get("device") or None)
        return await expected(org, database, holder, asked), holder, asked


def _file(org: Org, name: str, content: bytes) -> Response[bytes]:
    named = {"content-disposition": f'attachment; filename="{org.name}-simulated-{name}.csv"'}
    return Response(content, media_type=CSV, headers=named)


async def _asked(org: Org, database: Database, form: dict[str, str]) -> Asked:
    moment = _moment(form.get("at", "")) or org.world.clock.now()
    proposals: tuple[Proposal, ...] = ()
    if form.get("rule"):
        kept = next((one for one in await kept_rules(org, database) if one.id == form["rule"]), None)
        if kept is None:
            raise Refused(problem(Code.NOT_FOUND, object="The sync rule", id=form["rule"]))
        rule = msgspec.structs.replace(kept.rule, where=form.get("where") or None)
        proposals = (Proposal(kept.id, rule),)
    return Asked(moment, _moment(form.get("since", "")), proposals)


def _moment(text: str) -> datetime | None:
    """What was entered, UTC. Raises Refused(BAD_REQUEST)."""
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC) if text else None
    except ValueError:
        raise Refused(problem(Code.BAD_REQUEST, reason=f"{text} is no moment")) from None


@post("/parts/simulation/saves", status_code=200)
async def simulate_saves(request: AnyRequest, served: ServedHere) -> Template:
    """What saves that are not decided would become."""
    org, _ = await admin_org(served, request)
    try:
        tried, under = await _saves(org, await _form(request))
    except Refused as refused:
        return Template("_refused.html", context={"wrong": refused.problem})
    counts = Counter(one.problems[0].code if one.problems else type(one.outcome).__name__ for one in tried)
    ends = [Counted(str(name), count) for name, count in counts.most_common()]
    told = {"tried": tried, "most": SIMULATED_MAX, "ends": ends, "proposed": under is not org}
    return Template("_tried_saves.html", context=told)


@post("/simulation/saves", status_code=200, media_type=CSV)
async def saves_file(request: AnyRequest, served: ServedHere) -> Response[bytes]:
    """The same as a file: a line for each reason, or for a save without one. Raises Refused."""
    org, _ = await admin_org(served, request)
    tried, under = await _saves(org, await _form(request))
    rows = [
        (one.record_id, type(one.outcome).__name__ if one.outcome else "not tried", *_why(wrong))
        for one in tried
        for wrong in (one.problems or (None,))
    ]
    rules = "as one proposed would have it" if under is not org else "as they are"
    at = instant(org.world.clock.now())
    note = f"simulated at {at} under rules {rules}, at most {SIMULATED_MAX}; nothing was changed"
    return _file(org, "saves", as_csv(("transaction", "outcome", "code", "object", "field", "reason"), rows, note))


def _why(wrong: Problem | None) -> tuple[str, str, str, str]:
    return ("", "", "", "") if wrong is None else (wrong.code, wrong.object or "", wrong.field or "", wrong.message)


async def _saves(org: Org, form: dict[str, str]) -> tuple[list[Simulated], Org]:
    """What each would become, and the org whose rules were tried."""
    person = await _person(org, form.get("user", ""))
    under = proposed_org(org, _proposed(form)) if form.get("check") or form.get("condition") else org
    tried: list[Simulated] = []
    async for one in simulate_all(under, person):
        tried.append(one)
        if len(tried) == SIMULATED_MAX:
            break
    return tried, under


async def _person(org: Org, username: str) -> RecordId | None:
    if not username:
        return None
    async with snapshot(org.pool) as database:
        return (await holder_of(org, database, username)).caller.user_id


def _proposed(form: dict[str, str]) -> Proposed:
    name, _, rule = form.get("check", "").partition(".")
    if rule:
        return Proposed(name, rule, form.get("condition", ""))
    return Proposed(form.get("object", ""), "Proposed", form.get("condition", ""))


SIMULATION_PAGES = [simulation, simulate_sync, simulate_saves, sync_file, saves_file]
