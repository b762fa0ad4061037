"""The guard in front of every page (THREATS T12, T13, T14): who may ask at all, and what a browser may do with answers.

The Host allow-list comes first: a rebound name is refused before anything is read. Everything but plain navigation must
come from a page of ours. No page is framed, cached, or runs a script that is not a file of ours.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from litestar import Request, Response
from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Message, Receive, Scope, Send

POLICY = (
    b"default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; "
    b"frame-ancestors 'none'"
)
HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (b"content-security-policy", POLICY),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
)
KEPT = (b"cache-control", b"private, max-age=31536000, immutable")
"""Of our own files asked for by their version: nothing of a person's is in them, and no page waits for them twice."""
MISDIRECTED = 421
FORBIDDEN = 403
Allowed = Callable[[str], bool]


def refusal(allowed: Allowed, method: str, headers: Mapping[str, str]) -> int | None:
    """The status that refuses this request, or None. Pure.

    `allowed` knows the host names this app answers to, port included.
    """
    host = headers.get("host", "")
    if not allowed(host):
        return MISDIRECTED
    origin = headers.get("origin")
    if origin is not None and origin not in (f"http://{host}", f"https://{host}"):
        return FORBIDDEN
    site = headers.get("sec-fetch-site", "same-origin" if method in ("GET", "HEAD") else "missing")
    navigates = headers.get("sec-fetch-mode") == "navigate" and method == "GET"
    if site in ("same-origin", "none") or (site != "missing" and navigates):
        return None
    if site == "missing" and origin is not None:
        return None  # an older browser: its Origin was checked above
    return FORBIDDEN


def is_versioned(path: str, query: bytes) -> bool:
    """Whether this is a static file whose address names its version. Pure."""
    place, static, _file = path.partition("/static/")
    return bool(static) and place in ("", "/console") and query.startswith(b"v=")


class Guard(ASGIMiddleware):
    """Refuses what `refusal` refuses under its prefix, and adds the headers to every answer there.

    Below `secret` an address is a secret itself and is asked for by frames without our origin: there only the host is
    looked at, and nothing can be changed.
    """

    scopes = (ScopeType.HTTP,)

    def __init__(self, allowed: Allowed, prefix: str = "/", secret: str | None = None) -> None:
        self._allowed, self._secret = allowed, secret
        self._prefix = prefix

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        if not scope["path"].startswith(self._prefix):
            await next_app(scope, receive, send)
            return
        headers = {k.decode("latin-1").lower(): v.decode("latin-1") for k, v in scope["headers"]}

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                present = {name for name, _ in message["headers"]}
                kept = (*HEADERS[:-1], KEPT) if is_versioned(scope["path"], scope.get("query_string", b"")) else HEADERS
                added = [(k, v) for k, v in kept if k not in present]
                message["headers"] = [*message["headers"], *added]
            await send(message)

        method = str(scope.get("method", "GET"))
        if self._secret is not None and scope["path"].startswith(self._secret) and method == "GET":
            headers = {"host": headers.get("host", "")}
        status = refusal(self._allowed, method, headers)
        if status is None:
            await next_app(scope, receive, answer)
            return
        request: Request[Any, Any, Any] = Request(scope, receive=receive)
        refused = Response("This address is not open to that page.", status_code=status, media_type="text/plain")
        await refused.to_asgi_response(None, request)(scope, receive, answer)
