"""The pages of a first start, before anybody's store is open: server, sign-in, PIN; each names why it cannot go on."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Callable
from typing import Any

from litestar import get, post
from litestar.response import Redirect, Template

from fieldsync.base.problems import Code, Refused, problem
from fieldsync.device.keys.latch import By
from fieldsync.device.transport.reach import Found, address_of, is_open, look
from fieldsync.web.field.begin import failures
from fieldsync.web.field.begin.failures import Failure, Step
from fieldsync.web.field.begin.hall import AnyRequest, Hall, HallHere, NoRights
from fieldsync.web.field.form.sent import form_of
from fieldsync.web.kit.tongue import N_, sentence

STEPS = (
    (Step.SERVER, N_("Server")),
    (Step.SIGN_IN, N_("Sign-in")),
    (Step.SECRET, N_("PIN")),
    (Step.DOWNLOAD, N_("Download")),
)


def steps(at: Step, by: By) -> list[tuple[str, str]]:
    """Label and state of each step, for the line above the page."""
    order = [step for step, _ in STEPS]
    here = order.index(Step.DOWNLOAD if at is Step.TERRITORY else at)
    labels = [label if label != "PIN" or by is By.PIN else N_("Passphrase") for _, label in STEPS]
    return [(label, "done" if n < here else "now" if n == here else "next") for n, label in enumerate(labels)]


def failed(request: AnyRequest, hall: Hall, step: Step, failure: Failure, again: str = "") -> Template:
    """The page of a failure; `again` is where one tries once more."""
    values = {"failure": failure, "again": again or f"/begin/{step}", "people": hall.people.all()}
    return hall.page(request, "begin_failed.html", steps=steps(step, hall.takes()), **values)


@get("/begin", sync_to_thread=False)
def begin(hall: HallHere) -> Redirect:
    """Where the start is."""
    at = hall.beginning
    step = Step.SECRET if at.device is not None else Step.SIGN_IN if at.server else Step.SERVER
    return Redirect(f"/begin/{step}", status_code=303)


@get("/begin/server", sync_to_thread=True)
def server(request: AnyRequest, hall: HallHere) -> Template:
    """Asks for the server's address."""
    return hall.page(request, "begin_server.html", **_common(hall, Step.SERVER), server=_shown(hall))


def _shown(hall: Hall) -> str:
    known = [person.about.server for person in hall.people.all()]
    return hall.beginning.server or (known[0] if known else "")


@post("/begin/server/look", status_code=200)
async def find_server(request: AnyRequest, hall: HallHere) -> Template | Redirect:
    """Is there one of ours?"""
    form = await form_of(request)
    hall.require(request, form)
    typed = form.get("server", "")
    hall.beginning.server = ""
    address = address_of(typed)
    found = Found.NO_ADDRESS if address is None else await asyncio.to_thread(look, address)
    if address is None or found is not Found.OURS:
        hall.beginning.server = typed
        failure = failures.of_address(found)
        return await asyncio.to_thread(failed, request, hall, Step.SERVER, failure)
    hall.beginning.server = address
    return Redirect("/begin/sign-in", status_code=303)


@get("/begin/sign-in", sync_to_thread=True)
def sign_in(request: AnyRequest, hall: HallHere) -> Template | Redirect:
    """Asks who it is."""
    at = hall.beginning
    if address_of(at.server) != at.server:
        return Redirect("/begin/server", status_code=303)
    values = {"server": at.server, "org": at.org, "username": at.username, "unsafe": is_open(at.server)}
    return hall.page(request, "begin_sign_in.html", **_common(hall, Step.SIGN_IN), **values)


@post("/begin/sign-in/go", status_code=200)
async def signing_in(request: AnyRequest, hall: HallHere) -> Template | Redirect:
    """Register this device for the person."""
    form = await form_of(request)
    hall.require(request, form)

    def begun() -> None:
        hall.sign_in(form.get("org", ""), form.get("username", ""), form.get("password", ""))

    return await tried(request, hall, Step.SIGN_IN, begun, "/begin/secret")


@get("/begin/secret", sync_to_thread=True)
def secret(request: AnyRequest, hall: HallHere) -> Template | Redirect:
    """Asks for a PIN; on a machine without a key store for a passphrase, and says why."""
    if hall.beginning.device is None:
        return Redirect("/begin", status_code=303)
    return hall.page(request, "begin_secret.html", **_common(hall, Step.SECRET), said="")


@post("/begin/secret/keep", status_code=200)
async def keep_secret(request: AnyRequest, hall: HallHere) -> Template | Redirect:
    """From here on it opens the folder."""
    form = await form_of(request)
    hall.require(request, form)
    if hall.beginning.device is None:
        return Redirect("/begin", status_code=303)
    try:
        await asyncio.to_thread(hall.keep, twice(form))
    except Refused as refused:
        found = refused.problem
        if found.code is Code.WEAK_PASSWORD:
            common = await asyncio.to_thread(_common, hall, Step.SECRET)
            return hall.page(request, "begin_secret.html", **common, said=sentence(found))
        return await asyncio.to_thread(failed, request, hall, Step.SECRET, failures.of_problem(Step.SECRET, found))
    return Redirect("/begin/territory", status_code=303)


@post("/begin/abandon", status_code=200)
async def abandon(request: AnyRequest, hall: HallHere) -> Redirect:
    """Not now: nothing of it stays."""
    form = await form_of(request)
    hall.require(request, form)
    await asyncio.to_thread(hall.abandon)
    return Redirect(await asyncio.to_thread(hall.first_page), status_code=303)


async def tried(
    request: AnyRequest, hall: Hall, step: Step, act: Callable[[], None], then: str, again: str = ""
) -> Template | Redirect:
    """Do it, and go on; or the page of why not."""
    try:
        await asyncio.to_thread(act)
    except NoRights:
        failure = failures.NO_RIGHTS
    except Refused as refused:
        failure = failures.of_problem(step, refused.problem)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        failure = failures.DISK_FULL
    else:
        return Redirect(then, status_code=303)
    return await asyncio.to_thread(failed, request, hall, step, failure, again)


def twice(form: dict[str, str]) -> str:
    """What was typed two times the same. Raises Refused(WEAK_PASSWORD)."""
    if form.get("secret", "") != form.get("again", ""):
        raise Refused(problem(Code.WEAK_PASSWORD, reason=N_("the two are not the same")))
    return form.get("secret", "")


def _common(hall: Hall, step: Step) -> dict[str, Any]:
    by = hall.takes()
    return {"steps": steps(step, by), "by": by, "people": hall.people.all()}


BEGIN_PAGES: list[Any] = [begin, server, find_server, sign_in, signing_in, secret, keep_secret, abandon]
