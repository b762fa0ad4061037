"""Simulation: a person, a moment and rules as they are or would be; the answer is a report, and nothing is changed."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec
from litestar import get, post
from litestar.response import Template

from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Code, Refused, problem
from fieldsync.protocol.session import Platform
from fieldsync.server.configuration.proposed import Proposed, proposed_org
from fieldsync.server.http.context import ServedHere
from fieldsync.server.org.runtime import Org
from fieldsync.server.oversight.scope.expected import Asked, expected
from fieldsync.server.oversight.scope.holders import holder_of
from fieldsync.server.oversight.scope.kept import kept_rules, usernames
from fieldsync.server.oversight.scope.proposal import Proposal
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.postgres.work import snapshot
from fieldsync.server.processor.simulate import Simulated, simulate_all
from fieldsync.web.console.door import AnyRequest, admin_org, require_page

SIMULATED_MAX = 500


@dataclass(frozen=True)
class Counted:
    """How many transactions would end in one way."""

    name: str
    count: int


async def _form(request: AnyRequest) -> dict[str, str]:
    form = {key: str(value).strip() for key, value in (await request.form()).items()}
    require_page(request, form.get("page_token", ""))
    return form


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
    form = await _form(request)
    try:
        async with snapshot(org.pool) as database:
            asked = await _asked(org, database, form)
            holder = await holder_of(org, database, form.get("user", ""), form.get("device") or None)
            found = await expected(org, database, holder, asked)
    except Refused as refused:
        return Template("_refused.html", context={"wrong": refused.problem})
    return Template("_expected.html", context={"sync": found, "holder": holder, "asked": asked})


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
    form = await _form(request)
    try:
        person = await _person(org, form.get("user", ""))
        under = proposed_org(org, _proposed(form)) if form.get("check") or form.get("condition") else org
    except Refused as refused:
        return Template("_refused.html", context={"wrong": refused.problem})
    tried: list[Simulated] = []
    async for one in simulate_all(under, person):
        tried.append(one)
        if len(tried) == SIMULATED_MAX:
            break
    counts = Counter(one.problems[0].code if one.problems else type(one.outcome).__name__ for one in tried)
    ends = [Counted(str(name), count) for name, count in counts.most_common()]
    told = {"tried": tried, "most": SIMULATED_MAX, "ends": ends, "proposed": under is not org}
    return Template("_tried_saves.html", context=told)


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


SIMULATION_PAGES = [simulation, simulate_sync, simulate_saves]
