"""All sync rules and settings as files: one out; in, ours or those of other systems (FEATURES A01, A36).

What is brought in is checked and previewed first, then saved whole or not at all.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from litestar import Response, get, post
from litestar.datastructures import FormMultiDict, UploadFile
from litestar.response import Template

from fieldsync.base.problems import Code, Problem, Refused, problem
from fieldsync.protocol import wire
from fieldsync.schema.rules_import import Configuration, Level, of_level, read_brought, told_once, write_own
from fieldsync.server.configuration.judge import Judged, There, Wish, judge
from fieldsync.server.configuration.keep import Kept, Saved, kept_in, rules_as_brought, save_all
from fieldsync.server.http.context import ServedHere
from fieldsync.server.org.runtime import Org
from fieldsync.server.oversight.scope.preview import Asked, Preview, preview
from fieldsync.server.oversight.scope.proposal import Proposal
from fieldsync.server.postgres.work import snapshot
from fieldsync.server.save.batch import Caller
from fieldsync.web.console.door import AnyRequest, admin, admin_org, form_of_page
from fieldsync.web.kit.pages import telling

BYTES_MAX = 32 * 1024 * 1024
LEVELS = {
    Level.ERROR: "Refused",
    Level.UNSUPPORTED: "Not taken over",
    Level.WARNING: "Taken over, to be looked at",
    Level.IGNORED: "Left out: it does not matter to what is synchronised",
}
"""What is told of each kind of finding, in this order."""


@dataclass(frozen=True)
class _Brought:
    """What was read, what of it fits, and what came of it."""

    read: Configuration
    judged: Judged
    strangers: dict[str, str]
    """Profiles the files name and the org lacks, to the one here that was chosen for each."""
    saved: Saved | None = None
    preview: Preview | None = None

    @property
    def told(self) -> dict[str, Any]:
        """Findings by heading."""
        by_level = {said: told_once(of_level(self.judged.findings, level)) for level, said in LEVELS.items()}
        return {said: told for said, told in by_level.items() if told}


@get("/rules/export", media_type=wire.CONTENT_JSON)
async def export_rules(request: AnyRequest, served: ServedHere) -> Response[bytes]:
    """The file."""
    org, _ = await admin_org(served, request)
    kept = await kept_in(org)
    content = write_own(kept.sync_rules().values(), kept.sync_settings().values())
    named = {"content-disposition": f'attachment; filename="{org.name}-sync-rules.json"'}
    return Response(content, media_type=wire.CONTENT_JSON, headers=named)


@get("/rules/import")
async def import_page(request: AnyRequest, served: ServedHere) -> Template:
    """Which files."""
    org, page_token = await admin_org(served, request)
    return _page(org, page_token)


@post("/rules/import", status_code=200, request_max_body_size=BYTES_MAX)
async def import_rules(request: AnyRequest, served: ServedHere) -> Template:
    """Check the files and say what is wrong with them; preview or save them where that is wished and nothing is."""
    org, page_token, caller = await admin(served, request)
    form = await form_of_page(request)
    try:
        files = [(one.filename, await one.read()) for one in _chosen(form)]
        read = await asyncio.to_thread(read_brought, files)
        brought = await _brought(org, caller, read, form)
    except Refused as refused:
        return _page(org, page_token, wrong=refused.problem)
    return _page(org, page_token, brought=brought, only_known=_only_known(form))


def _chosen(form: FormMultiDict) -> list[UploadFile]:
    return [one for one in form.getall("file") if isinstance(one, UploadFile) and one.filename]


def _only_known(form: FormMultiDict) -> bool:
    return form.get("only_known") == "true"


async def _brought(org: Org, caller: Caller, read: Configuration, form: FormMultiDict) -> _Brought:
    kept = await kept_in(org)
    there = There(org.catalog, kept.profiles)
    chosen = dict(zip(map(str, form.getall("stranger", [])), map(str, form.getall("profile", [])), strict=False))
    if not set(chosen.values()) <= {"", *kept.profiles.values()}:
        raise Refused(problem(Code.BAD_REQUEST, reason="a profile was chosen that is not here"))
    wish = Wish(_only_known(form), {name: here for name, here in chosen.items() if here})
    judged = judge(read, there, wish)
    strangers = {name: chosen.get(name, "") for name in _strangers(read, there)}
    if judged.refused or form.get("act") not in ("save", "preview"):
        return _Brought(read, judged, strangers)
    if form.get("act") == "preview":
        return _Brought(read, judged, strangers, preview=await _previewed(org, caller, kept, judged))
    return _Brought(read, judged, strangers, saved=await save_all(org, judged, lambda _: None))


def _strangers(read: Configuration, there: There) -> list[str]:
    """Profiles by name, or by id where that is all that is said, which the org lacks. Pure."""
    rules = [one.rule for one in read.rules]
    named = {rule.profile or rule.profile_id for rule in rules} | {one.setting.profile for one in read.settings}
    here = {*there.profiles, *there.profiles.values(), *there.catalog.profiles}
    return sorted(name for name in named if name and name not in here)


async def _previewed(org: Org, caller: Caller, kept: Kept, judged: Judged) -> Preview:
    proposals = tuple(Proposal(rule_id, rule) for rule_id, rule in rules_as_brought(kept, judged.rules))
    async with snapshot(org.pool) as database:
        return await preview(org, database, Asked(proposals, caller.rights))


def _page(org: Org, page_token: str, wrong: Problem | None = None, **told: Any) -> Template:
    values = {"brought": None, "only_known": False, "profiles": sorted(org.catalog.profiles), **told}
    shown = {"here": "rules", "page_token": page_token, "wrong": wrong, **values}
    return telling(Template("rules_import.html", context=shown), wrong)


RULE_FILES = [export_rules, import_page, import_rules]
