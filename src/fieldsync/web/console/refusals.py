"""What the Console cannot do: a page for whoever opens one, a part of a page for a page that asked for one; anything
else that asks is answered as by the server. Who is not signed in is led to the entrance, and back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NoReturn
from urllib.parse import quote, urlsplit

from litestar import MediaType, Response, get
from litestar.exceptions import HTTPException, NotAuthorizedException, NotFoundException, PermissionDeniedException
from litestar.response import Redirect
from litestar.types import ExceptionHandlersMap

from fieldsync.base.problems import Code, Problem
from fieldsync.protocol.wire import ErrorBody
from fieldsync.server.http.context import ServedHere
from fieldsync.server.http.errors import HANDLERS
from fieldsync.web.console.door import COOKIE, WHOSE, AnyRequest, page_token, somebody
from fieldsync.web.console.typed import SessionEnded, StalePage

SEE_OTHER: Final = 303
NOBODY, NOTHING, BUGS = 401, 404, 500
ADDRESS_CHARACTERS_MAX = 2_000
ROOT, ENTRANCE = "/console", "/console/enter"
HEADINGS = {403: "That is not allowed", NOTHING: "There is nothing here"}
NOWHERE = ("This address leads nowhere: what it led to may be gone.", "Go back, or begin at Home.")
STALE = ("This page is from an earlier session: nothing was done.", "Load it anew, then do it again.")
SAID: dict[type[Exception], tuple[str, str]] = {
    NotFoundException: NOWHERE,
    PermissionDeniedException: STALE,
    StalePage: STALE,
}
PRESS = (STALE[0], "Do it again: this page is of your session now.")
ENDED = ("Your session has ended: nothing was done.", "")
KEPT = "Your session has ended: nothing was done. What you typed is kept until you are signed in again."
AGAIN = {
    Code.BUSY: "Try again in a moment.",
    Code.INTERNAL: "Try again in a moment. The log has number {number}.",
}
"""What a device does by itself and a person at a page does not."""


@get("/{rest:path}")
async def nowhere(request: AnyRequest, served: ServedHere, rest: str) -> NoReturn:
    """Any other address under the Console's, for who is signed in."""
    await somebody(served, request)
    raise NotFoundException


def way_back(address: str) -> str:
    """The path and query of a page of the Console, from an address somebody gave; empty for any other."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return ""
    page = parts.path == ROOT or parts.path.startswith(f"{ROOT}/")
    inside = page and parts.path not in (ENTRANCE, f"{ROOT}/leave")
    back = parts.path + (f"?{parts.query}" if parts.query else "")
    return back if inside and len(back) <= ADDRESS_CHARACTERS_MAX else ""


def _to_entrance(request: AnyRequest, ended: NotAuthorizedException) -> Response[Any]:
    """Who is not signed in is shown the form, which takes along what was typed; a page that stands open keeps it."""
    asks = request.headers.get
    opened = str(request.url) if request.method == "GET" else asks("referer", "")
    back = way_back(asks("hx-current-url", opened))
    entrance = f"{ENTRANCE}?next={quote(back, safe='')}" if back not in ("", ROOT) else ENTRANCE
    if "hx-request" in request.headers:
        return _drawn(request, "_failed.html", NOBODY, said=ENDED, entrance=entrance)
    sent = ended.not_done if isinstance(ended, SessionEnded) else None
    if sent is not None and way_back(sent.address):
        return _drawn(request, "enter.html", NOBODY, said=KEPT, org="", username="", back=back, sent=sent.sealed)
    return Redirect(entrance, status_code=SEE_OTHER)


def _to_send_again(request: AnyRequest, stale: StalePage) -> Response[Any]:
    """What was typed on a page of an earlier session is shown, to be sent in this one, if it is the same person's."""
    sent, whose = stale.not_done, request.cookies.get(WHOSE, "")
    if sent is None or not way_back(sent.address) or not whose or sent.owner != whose:  # a page that stays open, too
        return _told(HANDLERS[HTTPException])(request, stale)
    back, token = way_back(request.headers.get("referer", "")), page_token(request.cookies.get(COOKIE, ""), whose)
    shown = dict[str, Any](said=STALE[0], heading=HEADINGS[403], page_token=token, not_done=sent, back=back)
    return _drawn(request, "again.html", 403, None, **shown)


def _told(handle: Callable[[AnyRequest, Any], Response[ErrorBody]]) -> Callable[[AnyRequest, Any], Response[Any]]:
    def answer(request: AnyRequest, wrong: Exception) -> Response[Any]:
        answered = handle(request, wrong)
        part = "hx-request" in request.headers
        if not part and "text/html" not in request.headers.get("accept", ""):
            return answered
        said = (PRESS if part and isinstance(wrong, StalePage) else SAID.get(type(wrong))) or _said(
            answered.content.problem
        )
        status = answered.status_code or BUGS
        ours = "Something went wrong on our side" if status >= BUGS else "That did not work"
        name, heading = "_failed.html" if part else "refused.html", HEADINGS.get(status, ours)
        return _drawn(request, name, status, answered.headers, said=said, heading=heading, entrance="")

    return answer


def _said(found: Problem) -> tuple[str, str]:
    """The sentence, and what a person at a page can do."""
    again = AGAIN.get(found.code)
    return found.message, again.format_map(found.details) if again else found.remedy


def _drawn(
    request: AnyRequest, name: str, status: int, headers: Mapping[str, str] | None = None, **values: Any
) -> Response[Any]:
    engine = request.app.template_engine
    assert engine is not None
    html = engine.get_template(name).render(**values)
    return Response(html, media_type=MediaType.HTML, status_code=status, headers=dict(headers or {}))


AS_PAGES: ExceptionHandlersMap = {kind: _told(handle) for kind, handle in HANDLERS.items()}
AS_PAGES[NotAuthorizedException], AS_PAGES[StalePage] = _to_entrance, _to_send_again
