"""What somebody typed and sent when the session had ended: nothing was done with it, and none of it is lost.

It goes along with the sign-in form, and is shown behind it to be sent again. Files are not kept: they are on the
person's disk. Passwords are kept like the rest, in the page alone, and never shown.
"""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Request
from litestar.datastructures import FormMultiDict, UploadFile
from litestar.exceptions import NotAuthorizedException, PermissionDeniedException

TYPED_BYTES_MAX = 2_000_000
SHOWN_CHARACTERS_MAX = 300
CARRIED = frozenset({"page_token", "id", "stamp", "root", "record_id", "act", "catalog", "mark", "mode"})
"""Fields a page fills in, of which a person need not be told."""


class NotDone(msgspec.Struct, frozen=True):
    """What was sent to `address`: the fields in their order, and the names of those that held a file."""

    address: str
    fields: tuple[tuple[str, str], ...]
    files: tuple[str, ...] = ()

    @property
    def owner(self) -> str:
        """Whose page it was typed on; empty where that is not known."""
        return next((owner_of(value) for name, value in self.fields if name == "page_token"), "")

    @property
    def sealed(self) -> str:
        """As a form carries it."""
        return msgspec.json.encode(self).decode()

    @property
    def shown(self) -> list[tuple[str, str]]:
        """What the person typed, as a page tells it."""
        typed = [(name, text.strip()) for name, text in self.fields if name not in CARRIED and ":" not in name]
        return [(_plain(name), _short(name, text)) for name, text in typed if text]


class SessionEnded(NotAuthorizedException):
    """Nobody is signed in, or no more."""

    def __init__(self, said: str, sent: NotDone | None) -> None:
        super().__init__(said)
        self.not_done = sent


class StalePage(PermissionDeniedException):
    """The form comes from a page of an earlier session, or from no page of ours."""

    def __init__(self, said: str, sent: NotDone | None) -> None:
        super().__init__(said)
        self.not_done = sent


async def not_done(request: Request[Any, Any, Any]) -> NotDone | None:
    """What this request sent; None for one that sent no form, or a part of a page that stays open."""
    length = request.headers.get("content-length", "")
    if request.method != "POST" or not length.isdecimal() or int(length[:12]) > TYPED_BYTES_MAX:
        return None
    return typed_in(request, await request.form())


def typed_in(request: Request[Any, Any, Any], form: FormMultiDict) -> NotDone | None:
    """The fields of a form; None where there are none, too much to keep, or it is of a page that stays open."""
    if "hx-request" in request.headers:
        return None
    sent = [(name, value) for name in dict.fromkeys(form) for value in form.getall(name)]
    url = request.url
    address = f"{url.path}?{url.query}" if url.query else url.path
    fields = tuple((name, str(value)) for name, value in sent if not isinstance(value, UploadFile))
    files = tuple(name for name, value in sent if isinstance(value, UploadFile) and value.filename)
    size = sum(len(name) + len(text) for name, text in fields)
    return NotDone(address, fields, files) if sent and size <= TYPED_BYTES_MAX else None


def owner_of(page_token: str) -> str:
    """Whose page a form comes from, as the form says."""
    return page_token.partition(".")[2]


def unsealed(text: str) -> NotDone | None:
    """What `sealed` gave; None for anything else."""
    try:
        return msgspec.json.decode(text, type=NotDone) if text else None
    except msgspec.MsgspecError:
        return None


def _plain(name: str) -> str:
    return name.removesuffix("__c").replace("_", " ").capitalize()


def _short(name: str, text: str) -> str:
    if "password" in name.lower():
        return "not shown"
    return text if len(text) <= SHOWN_CHARACTERS_MAX else f"{text[:SHOWN_CHARACTERS_MAX]} …"
