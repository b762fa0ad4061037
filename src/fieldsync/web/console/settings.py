"""The Console's page of sync settings (FEATURES J23)."""

from __future__ import annotations

from typing import Any

from litestar import Response, get, post
from litestar.response import Redirect, Template

from fieldsync.schema.rules_import.sync_setting import SETTINGS
from fieldsync.server.http.context import ServedHere
from fieldsync.server.org.bring_in import draw_ids
from fieldsync.server.org.runtime import Org
from fieldsync.server.oversight.settings import OBJECT, fault_of, kept_settings, profile_ids, setting_change
from fieldsync.server.postgres.work import snapshot
from fieldsync.web.console.door import AnyRequest, admin_org, refusals, require_page
from fieldsync.web.console.pages import SEE_OTHER


async def _page(org: Org, page_token: str, *, setting: str = "", wrong: str = "", said: str = "") -> Template:
    async with snapshot(org.pool) as database:
        kept = await kept_settings(org, database)
    names = [*SETTINGS, *sorted({one.setting for one in kept} - SETTINGS.keys())]
    rows = [(name, SETTINGS.get(name), [one for one in kept if one.setting == name]) for name in names]
    told = {"setting": setting, "wrong": wrong, "said": said, "profiles": sorted(org.catalog.profiles)}
    return Template("settings.html", context={"here": "setup", "page_token": page_token, "rows": rows, **told})


@get("/settings")
async def settings(request: AnyRequest, served: ServedHere, said: str = "") -> Template:
    """Every setting, with its value for the org and for profiles."""
    org, page_token = await admin_org(served, request)
    return await _page(org, page_token, said=f"{said} is saved." if said in SETTINGS else "")


@post("/settings/save", status_code=200)
async def save_setting(request: AnyRequest, served: ServedHere) -> Response[Any] | Template:
    """One value; an empty one takes it away, so that the org's or the product's own counts."""
    org, page_token = await admin_org(served, request)
    form = await request.form()
    require_page(request, str(form.get("page_token", "")))
    setting, profile, value = (str(form.get(name, "")).strip() for name in ("setting", "profile", "value"))
    async with snapshot(org.pool) as database:
        kept, profiles = await kept_settings(org, database), await profile_ids(org, database)
    wrong = fault_of(setting, value)
    if profile and profile not in profiles:
        wrong = f"There is no profile {profile}"
    there = next((one for one in kept if (one.setting, one.profile) == (setting, profile)), None)
    if wrong is None and (there is None and not value):
        wrong = "It has no value here to take away"
    if wrong is None and (there is None or there.value != value):
        [new_id] = await draw_ids(org, [OBJECT])
        item = setting_change(there, new_id, setting, (profiles.get(profile), value))
        refused = await refusals(org, request, item)
        wrong = refused[0].message if refused else None
    if wrong is not None:
        return await _page(org, page_token, setting=setting, wrong=wrong)
    return Redirect(f"/console/settings?said={setting}", status_code=SEE_OTHER)


SETTING_PAGES = [settings, save_setting]
