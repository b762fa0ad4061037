"""The Console's pages of people: all of them, one with what may be done, and profiles with what they give."""

from __future__ import annotations

from typing import Any

from litestar import Response, get, post
from litestar.response import Redirect, Template

from fieldsync.base.ids import RecordId, is_id
from fieldsync.base.problems import Code, Problem, Refused, problem
from fieldsync.protocol.upload import Change, Item, Operation
from fieldsync.schema.access.permissions import Access
from fieldsync.server.http.context import ServedHere
from fieldsync.server.org.bring_in import draw_ids
from fieldsync.server.org.runtime import Org
from fieldsync.server.oversight.people.credential import set_password
from fieldsync.server.oversight.people.leaver import owned
from fieldsync.server.oversight.people.person import Given, Person, choices, people, person
from fieldsync.server.postgres.work import snapshot
from fieldsync.web.console.door import AnyRequest, admin_org, form_of_page, refusals
from fieldsync.web.console.pages import SEE_OTHER

FLAGS = {"IsActive", "Force_Refresh", "Debug_Logging"}
GIFTS = {
    "set": ("Permission_Set_Assignment", "AssigneeId", "Permission_SetId"),
    "territory": ("User_Territory", "UserId", "TerritoryId"),
}
"""What a person is given: the object whose record says so, the field of the person, and that of what is given."""
SAID = {"saved": "Saved.", "password": "The password is set; every session of this person has ended."}


@get("/people")
async def people_page(request: AnyRequest, served: ServedHere, search: str = "") -> Template:
    """Everybody."""
    org, page_token = await admin_org(served, request)
    async with snapshot(org.pool) as database:
        found = await people(org, database, search.strip())
    values = {"people": found, "search": search, "here": "people", "page_token": page_token}
    return Template("people.html", context=values)


async def person_values(org: Org, page_token: str, user_id: str) -> dict[str, Any]:
    """What the page of a person tells. Raises Refused(NOT_FOUND)."""
    async with snapshot(org.pool) as database:
        found = await person(org, database, user_id)
        owns = await owned(org, database, user_id)
        everybody = [one for one in await people(org, database, "") if one.active and one.id != user_id]
        lists = {name: await choices(org, database, name) for name in ("Profile", "Permission_Set", "Territory")}
    told = {"person": found, "owns": owns, "everybody": everybody, "lists": lists, "here": "people"}
    return {**told, "page_token": page_token, "said": "", "wrong": None, "today": org.world.clock.now().date()}


async def person_page(org: Org, page_token: str, user_id: str, wrong: Problem | None = None) -> Template:
    """The page, with what went wrong."""
    return Template("person.html", context={**await person_values(org, page_token, user_id), "wrong": wrong})


@get("/people/{user_id:str}")
async def one_person(request: AnyRequest, served: ServedHere, user_id: str, said: str = "") -> Template:
    """One person."""
    org, page_token = await admin_org(served, request)
    values = await person_values(org, page_token, user_id)
    return Template("person.html", context={**values, "said": SAID.get(said, "")})


@post("/people/{user_id:str}/{act:str}", status_code=200)
async def act_on_person(request: AnyRequest, served: ServedHere, user_id: str, act: str) -> Response[Any] | Template:
    """Switch something, give something or take it back: each a save like any other, so it is in the journal."""
    org, page_token = await admin_org(served, request)
    form = {key: str(value).strip() for key, value in (await form_of_page(request)).items()}
    async with snapshot(org.pool) as database:
        found = await person(org, database, user_id)
    try:
        if act == "password":
            await set_password(org, RecordId(found.id), str(found.values["Username"]), form.get("password", ""))
            return Redirect(f"/console/people/{user_id}?said=password", status_code=SEE_OTHER)
        item = await _item(org, found, act, form)
    except Refused as refused:
        return await person_page(org, page_token, user_id, refused.problem)
    if wrong := await refusals(org, request, item):
        return await person_page(org, page_token, user_id, wrong[0])
    return Redirect(f"/console/people/{user_id}?said=saved", status_code=SEE_OTHER)


async def _item(org: Org, found: Person, act: str, form: dict[str, str]) -> Item:
    """The save an act is. Raises Refused(BAD_REQUEST)."""
    if act == "switch" and form.get("field") in FLAGS:
        was = bool(found.values[form["field"]])
        return _changed(found, {form["field"]: Change(was, not was)})
    if act == "profile" and is_id(form.get("profile")):
        return _changed(found, {"ProfileId": Change(found.values["ProfileId"], form["profile"])})
    kind, _, what = act.partition("-")
    if kind == "give" and what in GIFTS and is_id(form.get("of")):
        name, holder, of = GIFTS[what]
        [new_id] = await draw_ids(org, [name])
        values = {holder: found.id, of: form["of"]} | _dates(what, form)
        return Item(name, new_id, Operation.CREATE, {c: Change(None, v) for c, v in values.items() if v})
    if kind == "take" and what in GIFTS:
        given = _given(found, what, form.get("id", ""))
        if what == "set":
            return Item(GIFTS[what][0], RecordId(given.id), Operation.DELETE, {}, given.stamp)
        ended = Change(given.until or None, org.world.clock.now().date().isoformat())
        return Item(GIFTS[what][0], RecordId(given.id), Operation.UPDATE, {"End_Date": ended}, given.stamp)
    raise Refused(problem(Code.BAD_REQUEST, reason="there is no such act"))


def _dates(what: str, form: dict[str, str]) -> dict[str, str]:
    if what == "territory":
        return {"Start_Date": form.get("start", ""), "End_Date": form.get("end", "")}
    day = form.get("end", "")
    return {"Expiration_Date": f"{day}T00:00:00+00:00"} if day else {}


def _changed(found: Person, changes: dict[str, Change]) -> Item:
    return Item("User", RecordId(found.id), Operation.UPDATE, changes, found.stamp)


def _given(found: Person, what: str, record_id: str) -> Given:
    given = next((one for one in (found.sets if what == "set" else found.territories) if one.id == record_id), None)
    if given is None:
        raise Refused(problem(Code.NOT_FOUND, object="The assignment", id=record_id))
    return given


@get("/profiles")
async def profiles_page(request: AnyRequest, served: ServedHere, name: str = "") -> Template:
    """What a profile or permission set gives, object by object: part of the data model, so a deploy changes it."""
    org, page_token = await admin_org(served, request)
    catalog = org.catalog
    everyone = [(n, p.label, "profile") for n, p in catalog.profiles.items()]
    everyone += [(n, s.label, "permission set") for n, s in catalog.permission_sets.items()]
    chosen = name if name in {n for n, _, _ in everyone} else everyone[0][0]
    is_profile = chosen in catalog.profiles
    rights = org.rights.of(chosen) if is_profile else org.rights.of("", (chosen,))
    marks = (Access.READ, Access.CREATE, Access.EDIT, Access.DELETE, Access.VIEW_ALL, Access.MODIFY_ALL)
    rows = [
        (o.name, o.plural, [rights.may(o.name, mark) for mark in marks], _hidden(org, chosen, o.name)) for o in catalog
    ]
    rows.sort(key=lambda row: (not any(row[2]), row[1]))
    told = {"everyone": everyone, "chosen": chosen, "rows": rows, "marks": [m.value.replace("_", " ") for m in marks]}
    values = {**told, "system": sorted(p.value for p in rights.system), "here": "people", "page_token": page_token}
    return Template("profiles.html", context=values)


def _hidden(org: Org, name: str, object_name: str) -> str:
    """Fields that this profile or set says something of."""
    given = org.catalog.profiles.get(name) or org.catalog.permission_sets[name]
    return ", ".join(f"{field}: {access.value}" for field, access in given.fields.get(object_name, {}).items())


PEOPLE_PAGES = [people_page, one_person, act_on_person, profiles_page]
