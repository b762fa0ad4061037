"""The note of home that an admin wants everything loaded anew: now, later, or from its day on with the next sync."""

from __future__ import annotations

from datetime import date
from typing import Any

from litestar import get, post
from litestar.response import Template

from fieldsync.web.field.context import AnyRequest, Field, FieldHere, WorldHere


def reload_values(app: Field, today: date) -> dict[str, Any]:
    """What the note shows; nothing in a support session, while a sync runs, and where the person said Later since he
    opened the app. What is due is told again."""
    wanted = None if app.support() or app.runner.running else app.device.updates.reload()
    if wanted is None:
        return {"reload": None}
    due = date.fromisoformat(wanted.due)
    overdue = due <= today
    if app.runner.later == wanted.due and not overdue:
        return {"reload": None}
    return {
        "reload": {
            "overdue": overdue,
            "day": app.manner.whole_day(due),
            "message": wanted.message,
            "bytes": app.device.updates.full_bytes(),
        }
    }


@get("/parts/reload", sync_to_thread=True)
def reload_note(request: AnyRequest, app: FieldHere, world: WorldHere) -> Template:
    """The note, live."""
    return app.page(request, "_reload.html", **reload_values(app, world.clock.now().date()))


@post("/reload/later", status_code=200, sync_to_thread=True)
def reload_later(request: AnyRequest, app: FieldHere) -> Template:
    """Not now: it is told again when the app is opened the next time."""
    app.require(request)
    wanted = app.device.updates.reload()
    app.runner.later = wanted.due if wanted is not None else ""
    return app.page(request, "_reload.html", reload=None)


RELOAD_NOTE = [reload_note, reload_later]
