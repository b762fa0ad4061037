"""The sync pages and their acts: every kind of sync, how far it is, what became of it, and prompts."""

from __future__ import annotations

from typing import Any

from litestar import Response, get, post
from litestar.response import Redirect, Template

from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Code, Refused, problem
from fieldsync.device import Phase, SyncKind
from fieldsync.web.field.context import AnyRequest, Field, FieldHere, sentence_of
from fieldsync.web.field.form.sent import form_of
from fieldsync.web.field.sync.prompts import Prompt, PromptFacts, prompt
from fieldsync.web.kit.tongue import N_, _

STARTED = (SyncKind.INCREMENTAL, SyncKind.FULL, SyncKind.UPLOAD_ONLY, SyncKind.VERIFY)
"""The kinds a person may start (FEATURES E34)."""
AGAIN = "again"
"""Whatever was started last."""
STEPS = (
    (Phase.UPLOAD, N_("Sending what you saved")),
    (Phase.MODEL, N_("Objects, fields and rights")),
    (Phase.DOWNLOAD, N_("Getting what is new")),
    (Phase.CHECK, N_("Comparing with the server")),
)


@get("/sync", sync_to_thread=True)
def sync(request: AnyRequest, app: FieldHere) -> Template:
    """The widgets, every kind of sync, the queue and the history."""
    account = app.device.account
    model_at = account.model_at if account is not None else None
    values = {"queue": app.device.queue(), "syncs": app.device.syncs(), "model_at": model_at}
    values |= {"files": app.device.media.waiting(), "full_bytes": app.device.updates.full_bytes()}
    values |= {"territories": app.device.territories.mine(), "picked": app.device.territories.picked()}
    return app.page(request, "sync.html", here="sync", **values, **app.widget_values(), **app.update_values())


@get("/sync/running", sync_to_thread=True)
def running(request: AnyRequest, app: FieldHere) -> Template:
    """A sync that the person started, full screen."""
    return app.page(request, "running.html", **_progress(app))


@get("/parts/progress", sync_to_thread=True)
def progress(request: AnyRequest, app: FieldHere) -> Template:
    """How far the sync is, live."""
    return app.page(request, "_progress.html", **_progress(app))


def _progress(app: Field) -> dict[str, Any]:
    widget, ended = app.device.widget(), app.runner.ended
    order = [phase for phase, _label in STEPS]
    at = order.index(widget.phase) if app.runner.running and widget.phase in order else -1
    steps = [
        (_(label), "done" if place < at else "now" if place == at else "next")
        for place, (_phase, label) in enumerate(STEPS)
    ]
    reason = ended.problem if ended is not None else None
    report = ended.report if ended is not None else None
    busy = app.runner.running
    files = app.device.media.waiting() if report is not None and not busy else (0, 0)
    return {
        "files": files,
        "busy": busy,
        "widget": widget,
        "steps": steps,
        "reason": reason,
        "report": report,
    }


@get("/syncs/{number:int}", sync_to_thread=True)
def tracked(request: AnyRequest, app: FieldHere, number: int) -> Template:
    """One sync with everything that is tracked of it (FEATURES I)."""
    found = next((report for report in app.device.syncs() if report.number == number), None)
    if found is None:
        raise Refused(problem(Code.NOT_FOUND, object="sync", id=RecordId(str(number))))
    return app.page(request, "tracked.html", here="sync", sync=found)


@post("/sync/run/{kind:str}", status_code=200, sync_to_thread=True)
def start(request: AnyRequest, app: FieldHere, kind: str) -> Response[Any] | Template:
    """Start a sync and watch it."""
    app.require(request)
    try:
        if kind not in (*STARTED, AGAIN):
            raise Refused(problem(Code.NOT_FOUND, object="sync", id=kind))
        app.runner.again() if kind == AGAIN else app.runner.start(kind)
    except Refused as refused:
        return app.widget(request, sentence_of(refused))
    return Response(None, headers={"hx-redirect": "/sync/running"})


@post("/sync/territory", status_code=200)
async def switch_territory(request: AnyRequest, app: FieldHere) -> Response[Any]:
    """Work in another territory: what waits goes up, then everything comes anew."""
    form = await form_of(request)
    app.require(request, form)
    app.runner.switch(RecordId(form["territory"]) if form.get("territory") else None)
    return Redirect("/sync/running", status_code=303)


@post("/sync/cancel", status_code=200, sync_to_thread=True)
def cancel(request: AnyRequest, app: FieldHere) -> Template:
    """Enough of it: what was sent stays sent."""
    app.require(request)
    app.device.cancel_sync()
    return app.page(request, "_progress.html", **_progress(app))


@get("/parts/update", sync_to_thread=True)
def update(request: AnyRequest, app: FieldHere) -> Template:
    """The Status widget, live."""
    return app.page(request, "_update.html", **app.update_values())


@post("/updates/{act:str}", status_code=200, sync_to_thread=True)
def act_on_update(request: AnyRequest, app: FieldHere, act: str) -> Template:
    """Prepare an update, apply it, or stop preparing."""
    app.require(request)
    said = ""
    if act == "apply":
        app.runner.apply()
    elif act == "cancel":
        app.device.updates.cancel()
    else:
        try:
            app.runner.prepare_asked()
        except Refused as refused:
            said = sentence_of(refused)
    return app.page(request, "_update.html", said=said, **app.update_values())


@get("/parts/prompt", sync_to_thread=True)
def prompted(request: AnyRequest, app: FieldHere, here: str = "") -> Template:
    """What has to be asked or told now."""
    shown = None if app.support() else _prompt(app, watching=here == "running")
    return app.page(request, "_prompt.html", prompt=shown, next_bytes=app.device.updates.next_bytes())


def _prompt(app: Field, *, watching: bool) -> Prompt | None:
    widget = app.device.widget()
    errors = app.runner.errors() if widget.errors else frozenset[int | str]()
    facts = PromptFacts(
        errors=errors,
        seen_errors=app.runner.seen_errors,
        sync_ended=app.runner.ended is not None,
        sync_due=widget.sync_due,
        asked=app.runner.asked,
        online=app.device.online,
        media_waiting=app.runner.media_waiting(),
        busy=app.runner.running or watching,
    )
    return prompt(facts)


@post("/prompts/close", status_code=200, sync_to_thread=True)
def close_prompt(request: AnyRequest, app: FieldHere) -> Template:
    """The person has seen it, or says no until the next sign-in."""
    app.require(request)
    app.runner.saw_errors()
    app.runner.ended, app.runner.asked, app.runner.told_of_media = None, True, True
    return app.page(request, "_prompt.html", prompt=None)


SYNC_PAGES = [
    sync,
    running,
    progress,
    tracked,
    start,
    switch_territory,
    cancel,
    update,
    act_on_update,
    prompted,
    close_prompt,
]
