"""The lock's page and acts, and the middleware that stands before every other page."""

from __future__ import annotations

import asyncio
from typing import Any

from litestar import Request, Response, get, post
from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.response import Redirect, Template
from litestar.types import ASGIApp, Receive, Scope, Send

from fieldsync.web.field.context import AnyRequest, FieldHere
from fieldsync.web.field.form.sent import form_of
from fieldsync.web.field.lock.lock import Answered, Lock
from fieldsync.web.kit.tongue import N_, _

LOCKED = 423
OPEN_WHILE_LOCKED = ("/locked", "/static/", "/lock/", "/presence")
BY_ITSELF = ("/views/", "/presence")
"""What pages send without a person."""
SAID = {
    Answered.WRONG: N_("That passphrase does not open this device."),
    Answered.TOO_SOON: N_("Wait a little before the next try."),
    Answered.STOPPED: N_("Too many wrong tries: the app has stopped. Start it again."),
}


class LockGate(ASGIMiddleware):
    """While it is locked, only the lock's own pages answer. What a person does keeps it open."""

    scopes = (ScopeType.HTTP,)

    def __init__(self, lock: Lock) -> None:
        self._lock = lock

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        request: Request[Any, Any, Any] = Request(scope, receive=receive)
        navigates = request.headers.get("sec-fetch-mode") == "navigate"
        if navigates or (request.method == "POST" and not request.url.path.startswith(BY_ITSELF)):
            self._lock.touch()
        opened = request.query_params.get("launch") or request.url.path.startswith(OPEN_WHILE_LOCKED)
        if opened or not self._lock.locked:
            await next_app(scope, receive, send)
            return
        refused: Response[Any] = Response("Locked.", status_code=LOCKED, media_type="text/plain")
        answer = Redirect("/locked", status_code=303) if navigates and request.method == "GET" else refused
        await answer.to_asgi_response(None, request)(scope, receive, send)


@get("/locked", sync_to_thread=False)
def locked(request: AnyRequest, app: FieldHere) -> Template | Redirect:
    """Asks for the passphrase."""
    if app.lock is None or not app.lock.locked:
        return Redirect("/")
    return app.page(request, "locked.html", said="", tries_left=app.lock.tries_left)


@post("/lock/open", status_code=200)
async def unlock(request: AnyRequest, app: FieldHere) -> Response[Any] | Template:
    """The passphrase, right or wrong."""
    form = await form_of(request)
    app.require(request, form)
    if app.lock is None:
        return Redirect("/", status_code=303)
    answered = await asyncio.to_thread(app.lock.answer, form.get("passphrase", ""))
    if answered is Answered.OPEN:
        return Redirect("/", status_code=303)
    return app.page(request, "locked.html", said=_(SAID[answered]), tries_left=app.lock.tries_left)


@post("/lock/close", status_code=200)
async def lock_now(request: AnyRequest, app: FieldHere) -> Response[None]:
    """Lock by hand."""
    form = await form_of(request)
    app.require(request, form)
    if app.lock is not None:
        app.lock.close()
    return Redirect("/locked", status_code=303)


@get("/lock/state", sync_to_thread=False)
def lock_state(request: AnyRequest, app: FieldHere) -> dict[str, bool]:
    """Asked by open pages, so that what they show goes when the app locks."""
    app.door.page_token(request)
    return {"locked": app.lock is not None and app.lock.locked}


LOCK_PAGES = [locked, unlock, lock_now, lock_state]
