"""The Console's page of deploys: a file is read and planned; the plan is carried out as it was shown, or shown anew."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from litestar import get, post
from litestar.background_tasks import BackgroundTask
from litestar.datastructures import UploadFile
from litestar.response import Template

from fieldsync.base.problems import Code, Problem, Refused, problem
from fieldsync.schema.access import metadata_api
from fieldsync.schema.catalog import Catalog, decode, encode
from fieldsync.schema.sfdx import Level
from fieldsync.server.http.context import Served, ServedHere
from fieldsync.server.org.create import Deployed, deploy_catalog, prefixes_of
from fieldsync.server.org.recalculate import recalculate
from fieldsync.server.org.runtime import Org
from fieldsync.server.oversight.catalog.upload import Uploaded, read_upload
from fieldsync.web.console.door import AnyRequest, admin_org, require_page
from fieldsync.web.kit.pages import telling

UPLOAD_BYTES_MAX = 32 * 1024 * 1024
CATALOG_BYTES_MAX = 64 * 1024 * 1024
TAKEN_UP_SECONDS = 10


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
        steps = "\n".join(step.sql for step in self.deployed.plan.steps)
        return hashlib.sha256(f"{self.catalog.version}\n{steps}".encode()).hexdigest()


def _page(page_token: str, values: Mapping[str, Any], wrong: Problem | None = None) -> Template:
    empty = {"uploaded": None, "planned": None, "done": None, "issues": (), "ignored": 0, "warnings": ()}
    shown = {"here": "setup", "page_token": page_token, "wrong": wrong, **empty, **values}
    return telling(Template("deploy.html", context=shown), wrong)


@get("/deploy")
async def deploy_page(request: AnyRequest, served: ServedHere) -> Template:
    """Which file."""
    _, page_token = await admin_org(served, request)
    return _page(page_token, {})


@post("/deploy/plan", status_code=200, request_max_body_size=UPLOAD_BYTES_MAX)
async def plan_deploy(request: AnyRequest, served: ServedHere) -> Template:
    """What the file would do. Nothing is changed."""
    org, page_token = await admin_org(served, request)
    form = await request.form()
    require_page(request, str(form.get("page_token", "")))
    file = form.get("file")
    if not isinstance(file, UploadFile) or not file.filename:
        return _page(page_token, {}, problem(Code.UNUSABLE, what="This form", reason="no file was chosen"))
    try:
        found = await asyncio.to_thread(_read, served.uri, org, file.filename, await file.read())
        deployed = await asyncio.to_thread(_deploy, served.uri, org, found.catalog, (True, True))
    except Refused as refused:
        return _page(page_token, {}, refused.problem)
    issues = found.report.of(Level.UNSUPPORTED, Level.ERROR) if found.report is not None else ()
    ignored = len(found.report.of(Level.IGNORED)) if found.report is not None else 0
    warnings = (*found.warnings, *metadata_api.warnings(found.catalog.packs))
    told = {"uploaded": found, "issues": issues, "ignored": ignored, "warnings": dict.fromkeys(warnings)}
    return _page(page_token, {**told, "planned": Planned(found.catalog, deployed)})


def _read(uri: str, org: Org, name: str, content: bytes) -> Uploaded:
    return read_upload(name, content, org.catalog, prefixes_of(uri, org.name))


def _deploy(uri: str, org: Org, catalog: Catalog, how: tuple[bool, bool]) -> Deployed:
    """`how`: only plan it, and whether steps that lose data may run."""
    dry_run, allow_drop = how
    return deploy_catalog(uri, org.name, catalog, world=org.world, dry_run=dry_run, allow_drop=allow_drop)


@post("/deploy", status_code=200, request_max_body_size=UPLOAD_BYTES_MAX)
async def deploy_now(request: AnyRequest, served: ServedHere) -> Template:
    """Carry the plan out. Where the org moved meanwhile it is shown as it would be now."""
    org, page_token = await admin_org(served, request)
    form = {key: str(value) for key, value in (await request.form()).items()}
    require_page(request, form.get("page_token", ""))
    try:
        catalog = _unsealed(form.get("catalog", ""))
        planned = Planned(catalog, await asyncio.to_thread(_deploy, served.uri, org, catalog, (True, True)))
        if planned.mark != form.get("mark"):
            reason = "the data model changed meanwhile; here is the plan as it is now"
            return _page(page_token, {"planned": planned}, problem(Code.UNUSABLE, what="This plan", reason=reason))
        allowed = form.get("allow_drop") == "true"
        done = await asyncio.to_thread(_deploy, served.uri, org, catalog, (False, allowed))
    except Refused as refused:
        return _page(page_token, {}, refused.problem)
    page = _page(page_token, {"done": done})
    if done.applied and await _taken_up(served, org.name, catalog.version):
        page.background = BackgroundTask(_sum_up, served, org.name)
    return page


def _unsealed(text: str) -> Catalog:
    try:
        unpacker = zlib.decompressobj()
        return decode(unpacker.decompress(base64.b64decode(text, validate=True), CATALOG_BYTES_MAX))
    except (ValueError, zlib.error):
        raise Refused(problem(Code.BAD_REQUEST, reason="this is no plan of this page")) from None


async def _taken_up(served: Served, name: str, version: str) -> bool:
    """Wait until this server works with the catalog: until then it answers nobody."""
    for _ in range(TAKEN_UP_SECONDS * 10):
        if served.orgs[name].catalog.version == version:
            return True
        await asyncio.sleep(0.1)
    return False


async def _sum_up(served: Served, name: str) -> None:
    """Roll-ups that are new or sum up differently."""
    await recalculate(served.orgs[name], lambda *_: None)


DEPLOY_PAGES = [deploy_page, plan_deploy, deploy_now]
