"""All sync rules and settings as one file, out and in: checked first, then saved whole or not at all (FEATURES A36)."""

from __future__ import annotations

from typing import Any

from litestar import Response, get, post
from litestar.datastructures import UploadFile
from litestar.response import Template

from fieldsync.base.problems import Refused
from fieldsync.protocol import wire
from fieldsync.schema.rules_import import read_own, write_own
from fieldsync.server.configuration.judge import There, Wish, judge
from fieldsync.server.configuration.keep import kept_in, save_all
from fieldsync.server.http.context import ServedHere
from fieldsync.server.org.runtime import Org
from fieldsync.web.console.door import AnyRequest, admin_org, require_page

BYTES_MAX = 8_000_000


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
    """Which file."""
    _, page_token = await admin_org(served, request)
    return _page(page_token)


@post("/rules/import", status_code=200)
async def import_rules(request: AnyRequest, served: ServedHere) -> Template:
    """Check the file and say what is wrong with it; save it where that is wished and nothing is."""
    org, page_token = await admin_org(served, request)
    form = await request.form()
    require_page(request, str(form.get("page_token", "")))
    given = form.get("file")
    content = await given.read(BYTES_MAX) if isinstance(given, UploadFile) else b""
    try:
        return _page(page_token, **await _brought(org, content, save=form.get("act") == "save"))
    except Refused as refused:
        return _page(page_token, said=refused.problem.message)


async def _brought(org: Org, content: bytes, *, save: bool) -> dict[str, Any]:
    read = read_own(content, "the file")
    judged = judge(read, There(org.catalog, (await kept_in(org)).profiles), Wish())
    told: dict[str, Any] = {"judged": judged, "checked": True}
    if save and not judged.refused:
        told["saved"] = await save_all(org, judged, lambda _: None)
    return told


def _page(page_token: str, **told: Any) -> Template:
    values = {"said": "", "judged": None, "saved": None, "checked": False, **told}
    return Template("rules_import.html", context={"here": "rules", "page_token": page_token, **values})


RULE_FILES = [export_rules, import_page, import_rules]
