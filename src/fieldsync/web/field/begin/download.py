"""The end of a first start: a territory where there are several, and the first download, live. A kill costs nothing."""

from __future__ import annotations

from typing import Any

from litestar import get, post
from litestar.response import Redirect, Template

from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Code, Refused
from fieldsync.device import Phase
from fieldsync.web.field.begin.failures import Failure, Step, of_problem
from fieldsync.web.field.begin.hall import AnyRequest, HallHere
from fieldsync.web.field.begin.pages import failed, steps, tried
from fieldsync.web.field.context import Field, FieldHere
from fieldsync.web.field.form.sent import form_of
from fieldsync.web.field.sync.runner import Ended
from fieldsync.web.kit.tongue import N_

WORDS = {
    Phase.UPLOAD: N_("Greeting the server"),
    Phase.MODEL: N_("Getting objects, fields and rights"),
    Phase.DOWNLOAD: N_("Getting your records"),
    Phase.CHECK: N_("Comparing with the server"),
}


@get("/begin/territory", sync_to_thread=True)
def territory(request: AnyRequest, app: FieldHere, hall: HallHere) -> Template | Redirect:
    """Asks in which of several this device works; one is taken without a question."""
    try:
        offered = app.device.territories.offered()
    except Refused as refused:
        failure = of_problem(Step.DOWNLOAD, refused.problem)
        return failed(request, hall, Step.TERRITORY, failure, "/begin/territory")
    if len(offered) < 2:
        return Redirect("/begin/download", status_code=303)
    shown = steps(Step.TERRITORY, hall.takes())
    return app.page(request, "begin_territory.html", steps=shown, territories=offered)


@post("/begin/territory/pick", status_code=200)
async def pick(request: AnyRequest, app: FieldHere, hall: HallHere) -> Template | Redirect:
    """The first download is of this one."""
    form = await form_of(request)
    app.require(request, form)
    chosen = RecordId(form["territory"]) if form.get("territory") else None

    def picked() -> None:
        app.device.territories.pick(chosen)

    return await tried(request, hall, Step.DOWNLOAD, picked, "/begin/download", "/begin/territory")


@get("/begin/download", sync_to_thread=True)
def download(request: AnyRequest, app: FieldHere, hall: HallHere) -> Template | Redirect:
    """The first download; it begins by itself, and goes on where it was."""
    account = app.device.account
    if account is not None and account.as_of is not None and not app.runner.running:
        return Redirect("/", status_code=303)
    if not app.runner.running and app.runner.ended is None:
        _start(app)
    return app.page(request, "begin_download.html", **_progress(app, hall))


@get("/begin/progress", sync_to_thread=True)
def progress(request: AnyRequest, app: FieldHere, hall: HallHere) -> Template:
    """How far it is, live."""
    return app.page(request, "_begin_download.html", **_progress(app, hall))


@post("/begin/download/{act:str}", status_code=200, sync_to_thread=True)
def act_on(request: AnyRequest, app: FieldHere, hall: HallHere, act: str) -> Template:
    """Go on, or stop."""
    app.require(request)
    if act == "cancel":
        app.device.cancel_sync()
    else:
        _start(app)
    return app.page(request, "_begin_download.html", **_progress(app, hall))


@post("/begin/later", status_code=200)
async def later(request: AnyRequest, app: FieldHere, hall: HallHere) -> Redirect:
    """Into the app without the download: home says that a sync is due."""
    form = await form_of(request)
    app.require(request, form)
    hall.seat.later = True
    return Redirect("/people" if form.get("to") == "people" else "/", status_code=303)


def _start(app: Field) -> None:
    try:
        app.runner.start("incremental")
    except Refused as refused:
        if refused.problem.code is not Code.SYNC_RUNNING:
            app.runner.ended = Ended("incremental", None, refused.problem)


def _progress(app: Field, hall: HallHere) -> dict[str, Any]:
    widget, ended, busy = app.device.widget(), app.runner.ended, app.runner.running
    found = ended.problem if ended is not None and not busy else None
    canceled = found is not None and found.code is Code.SYNC_CANCELED
    failure: Failure | None = None if found is None or canceled else of_problem(Step.DOWNLOAD, found)
    done, whole = widget.down
    return {
        "steps": steps(Step.DOWNLOAD, hall.takes()),
        "busy": busy,
        "canceled": canceled,
        "failure": failure,
        "doing": WORDS.get(widget.phase or Phase.UPLOAD, ""),
        "done": done,
        "whole": max(whole, done),
        "report": ended.report if ended is not None and not busy and failure is None else None,
        "files": app.device.media.waiting() if ended is not None and not busy else (0, 0),
    }


DOWNLOAD_PAGES: list[Any] = [territory, pick, download, progress, act_on, later]
