"""The middleware before every page: the way in by a link, the lock while nobody is here, the first download."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from litestar import Request, Response
from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Receive, Scope, Send

from fieldsync.web.field.lock.seat import LOCKED, Seat

AnyRequest = Request[Any, Any, Any]
OPEN_TO_ALL = ("/static/", "/locked", "/lock/", "/begin")
UNCOUNTED = ("/live", "/static/", "/lock/", "/locked", "/people/")
"""What never ends, or itself closes the store: nothing waits for it."""
BY_ITSELF = ("/views/", "/presence")
"""What pages send without a person."""


class Gate(ASGIMiddleware):
    """While nobody is here, only the pages before one answer. What a person does keeps the app open."""

    scopes = (ScopeType.HTTP,)

    def __init__(
        self, seat: Seat, enter: Callable[[AnyRequest, str], Response[Any]], first_page: Callable[[], str]
    ) -> None:
        self._seat, self._enter, self._first_page = seat, enter, first_page

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        request: AnyRequest = Request(scope, receive=receive)
        path, seat = request.url.path, self._seat
        answer: Response[Any] | None = None
        if path == "/" and request.query_params.get("launch"):
            answer = self._enter(request, request.query_params["launch"])
        elif not path.startswith(OPEN_TO_ALL):
            answer = await self._kept_out(request)
        if answer is not None:
            await answer.to_asgi_response(None, request)(scope, receive, send)
            return
        navigates = request.headers.get("sec-fetch-mode") == "navigate"
        if navigates or (request.method == "POST" and not path.startswith(BY_ITSELF)):
            seat.idle.touch()
        if path.startswith(UNCOUNTED):
            await next_app(scope, receive, send)
            return
        with seat.answering():
            await next_app(scope, receive, send)

    async def _kept_out(self, request: AnyRequest) -> Response[Any] | None:
        """The answer to who may not come further now."""
        asked = request.headers.get("sec-fetch-mode") == "navigate" and request.method == "GET"
        seat = self._seat
        await asyncio.to_thread(seat.look)
        field = seat.field
        if field is None and request.url.path == "/presence":
            return Response(None, status_code=204)
        if field is None:
            if asked:
                to = await asyncio.to_thread(self._first_page)
                return _redirect(to)
            return Response("Locked.", status_code=LOCKED, media_type="text/plain")
        account = field.device.account
        if asked and seat.person is not None and account is not None and account.as_of is None and not seat.later:
            return _redirect("/begin/territory" if field.runner.ended is None else "/begin/download")
        return None


def _redirect(to: str) -> Response[Any]:
    return Response(None, status_code=303, headers={"location": to})
