"""The middleware that finds out, before a page is made, in which language it is answered."""

from __future__ import annotations

from collections.abc import Callable

from litestar.datastructures import Headers
from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Receive, Scope, Send

from fieldsync.web.kit.locales import Manner
from fieldsync.web.kit.tongue import Tongue, language_of, speak


def browsers(accepted: str, zone: str = "UTC") -> Tongue:
    """The tongue of a browser's `Accept-Language`: what counts before anybody is signed in."""
    return Tongue(language_of(accepted), Manner(zone, accepted.partition(",")[0].partition(";")[0].strip()))


class Speaking(ASGIMiddleware):
    """`tongue` is given what the browser accepts, and says how this request is answered."""

    scopes = (ScopeType.HTTP,)

    def __init__(self, tongue: Callable[[str], Tongue] = browsers) -> None:
        self._tongue = tongue

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        if not scope["path"].startswith("/static/"):
            speak(self._tongue(Headers.from_scope(scope).get("accept-language", "")))
        await next_app(scope, receive, send)
