"""The Console's page of deploys: a file is read and planned; the plan is carried out as it was shown, or shown anew."""

from __future__ import annotations

import asyncio
import base64
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from litestar import Response, get, post
from litestar.datastructures import UploadFile
from litestar.response import Redirect, Template

from fieldsync.base.problems import Code, Problem, Refused, problem
from fieldsync.schema.access import metadata_api
from fieldsync.schema.catalog import Catalog, decode, encode
from fieldsync.schema.sfdx import Level
from fieldsync.server.http.context import ServedHere
from fieldsync.server.org.create import Deployed, deploy_catalog, prefixes_of
from fieldsync.server.org.runtime import Org
from fieldsync.server.oversight.catalog.deploying import Deploy, ask_deploy, mark_of, newest_deploy
from fieldsync.server.oversight.catalog.upload import Uploaded, read_upload
from fieldsync.server.postgres.work import snapshot, transaction
from fieldsync.web.console.door import AnyRequest, admin, admin_org, form_of_page, name_of
from fieldsync.web.console.pages import SEE_OTHER
from fieldsync.web.kit.pages import telling

UPLOAD_BYTES_MAX = 32 * 1024 * 1024
CATALOG_BYTES_MAX = 64 * 1024 * 1024


@dataclass(frozen=True)
class Planned:
    """A catalog that may be deployed, and what that takes."""

    catalog: Catalog
    deployed: Deployed

    @property
    def sealed(self) -> str:
        """The catalog as the form carries it."""
        return base64.b64encode(zlib.compress(encode(self.catalog))).decode()

    @property
    def mark(self) -> str:
        """Of exactly these steps."""
        return mark_of(self.deployed.plan)


async def last_deploy(org: Org) -> dict[str, Any]:
    """The deploy that was asked for last, and where it stands, as pages show it."""
    async with snapshot(org.pool) as database:
        p, deploy = await newest_deploy(org, database) or (None, None)
    return {"p": p, "deploy": deploy}


async def _page(org: Org, page_token: str, values: Mapping[str, Any], wrong: Problem | None = None) -> Template:
    empty = {"uploaded": None, "planned": None, "issues": (), "ignored": 0, "warnings": (), **await last_deploy(org)}
    shown = {"here": "setup", "page_token": page_token, "wrong": wrong, **empty, **values}
    return telling(Template("deploy.html", context=shown), wrong)


@get("/deploy")
async def deploy_page(request: AnyRequest, served: ServedHere) -> Template:
    """Which file; and where the last deploy stands."""
    org, page_token = await admin_org(served, request)
    return await _page(org, page_token, {})


@post("/deploy/plan", status_code=200, request_max_body_size=UPLOAD_BYTES_MAX)
async def plan_deploy(request: AnyRequest, served: ServedHere) -> Template:
    """What the file would do. Nothing is changed."""
    org, page_token = await admin_org(served, request)
    form = await form_of_page(request)
    file = form.get("file")
    if not isinstance(file, UploadFile) or not file.filename:
        return await _page(org, page_token, {}, problem(Code.UNUSABLE, what="This form", reason="no file was chosen"))
    try:
        found = await asyncio.to_thread(_read, served.uri, org, file.filename, await file.read())
        deployed = await asyncio.to_thread(_planned, served.uri, org, found.catalog)
    except Refused as refused:
        return await _page(org, page_token, {}, refused.problem)
    issues = found.report.of(Level.UNSUPPORTED, Level.ERROR) if found.report is not None else ()
    ignored = len(found.report.of(Level.IGNORED)) if found.report is not None else 0
    warnings = (*found.warnings, *metadata_api.warnings(found.catalog.packs))
    told = {"uploaded": found, "issues": issues, "ignored": ignored, "warnings": dict.fromkeys(warnings)}
    return await _page(org, page_token, {**told, "planned": Planned(found.catalog, deployed)})


def _read(uri: str, org: Org, name: str, content: bytes) -> Uploaded:
    return read_upload(name, content, org.catalog, prefixes_of(uri, org.name))


def _planned(uri: str, org: Org, catalog: Catalog) -> Deployed:
    return deploy_catalog(uri, org.name, catalog, world=org.world, dry_run=True, allow_drop=True)


@post("/deploy", status_code=200, request_max_body_size=UPLOAD_BYTES_MAX)
async def deploy_now(request: AnyRequest, served: ServedHere) -> Response[Any] | Template:
    """Have the plan carried out by a job. Where the org moved meanwhile it is shown as it would be now."""
    org, page_token, caller = await admin(served, request)
    form = {key: str(value) for key, value in (await form_of_page(request)).items()}
    try:
        catalog = _unsealed(form.get("catalog", ""))
        planned = Planned(catalog, await asyncio.to_thread(_planned, served.uri, org, catalog))
        if planned.mark != form.get("mark"):
            reason = "the data model changed meanwhile; here is the plan as it is now"
            wrong = problem(Code.UNUSABLE, what="This plan", reason=reason)
            return await _page(org, page_token, {"planned": planned}, wrong)
        wanted = Deploy(catalog.version, planned.mark, allow_drop=form.get("allow_drop") == "true")
        by = await name_of(org, caller)
        async with transaction(org.pool) as database:
            await ask_deploy(org, database, catalog, wanted, by)
    except Refused as refused:
        return await _page(org, page_token, {}, refused.problem)
    return Redirect("/console/deploy", status_code=SEE_OTHER)


def _unsealed(text: str) -> Catalog:
    try:
        unpacker = zlib.decompressobj()
        return decode(unpacker.decompress(base64.b64decode(text, validate=True), CATALOG_BYTES_MAX))
    except (ValueError, zlib.error):
        raise Refused(problem(Code.BAD_REQUEST, reason="this is no plan of this page")) from None


DEPLOY_PAGES = [deploy_page, plan_deploy, deploy_now]
