"""The Console's pages of sync rules: the list with what a person's device holds, and one rule to look at and change."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

import msgspec
from litestar import Response, get, post
from litestar.response import Redirect, Template

from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Code, Refused, problem
from fieldsync.protocol.session import Platform
from fieldsync.protocol.upload import Item
from fieldsync.schema.sync_rule import COLUMNS, EVERY_DEVICE, RuleType, SyncRule
from fieldsync.server.configuration.simple import Operator, ValueType
from fieldsync.server.http.context import ServedHere
from fieldsync.server.org.bring_in import draw_ids
from fieldsync.server.org.runtime import Org
from fieldsync.server.oversight.scope.held import counting, held
from fieldsync.server.oversight.scope.holders import holder_of
from fieldsync.server.oversight.scope.kept import Kept, created, kept_rule, kept_rules, usernames
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.postgres.work import snapshot
from fieldsync.server.scope.rules import OBJECT
from fieldsync.server.scope.tokens import known_tokens
from fieldsync.web.console.door import AnyRequest, admin, admin_org, form_of_page, refusals
from fieldsync.web.console.pages import SEE_OTHER
from fieldsync.web.console.rules.form import Drafted, Typed, Wrong, draft, one

OPERATORS = ("AND", "OR", "NOT", "IN", "LIKE", "INCLUDES", "EXCLUDES", "null", "true", "false")
UNITS = ("WEEK", "MONTH", "QUARTER", "YEAR")
DAYS = ("TODAY", "YESTERDAY", "TOMORROW", "LAST_N_DAYS:", "NEXT_N_DAYS:", "LAST_90_DAYS", "NEXT_90_DAYS")
STRETCHES = (*DAYS, *(f"{side}_{unit}" for side in ("LAST", "THIS", "NEXT") for unit in UNITS))
_ATTRIBUTES = {column: name for name, column in COLUMNS.items()}


def page(name: str, **values: Any) -> Template:
    """A page or part of one."""
    return Template(template_name=name, context={"here": "rules", **values})


@dataclass(frozen=True)
class Asked:
    """What the list is asked for; empty takes all."""

    object: str = ""
    device: str = ""
    profile: str = ""
    active: str = ""
    user: str = ""

    def shows(self, kept: Kept) -> bool:
        """Whether a rule is in the list."""
        rule = kept.rule
        fits = (self.object, self.device, self.profile, self.active)
        has = (rule.object, rule.device, kept.profile, "on" if rule.active else "off")
        return all(wanted in ("", given) for wanted, given in zip(fits, has, strict=True))

    @property
    def query(self) -> str:
        """As an address has it."""
        return urlencode(vars(self))


def _asked(request: AnyRequest) -> Asked:
    return Asked(**{name: str(request.query_params.get(name, "")) for name in vars(Asked())})


@get("/rules")
async def rules(request: AnyRequest, served: ServedHere) -> Template:
    """The list; how many rows a person's device holds comes after the page."""
    org, page_token = await admin_org(served, request)
    asked = _asked(request)
    async with snapshot(org.pool) as database:
        kept = await kept_rules(org, database)
        people = await usernames(org, database)
    shown = [found for found in kept if asked.shows(found)]
    choices = {"objects": sorted({found.rule.object for found in kept}), "people": people, **_choices(org)}
    return page("rules.html", rules=shown, asked=asked, counts=None, page_token=page_token, **choices)


@get("/parts/rules")
async def counted_rules(request: AnyRequest, served: ServedHere) -> Template:
    """The list with counts for the person asked for."""
    org, _ = await admin_org(served, request)
    asked = _asked(request)
    told: dict[str, Any] = {"said": "", "counts": {}, "counting": frozenset()}
    async with snapshot(org.pool) as database:
        kept = await kept_rules(org, database)
        try:
            device = asked.device if asked.device in set(Platform) else None
            holder = await holder_of(org, database, asked.user, device)
            told["counts"] = {found.object: found for found in await held(org, database, holder)}
            told["counting"] = await counting(org, database, holder)
        except Refused as refused:
            told["said"] = refused.problem.message
    return page("_rules.html", rules=[f for f in kept if asked.shows(f)], asked=asked, **told)


def _choices(org: Org) -> dict[str, Any]:
    return {"devices": (EVERY_DEVICE, *Platform), "profiles": sorted(org.catalog.profiles)}


@get("/rules/new")
async def new_rule(request: AnyRequest, served: ServedHere, object: str = "", like: str = "") -> Template:
    """An empty form, or one like a rule that is there, to be assigned to others."""
    org, page_token = await admin_org(served, request)
    drafted = Drafted(SyncRule(object=object, type=RuleType.TOP_LEVEL))
    async with snapshot(org.pool) as database:
        if like:
            known = await kept_rule(org, database, like)
            drafted = Drafted(msgspec.structs.replace(known.rule, active=False, required=False))
        return await rule_page(org, database, None, drafted, page_token)


@get("/rules/{rule_id:str}")
async def one_rule(request: AnyRequest, served: ServedHere, rule_id: str, said: str = "") -> Template:
    """One rule."""
    org, page_token = await admin_org(served, request)
    async with snapshot(org.pool) as database:
        kept = await kept_rule(org, database, rule_id)
        told = "Saved." if said == "saved" else ""
        return await rule_page(org, database, kept, Drafted(kept.rule), page_token, told)


async def rule_page(
    org: Org, database: Database, kept: Kept | None, drafted: Drafted, page_token: str, said: str = "", person: str = ""
) -> Template:
    """The form with what was drafted."""
    values = {"kept": kept, "rule": drafted.rule, "filter": drafted.filter, "wrong": drafted.wrong, "said": said}
    choices = {"types": tuple(RuleType), "objects": sorted(org.catalog.objects), **_choices(org), **filter_choices()}
    profile = kept.profile if kept is not None and not drafted.wrong else drafted.rule.profile or ""
    people = await usernames(org, database)
    told = {"profile": profile, "people": people, "fields": field_names(org, drafted.rule.object), "person": person}
    return page("rule.html", page_token=page_token, words=condition_words(org), **told, **values, **choices)


def filter_choices() -> dict[str, Any]:
    """What the rows of the filter offer."""
    return {"operators": tuple(Operator), "value_types": tuple(ValueType)}


def field_names(org: Org, name: str) -> tuple[str, ...]:
    """The fields of an object."""
    return tuple(org.catalog[name].fields) if name in org.catalog else ()


def condition_words(org: Org) -> tuple[str, ...]:
    """What a condition may hold beside fields: tokens, operators and stretches of time."""
    return (*(f"@@{token}@@" for token in sorted(known_tokens(org.catalog))), *OPERATORS, *STRETCHES)


async def typed_of(request: AnyRequest) -> Typed:
    """The form of a page of this session. Raises PermissionDeniedException."""
    form = await form_of_page(request)
    return {name: [str(value) for value in form.getall(name)] for name in form}


@post("/rules/save", status_code=200)
async def save_rule(request: AnyRequest, served: ServedHere) -> Response[Any] | Template:
    """Save, switch on or off, or delete; what is refused is shown in its field."""
    org, page_token, _ = await admin(served, request)
    typed = await typed_of(request)
    async with snapshot(org.pool) as database:
        kept = await kept_rule(org, database, one(typed, "id")) if one(typed, "id") else None
        drafted = _switched(draft(typed, kept), one(typed, "act"))
        if kept is not None and str(kept.stamp) != one(typed, "stamp"):
            stale = Wrong("", "Somebody changed this rule meanwhile; open it again to see it as it is now.")
            drafted = replace(drafted, wrong=(stale,))
        if drafted.wrong:
            return await rule_page(org, database, kept, drafted, page_token)
    item, rule_id = await _item(org, one(typed, "act"), kept, drafted.rule)
    refused = await _saved(org, request, item) if item is not None else ()
    if refused:
        async with snapshot(org.pool) as database:
            return await rule_page(org, database, kept, replace(drafted, wrong=refused), page_token)
    place = "/console/rules" if one(typed, "act") == "delete" else f"/console/rules/{rule_id}?said=saved"
    return Redirect(place, status_code=SEE_OTHER)


def _switched(drafted: Drafted, act: str) -> Drafted:
    """The rule switched on or off where one of these buttons was pressed."""
    active = act == "on" if act in ("on", "off") else drafted.rule.active
    return replace(drafted, rule=msgspec.structs.replace(drafted.rule, active=active))


async def _item(org: Org, act: str, kept: Kept | None, rule: SyncRule) -> tuple[Item | None, RecordId]:
    if kept is None:
        if rule.object not in org.catalog:
            raise Refused(problem(Code.UNKNOWN_OBJECT, object=rule.object))
        [rule_id] = await draw_ids(org, [OBJECT])
        return created(rule_id, rule), rule_id
    return (kept.deleted() if act == "delete" else kept.changed_to(rule)), kept.id


async def _saved(org: Org, request: AnyRequest, item: Item) -> tuple[Wrong, ...]:
    """What was refused."""
    refused = await refusals(org, request, item)
    return tuple(Wrong(_ATTRIBUTES.get(p.field or "", ""), p.message) for p in refused)


RULE_PAGES = [rules, counted_rules, new_rule, one_rule, save_rule]
