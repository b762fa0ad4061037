"""Bytes of files for pages: with ranges, as what they are, framed by nobody but this app.

Zipped HTML runs in a frame without our origin: it sends no cookie, so its address carries a secret of the page that
shows it, good while the app runs. It may run its own scripts and reach nothing but its own files (THREATS T14).
"""

from __future__ import annotations

from litestar import Response, get
from litestar.exceptions import NotFoundException

from fieldsync.base.problems import Code, Refused, problem
from fieldsync.web.field.content.archive import entry
from fieldsync.web.field.content.library import kind_of
from fieldsync.web.field.context import AnyRequest, FieldHere
from fieldsync.web.kit.tongue import N_

WINDOW_BYTES = 4 * 1024 * 1024
"""The most that is answered at once; a player asks for the rest."""
PLAIN = "application/octet-stream"
SLIDES = "/slides/"
_FRAMED = {
    "content-security-policy": "default-src 'none'; img-src 'self'; media-src 'self'; style-src 'unsafe-inline'; "
    "object-src 'self'; frame-ancestors 'self'",
    "x-frame-options": "SAMEORIGIN",
}
_SLIDE = {
    "content-security-policy": "sandbox allow-scripts; default-src 'self' data: blob:; connect-src 'self'; "
    "script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; form-action 'none'; frame-ancestors 'self'",
    "x-frame-options": "SAMEORIGIN",
    "cross-origin-resource-policy": "cross-origin",
    "access-control-allow-origin": "*",
}


@get("/files/{record_id:str}", sync_to_thread=True)
def file(request: AnyRequest, app: FieldHere, record_id: str) -> Response[bytes]:
    """A record's file, or the range of it that is asked for."""
    app.door.page_token(request)
    item = app.device.media.item(record_id)
    size = app.device.media.size(record_id)
    if item is None or size is None:
        raise Refused(problem(Code.NOT_FOUND, object="File of", id=record_id))
    known = kind_of(item.wanted.media_type)
    headers = {**_FRAMED, "accept-ranges": "bytes"}
    if known in ("", "html"):
        headers["content-disposition"] = "attachment"
    media_type = item.wanted.media_type if known not in ("", "html") else PLAIN
    window = _window(request.headers.get("range", ""), size)
    if window is None:
        return Response(app.device.media.read(record_id), media_type=media_type, headers=headers)
    first, behind = window
    headers["content-range"] = f"bytes {first}-{behind - 1}/{size}"
    body = app.device.media.read(record_id, first, behind)
    return Response(body, status_code=206, media_type=media_type, headers=headers)


def _window(asked: str, size: int) -> tuple[int, int] | None:
    """The first byte and the one behind the last; None where no range is asked for, or one we do not know. Pure."""
    first, dash, last = asked.removeprefix("bytes=").partition("-")
    if not asked.startswith("bytes=") or not dash or not (first + last).isdecimal():
        return None
    if not first:
        return max(size - int(last), 0), size
    behind = min(int(last) + 1 if last else size, size, int(first) + WINDOW_BYTES)
    return (int(first), behind) if int(first) < behind else None


@get("/slides/{secret:str}/{path:path}", sync_to_thread=True)
def slide(app: FieldHere, secret: str, path: str) -> Response[bytes]:
    """A file inside a zipped page."""
    record_id = app.slides.opens(secret)
    if record_id is None:
        raise NotFoundException(N_("This presentation was closed."))
    body, media_type = entry(app.device, record_id, str(path).removeprefix("/"))
    return Response(body, media_type=media_type, headers=_SLIDE)


SERVING = [file, slide]
