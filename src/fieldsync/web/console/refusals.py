"""What the Console cannot do, as a page for whoever opens one; anything else that asks is answered as by the server."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

from litestar import MediaType, Response, get
from litestar.exceptions import NotFoundException
from litestar.types import ExceptionHandlersMap

from fieldsync.protocol.wire import ErrorBody
from fieldsync.server.http.context import ServedHere
from fieldsync.server.http.errors import HANDLERS
from fieldsync.web.console.door import AnyRequest, somebody

NOTHING, BUGS = 404, 500
HEADINGS = {403: "That is not allowed", NOTHING: "There is nothing here"}
NOWHERE = ("This address leads nowhere: what it led to may be gone.", "Go back, or begin at Home.")


@get("/{rest:path}")
async def nowhere(request: AnyRequest, served: ServedHere, rest: str) -> NoReturn:
    """Any other address under the Console's, for who is signed in."""
    await somebody(served, request)
    raise NotFoundException


def _told(handle: Callable[[AnyRequest, Any], Response[ErrorBody]]) -> Callable[[AnyRequest, Any], Response[Any]]:
    def answer(request: AnyRequest, wrong: Exception) -> Response[Any]:
        answered = handle(request, wrong)
        if "text/html" not in request.headers.get("accept", "") or "hx-request" in request.headers:
            return answered
        found = answered.content.problem
        said = NOWHERE if isinstance(wrong, NotFoundException) else (found.message, found.remedy)
        return _page(request, answered, said)

    return answer


def _page(request: AnyRequest, answered: Response[ErrorBody], said: tuple[str, str]) -> Response[Any]:
    engine, status = request.app.template_engine, answered.status_code or BUGS
    assert engine is not None
    ours = "Something went wrong on our side" if status >= BUGS else "That did not work"
    html = engine.get_template("refused.html").render(heading=HEADINGS.get(status, ours), said=said)
    return Response(html, media_type=MediaType.HTML, status_code=status, headers=answered.headers)


AS_PAGES: ExceptionHandlersMap = {kind: _told(handle) for kind, handle in HANDLERS.items()}
