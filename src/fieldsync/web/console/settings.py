"""The Console's pages of sync settings: all of them with what counts for a person and why, and each to be changed
(FEATURES J23, F10)."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlencode

from litestar import Response, get, post
from litestar.response import Redirect, Template

from fieldsync.base.problems import Code, Problem, Refused, problem
from fieldsync.schema.rules_import.sync_setting import SettingGroup, SettingKind
from fieldsync.server.http.context import ServedHere
from fieldsync.server.org.bring_in import draw_ids
from fieldsync.server.org.runtime import Org
from fieldsync.server.oversight.settings import (
    OBJECT,
    KeptSetting,
    fault_of,
    in_force,
    kept_settings,
    kinds_of,
    profile_ids,
    profile_of,
    setting_change,
)
from fieldsync.server.postgres.work import snapshot
from fieldsync.web.console.door import AnyRequest, admin_org, form_of_page, refusals
from fieldsync.web.console.pages import SEE_OTHER
from fieldsync.web.kit.pages import telling

GROUPS: Final = {
    SettingGroup.MOBILE: "On devices",
    SettingGroup.PROCESSOR: "Processing what devices send",
    SettingGroup.FEED: "Between a person's devices",
    SettingGroup.SECURITY: "Security",
}


TITLES: Final = {
    "Related_Record_Names": "Names of related records out of reach",
    "Nightly_Sync": "Sync at night by itself",
    "Off_Wifi_Megabytes_Max": "Megabytes off Wi-Fi",
    "Days_Offline_Max": "Days without a sync",
    "Overdue_Days": "Days until edits are overdue",
    "Idle_Minutes_Max": "Idle minutes before the lock",
    "Items_Per_Transaction_Max": "Records in one part of a save",
    "Send_Retries_Max": "Sends in vain before it is told",
    "Accounts_Max": "Most accounts on a device",
    "Rows_Max": "Most rows on a device",
    "Processor_Retries_Max": "Most retries of a transaction",
    "Device_Log_Days": "Days that device logs are kept",
    "Poll_Seconds": "Seconds between two looks for news",
}
"""What people read for a setting; others by their name."""
SWITCHED: Final = {"true": "Yes", "false": "No"}


def title_of(name: str) -> str:
    """The setting as a person reads it. Pure."""
    return TITLES.get(name) or name.replace("_", " ")


def said_of(value: str, kind: SettingKind | None) -> str:
    """A value as a person reads it: a switch is on or off. Pure."""
    return SWITCHED.get(value, value) if kind is not None and set(kind.choices) == SWITCHED.keys() else value


def _template(file: str, page_token: str, /, **told: Any) -> Template:
    return Template(
        file, context={"here": "setup", "page_token": page_token, "title_of": title_of, "said_of": said_of, **told}
    )


@get("/settings")
async def settings(request: AnyRequest, served: ServedHere, user: str = "") -> Template:
    """Every setting: the product's value, the org's, those of profiles, and what counts for a chosen person."""
    org, page_token = await admin_org(served, request)
    kinds, wrong, profile = kinds_of(org.catalog), None, ""
    async with snapshot(org.pool) as database:
        kept = await kept_settings(org, database)
        try:
            profile = await profile_of(org, database, user.strip()) if user.strip() else ""
        except Refused as refused:
            wrong = refused.problem
    groups = []
    for group, title in GROUPS.items():
        names = [name for name, kind in kinds.items() if kind.group is group]
        groups.append((title, [_row(org, name, kept, profile) for name in names]))
    others = sorted({one.setting for one in kept} - kinds.keys())
    if others:
        groups.append(("Others, which nothing of the product follows", [_row(org, n, kept, profile) for n in others]))
    told = {"groups": groups, "user": user.strip(), "profile": profile, "wrong": wrong}
    return telling(_template("settings.html", page_token, **told), wrong)


def _row(org: Org, name: str, kept: tuple[KeptSetting, ...], profile: str) -> dict[str, Any]:
    kind, mine = kinds_of(org.catalog).get(name), [one for one in kept if one.setting == name]
    return {
        "name": name,
        "kind": kind,
        "org": next((one.value for one in mine if not one.profile), ""),
        "own": [one for one in mine if one.profile],
        "counts": in_force(name, kind, mine, profile),
    }


@get("/settings/{name:str}")
async def one_setting(request: AnyRequest, served: ServedHere, name: str, said: str = "") -> Template:
    """One setting, for the org and for each profile."""
    org, page_token = await admin_org(served, request)
    return await _setting(org, page_token, name, said="Saved." if said == "saved" else "")


async def _setting(org: Org, page_token: str, name: str, wrong: Problem | None = None, **told: str) -> Template:
    async with snapshot(org.pool) as database:
        kept = [one for one in await kept_settings(org, database) if one.setting == name]
    kind = kinds_of(org.catalog).get(name)
    if kind is None and not kept:
        raise Refused(problem(Code.NOT_FOUND, object="The setting", id=name))
    profiles = [] if kind is not None and kind.org_only else sorted(org.catalog.profiles)
    places = [
        (profile, next((one for one in kept if one.profile == profile), None), in_force(name, kind, kept, profile))
        for profile in ("", *profiles)
    ]
    values = {"name": name, "kind": kind, "places": places, "wrong": wrong, "said": "", "at": "", "typed": "", **told}
    return telling(_template("setting.html", page_token, **values), wrong)


@post("/settings/{name:str}", status_code=200)
async def save_setting(request: AnyRequest, served: ServedHere, name: str) -> Response[Any] | Template:
    """One value; an empty one takes it away, so that the org's or the product's own counts."""
    org, page_token = await admin_org(served, request)
    form = await form_of_page(request)
    profile, value = (str(form.get(name, "")).strip() for name in ("profile", "value"))
    async with snapshot(org.pool) as database:
        kept, profiles = await kept_settings(org, database), await profile_ids(org, database)
    there = next((one for one in kept if (one.setting, one.profile) == (name, profile)), None)
    kind = kinds_of(org.catalog).get(name)
    if kind is None and there is None:
        raise Refused(problem(Code.NOT_FOUND, object="The setting", id=name))
    fault = fault_of(kind, value, profile)
    if profile and profile not in profiles:
        fault = f"There is no profile {profile}"
    wrong: tuple[Problem, ...] = () if fault is None else (problem(Code.UNUSABLE, what="This value", reason=fault),)
    if not wrong and (there.value if there is not None else "") != value:
        [new_id] = await draw_ids(org, [OBJECT])
        wrong = await refusals(org, request, setting_change(there, new_id, name, (profiles.get(profile), value)))
    if wrong:
        return await _setting(org, page_token, name, wrong[0], at=profile, typed=value)
    return Redirect(f"/console/settings/{name}?{urlencode({'said': 'saved'})}", status_code=SEE_OTHER)


SETTING_PAGES = [settings, one_setting, save_setting]
