"""What a file of content is, by what stands in it, and whether devices can present it. Nothing is kept."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from typing import BinaryIO

from fieldsync.base.problems import Code, Refused, problem
from fieldsync.protocol.email.template import HTML, PLAIN, TEMPLATE_BYTES_MAX, unknown_places

HEAD_BYTES = 512
ENTRIES_MAX = 10_000
_KNOWN = {
    b"\xff\xd8\xff": "image/jpeg",
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"GIF8": "image/gif",
    b"%PDF-": "application/pdf",
    b"PK\x03\x04": "application/zip",
    b"\x1aE\xdf\xa3": "video/webm",
}


@dataclass(frozen=True)
class Brought:
    """A file that somebody brings: what it is called, how large it is, and where it is read from."""

    name: str
    bytes: int
    body: BinaryIO


def media_type_of(brought: Brought, *, template: bool) -> str:
    """What it is. Raises Refused(UNUSABLE) for what no device can show, and for a template that says what nothing fills
    in."""
    brought.body.seek(0)
    head = brought.body.read(HEAD_BYTES)
    if template:
        return _template(brought)
    if head[4:8] == b"ftyp":
        return "video/mp4"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    found = next((kind for start, kind in _KNOWN.items() if head.startswith(start)), "")
    if found == "application/zip":
        _look_inside(brought)
    if not found and b"<svg" in head and brought.name.lower().endswith(".svg"):
        found = "image/svg+xml"
    if not found:
        raise _unusable("it is no picture, PDF, film (MP4, WebM) or zipped HTML")
    return found


def _template(brought: Brought) -> str:
    brought.body.seek(0)
    if brought.bytes > TEMPLATE_BYTES_MAX:
        raise _unusable(f"a template has at most {TEMPLATE_BYTES_MAX // 1024} kB")
    try:
        text = brought.body.read().decode("utf-8")
    except UnicodeDecodeError:
        raise _unusable("a template is text or HTML in UTF-8") from None
    unknown = unknown_places(text)
    if unknown:
        raise _unusable(f"nothing fills in {', '.join('{{' + name + '}}' for name in unknown)}")
    return HTML if brought.name.lower().endswith((".html", ".htm")) else PLAIN


def _look_inside(brought: Brought) -> None:
    try:
        with zipfile.ZipFile(brought.body) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, NotImplementedError, EOFError, ValueError):
        raise _unusable("the zip file is damaged") from None
    if len(names) > ENTRIES_MAX or not any(name.lower().endswith((".html", ".htm")) for name in names):
        raise _unusable("there is no HTML page in the zip file")


def _unusable(reason: str) -> Refused:
    return Refused(problem(Code.UNUSABLE, what="This file", reason=reason))
