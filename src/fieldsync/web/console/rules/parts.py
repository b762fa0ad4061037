"""What a rule's page asks while it is edited: the filter as rows or text, what is wrong, what would move."""

from __future__ import annotations

from collections.abc import Iterable

from litestar import post
from litestar.response import Template

from fieldsync.base.problems import Refused
from fieldsync.schema.sync_rule import SyncRule
from fieldsync.server.configuration.simple import FilterRow, Operator, SimpleFilter
from fieldsync.server.http.context import ServedHere
from fieldsync.server.org.runtime import Org
from fieldsync.server.oversight.scope.held import Trial, tried
from fieldsync.server.oversight.scope.holders import Holders, holder_of
from fieldsync.server.oversight.scope.kept import Kept, kept_rule
from fieldsync.server.oversight.scope.preview import Asked, preview
from fieldsync.server.oversight.scope.proposal import Proposal, faults_of
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.postgres.work import snapshot
from fieldsync.server.scope.rules import Fault
from fieldsync.web.console.door import AnyRequest, admin, admin_org
from fieldsync.web.console.rules.form import Drafted, Typed, Wrong, as_rows, draft, one, pointed, rows_of
from fieldsync.web.console.rules.pages import condition_words, field_names, filter_choices, page, typed_of

ANOTHER_ROW = FilterRow("", Operator.EQUALS)


@post("/parts/rule/filter", status_code=200)
async def edit_filter(request: AnyRequest, served: ServedHere) -> Template:
    """The condition as rows or as text, with another row or one less."""
    org, _ = await admin_org(served, request)
    typed = await typed_of(request)
    filter_, where, said = _edited(typed, one(typed, "act"))
    kept = await _kept(org, typed)
    name = kept.rule.object if kept is not None else one(typed, "object")
    values = {"filter": filter_, "where": where, "said": said, "fields": field_names(org, name)}
    values["words"] = condition_words(org)
    return page("_filter.html", **values, **filter_choices())


def _edited(typed: Typed, act: str) -> tuple[SimpleFilter | None, str, str]:
    """The rows if they are edited, the text, and what is to be said. Pure."""
    if act == "rows":
        found, said = as_rows(one(typed, "where"))
        return (found if found is None or found.rows else _more(found)), one(typed, "where"), said
    rows = rows_of(typed)
    if act == "text":
        drafted = draft(typed, None)
        if drafted.wrong:
            return rows, "", drafted.wrong[0].sentence
        return None, drafted.rule.where or "", ""
    if act == "add":
        return _more(rows), "", ""
    number = int(act.removeprefix("less")) if act.removeprefix("less").isdecimal() else 0
    left = tuple(row for place, row in enumerate(rows.rows, 1) if place != number)
    return _more(SimpleFilter(left, rows.logic)) if not left else SimpleFilter(left, rows.logic), "", ""


def _more(given: SimpleFilter) -> SimpleFilter:
    return SimpleFilter((*given.rows, ANOTHER_ROW), given.logic)


@post("/parts/rule/validate", status_code=200)
async def validate(request: AnyRequest, served: ServedHere) -> Template:
    """Everything that is wrong, and what is warned of."""
    org, _ = await admin_org(served, request)
    typed = await typed_of(request)
    async with snapshot(org.pool) as database:
        kept, drafted = await _drafted(org, database, typed)
        wrong = drafted.wrong or await _wrong(org, database, kept, drafted.rule)
    return page("_wrong.html", wrong=wrong)


@post("/parts/rule/preview", status_code=200)
async def preview_rule(request: AnyRequest, served: ServedHere) -> Template:
    """What devices would get and lose."""
    org, _, caller = await admin(served, request)
    typed = await typed_of(request)
    async with snapshot(org.pool) as database:
        kept, drafted = await _drafted(org, database, typed)
        wrong = drafted.wrong or await _wrong(org, database, kept, drafted.rule)
        if any(not one.warning for one in wrong):
            return page("_wrong.html", wrong=wrong)
        proposal = Proposal(kept.id if kept is not None else None, drafted.rule)
        try:
            holders = Holders((await holder_of(org, database, one(typed, "user")),), {}) if one(typed, "user") else None
            found = await preview(org, database, Asked((proposal,), caller.rights), holders)
        except Refused as refused:
            return page("_wrong.html", wrong=(Wrong("", refused.problem.message),))
    return page("_preview.html", preview=found)


@post("/parts/rule/test", status_code=200)
async def try_rule(request: AnyRequest, served: ServedHere) -> Template:
    """How many rows the condition brings one person."""
    org, _, caller = await admin(served, request)
    typed = await typed_of(request)
    async with snapshot(org.pool) as database:
        kept, drafted = await _drafted(org, database, typed)
        wrong = drafted.wrong or await _wrong(org, database, kept, drafted.rule)
        if any(not one.warning for one in wrong):
            return page("_wrong.html", wrong=wrong)
        return await _tried(org, database, one(typed, "user"), Trial(drafted.rule, caller.rights))


@post("/parts/rule/live", status_code=200)
async def live(request: AnyRequest, served: ServedHere) -> Template:
    """While it is typed: what is wrong, at its place; else how many rows it brings the person, and the first."""
    org, _, caller = await admin(served, request)
    typed = await typed_of(request)
    async with snapshot(org.pool) as database:
        kept, drafted = await _drafted(org, database, typed)
        wrong = drafted.wrong or await _wrong(org, database, kept, drafted.rule)
        stops = tuple(fault for fault in wrong if not fault.warning)
        if stops or not one(typed, "user"):
            return page("_wrong.html", wrong=stops)
        return await _tried(org, database, one(typed, "user"), Trial(drafted.rule, caller.rights))


async def _tried(org: Org, database: Database, who: str, trial: Trial) -> Template:
    try:
        holder = await holder_of(org, database, who)
        found = await tried(org, database, holder, trial)
    except Refused as refused:
        return page("_wrong.html", wrong=(Wrong("", refused.problem.message),))
    return page("_tried.html", tried=found, holder=holder)


async def _kept(org: Org, typed: Typed) -> Kept | None:
    async with snapshot(org.pool) as database:
        return await _named(org, database, typed)


async def _named(org: Org, database: Database, typed: Typed) -> Kept | None:
    """The rule that is edited; None for a new one."""
    return await kept_rule(org, database, one(typed, "id")) if one(typed, "id") else None


async def _drafted(org: Org, database: Database, typed: Typed) -> tuple[Kept | None, Drafted]:
    kept = await _named(org, database, typed)
    return kept, draft(typed, kept)


async def _wrong(org: Org, database: Database, kept: Kept | None, rule: SyncRule) -> tuple[Wrong, ...]:
    rules = dict(await org.scopes.rules_by_id(database))
    proposal = Proposal(kept.id if kept is not None else None, rule)
    return _told(rule, (fault for _, fault in faults_of(org.catalog, rules, [proposal])))


def _told(rule: SyncRule, faults: Iterable[Fault]) -> tuple[Wrong, ...]:
    return tuple(
        Wrong(
            fault.attribute,
            fault.sentence,
            pointed(rule.where or "", fault.at) if fault.attribute == "where" and not fault.warning else "",
            fault.warning,
        )
        for fault in faults
    )


RULE_PARTS = [edit_filter, validate, preview_rule, try_rule, live]
