"""Who may open the Field app: the person who started it, by a link that works once (THREATS, the local web app).

The link's token becomes an HttpOnly cookie. Everything that changes something also carries the session's own token in a
header or field, which a page of another origin cannot know.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Callable
from typing import Any

from litestar import Request, Response
from litestar.datastructures import Cookie
from litestar.exceptions import NotAuthorizedException, PermissionDeniedException
from litestar.response import Redirect

from fieldsync.base.world import Chance
from fieldsync.web.kit.tongue import N_

COOKIE = "fieldsync"
HEADER = "x-fieldsync-page"
FIELD = "page_token"
AnyRequest = Request[Any, Any, Any]


class Door:
    """Launch tokens that are still good, and the sessions that were opened with one."""

    def __init__(self, chance: Chance, tell: Callable[[str], None]) -> None:
        """`tell` is given each launch token: it shows the person the link to open."""
        self._chance = chance
        self._tell = tell
        self._cookie = f"{COOKIE}_{chance.bytes(6).hex()}"
        """A name of its own: browsers share cookies between the ports of one host, and two devices may run on one."""
        self._launch: set[str] = set()
        self._sessions: dict[str, str] = {}

    def invite(self) -> None:
        """Tell the person a link for one browser."""
        token = self._secret()
        self._launch.add(token)
        self._tell(token)

    def enter(self, token: str) -> Response[None]:
        """Trade a launch token for a session. Raises NotAuthorizedException for one that was used or never given."""
        if token not in self._launch:
            raise NotAuthorizedException(N_("This link was used already, or is not one of ours."))
        self._launch.discard(token)
        self.invite()  # for another browser
        session, page = self._secret(), self._secret()
        self._sessions[session] = page
        cookie = Cookie(key=self._cookie, value=session, httponly=True, samesite="strict", path="/")
        answer: Response[None] = Redirect("/")
        answer.cookies.append(cookie)
        return answer

    def page_token(self, request: AnyRequest) -> str:
        """The page token of the asking session. Raises NotAuthorizedException without one."""
        page = self._sessions.get(request.cookies.get(self._cookie, ""))
        if page is None:
            raise NotAuthorizedException(N_("Open the app with the link it printed when it started."))
        return page

    def require_page(self, request: AnyRequest, given: str) -> None:
        """A change comes from a page of this session. Raises PermissionDeniedException."""
        if not hmac.compare_digest(self.page_token(request), given):
            raise PermissionDeniedException(N_("This change did not come from a page of this app."))

    def _secret(self) -> str:
        return base64.urlsafe_b64encode(self._chance.bytes(32)).decode().rstrip("=")
