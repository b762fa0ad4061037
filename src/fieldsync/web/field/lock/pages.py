"""The lock screen: who, and the PIN; or the sign-in password, online. And the page on the people of this device."""

from __future__ import annotations

import asyncio
from typing import Any

from litestar import get, post
from litestar.response import Redirect, Template

from fieldsync.base.problems import Code, Refused, problem
from fieldsync.device.keys.latch import By
from fieldsync.device.people import Person
from fieldsync.web.field.begin.failures import Step, of_problem
from fieldsync.web.field.begin.hall import AnyRequest, Hall, HallHere
from fieldsync.web.field.begin.pages import failed, twice
from fieldsync.web.field.context import FieldHere
from fieldsync.web.field.form.sent import form_of
from fieldsync.web.kit.tongue import N_, _, ngettext, sentence, told

WRONG = {By.PIN: N_("That is not your PIN."), By.PASSPHRASE: N_("That passphrase does not open this device.")}
ERASED = N_("That was wrong too often. Nothing is lost: your sign-in password opens it, online.")
TOLD_FROM = 7
"""So many tries left are told of."""


@get("/locked", sync_to_thread=True)
def locked(request: AnyRequest, hall: HallHere, person: str = "") -> Template | Redirect:
    """Who is there? Then the PIN."""
    if hall.seat.field is not None:
        return Redirect("/")
    people = hall.people.all()
    if not people:
        return Redirect("/begin")
    chosen = people[0] if len(people) == 1 else hall.people.get(person)
    if chosen is None:
        return hall.page(request, "locked_who.html", people=people)
    return _asking(request, hall, chosen)


def _asking(request: AnyRequest, hall: Hall, person: Person, said: str = "") -> Template:
    latch = hall.people.latch(person)
    by, left = latch.asks, latch.tries_left
    if by is By.PASSWORD:
        return _asking_password(request, hall, person, said)
    values = {"person": person, "several": len(hall.people.all()) > 1, "said": said, "rescue": latch.has_rescue}
    told = left if left <= TOLD_FROM and latch.has_rescue else 0
    return hall.page(request, "locked.html", **values, by=by, tries_left=told)


@post("/lock/open", status_code=200)
async def unlock(request: AnyRequest, hall: HallHere) -> Template | Redirect:
    """The PIN, right or wrong."""
    form = await form_of(request)
    hall.require(request, form)
    return await asyncio.to_thread(_unlock, request, hall, form)


def _unlock(request: AnyRequest, hall: Hall, form: dict[str, str]) -> Template | Redirect:
    person = hall.people.get(form.get("person", ""))
    if person is None:
        return Redirect("/locked", status_code=303)
    by = hall.people.latch(person).asks
    try:
        hall.unlock(person, form.get("secret", ""))
    except Refused as refused:
        match refused.problem.code:
            case Code.WRONG_KEY:
                gone = hall.people.latch(person).asks is By.PASSWORD
                said = _(ERASED if gone else WRONG.get(by, ERASED))
            case Code.BUSY:
                wait = max(1, round(hall.waits.seconds(person.id)))
                said = ngettext(
                    "Wait %(n)d second before the next try.", "Wait %(n)d seconds before the next try.", wait
                ) % {"n": wait}
            case _:
                said = told(refused.problem)
        return _asking(request, hall, person, said)
    return Redirect("/", status_code=303)


@get("/lock/password", sync_to_thread=True)
def forgotten(request: AnyRequest, hall: HallHere, person: str = "") -> Template | Redirect:
    """Asks for the sign-in password, and a new PIN."""
    found = hall.people.get(person)
    if found is None or not hall.people.latch(found).has_rescue:
        return Redirect("/locked", status_code=303)
    return _asking_password(request, hall, found)


def _asking_password(request: AnyRequest, hall: Hall, person: Person, said: str = "") -> Template:
    latch = hall.people.latch(person)
    values = {"person": person, "several": len(hall.people.all()) > 1, "said": said}
    return hall.page(request, "locked_password.html", **values, by=latch.takes, erased=latch.asks is By.PASSWORD)


@post("/lock/password/open", status_code=200)
async def by_password(request: AnyRequest, hall: HallHere) -> Template | Redirect:
    """The password opens it, and the new PIN from here on."""
    form = await form_of(request)
    hall.require(request, form)
    return await asyncio.to_thread(_by_password, request, hall, form)


def _by_password(request: AnyRequest, hall: Hall, form: dict[str, str]) -> Template | Redirect:
    person = hall.people.get(form.get("person", ""))
    if person is None:
        return Redirect("/locked", status_code=303)
    try:
        hall.rescue(person, form.get("password", ""), twice(form))
    except Refused as refused:
        found = refused.problem
        if found.code in (Code.WEAK_PASSWORD, Code.WRONG_KEY):
            return _asking_password(request, hall, person, sentence(found))
        again = f"/lock/password?person={person.id}"
        return failed(request, hall, Step.SIGN_IN, of_problem(Step.SIGN_IN, found), again)
    return Redirect("/", status_code=303)


@post("/lock/close", status_code=200)
async def lock_now(request: AnyRequest, hall: HallHere) -> Redirect:
    """Lock by hand."""
    form = await form_of(request)
    hall.require(request, form)
    await asyncio.to_thread(hall.seat.leave)
    return Redirect("/locked", status_code=303)


@get("/lock/state", sync_to_thread=False)
def lock_state(request: AnyRequest, hall: HallHere) -> dict[str, bool]:
    """Asked by open pages, so that what they show goes when the app locks."""
    hall.seat.door.page_token(request)
    return {"locked": hall.seat.field is None}


@post("/lock/touch", status_code=204, sync_to_thread=False)
def touch(request: AnyRequest, hall: HallHere) -> None:
    """The person reads, scrolls or types."""
    hall.require(request, {})
    hall.seat.idle.touch()


@get("/people", sync_to_thread=True)
def people(request: AnyRequest, app: FieldHere, hall: HallHere) -> Template:
    """Who works on this device, and what one may do about oneself."""
    return _people(request, app, hall)


def _people(request: AnyRequest, app: FieldHere, hall: Hall, said: str = "", done: str = "") -> Template:
    here = hall.seat.person
    if here is None:
        raise Refused(problem(Code.NOT_FOUND, object="page", id="people"))
    asks = hall.people.latch(here).asks
    waiting = [*app.device.queue(), *app.device.errors()]
    values = {"mine": here, "others": [p for p in hall.people.all() if p.id != here.id], "said": said, "done": done}
    values |= {"by": asks, "waiting": waiting, "files": app.device.media.unsent()}
    values |= {"signed_in": app.device.membership.signed_in}
    return app.page(request, "people.html", here="people", **values)


@post("/people/{act:str}", status_code=200)
async def act_on_people(request: AnyRequest, app: FieldHere, hall: HallHere, act: str) -> Template | Redirect:
    """Sign out, sign in again, another PIN, or everything of mine away from this device."""
    form = await form_of(request)
    app.require(request, form)
    return await asyncio.to_thread(_act, request, app, hall, (act, form))


def _act(request: AnyRequest, app: FieldHere, hall: Hall, asked: tuple[str, dict[str, str]]) -> Template | Redirect:
    act, form = asked
    try:
        match act:
            case "sign-out":
                app.device.membership.sign_out()
                hall.seat.leave()
                return Redirect("/locked", status_code=303)
            case "sign-in":
                hall.sign_in_again(form.get("password", ""))
                return _people(request, app, hall, done=_("You are signed in again. Syncs go on."))
            case "secret":
                hall.change_secret(form.get("old", ""), twice(form))
                return _people(request, app, hall, done=_("Changed. It is asked for the next time."))
            case "remove":
                return _remove(request, app, hall, form)
            case _:
                raise Refused(problem(Code.NOT_FOUND, object="page", id=act))
    except Refused as refused:
        found = refused.problem
        as_it_is = act != "sign-in" or found.code is Code.TOO_MANY_SIGN_INS
        said = sentence(found) if as_it_is else _(of_problem(Step.SIGN_IN, found).heading)
        return _people(request, app, hall, said=said)


def _remove(request: AnyRequest, app: FieldHere, hall: Hall, form: dict[str, str]) -> Template | Redirect:
    """What waits unsent is named, and has to be given up by name."""
    waiting = len(app.device.queue()) + len(app.device.errors()) + len(app.device.media.unsent())
    if waiting and form.get("lose") != str(waiting):
        return _people(request, app, hall, said=_("Send what waits first, or tick that it may be lost."))
    hall.remove()
    return Redirect(hall.first_page(), status_code=303)


LOCK_PAGES: list[Any] = [locked, unlock, forgotten, by_password, lock_now, lock_state, touch, people, act_on_people]
