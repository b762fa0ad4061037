"""Zipped HTML: files inside a zip that lies encrypted on this device, one at a time, never unpacked to the disk."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable
from pathlib import PurePosixPath

from fieldsync.base.problems import Code, Refused, problem
from fieldsync.device import Device

ENTRY_BYTES_MAX = 64 * 1024 * 1024
RATIO_MAX = 500
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".htm": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".gif": "image/gif",
    ".webp": "image/webp",
    ".mp4": "video/mp4",
    ".mp3": "audio/mpeg",
    ".woff": "font/woff",
    ".woff2": "font/woff2",
    ".pdf": "application/pdf",
}


class _Held(io.RawIOBase):
    """A file of the device as `zipfile` reads it: window by window, so that a large one is never whole in memory."""

    def __init__(self, device: Device, record_id: str, size: int) -> None:
        self._device, self._record_id, self._size, self._at = device, record_id, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        return self._at

    def tell(self) -> int:
        return self._at

    def read(self, size: int = -1) -> bytes:
        behind = self._size if size < 0 else min(self._at + size, self._size)
        if behind <= self._at:
            return b""
        body = self._device.media.read(self._record_id, self._at, behind)
        self._at += len(body)
        return body


def entry(device: Device, record_id: str, path: str) -> tuple[bytes, str]:
    """A file of the archive and its type; the start page for an empty path. Raises Refused(NOT_FOUND).

    The path is only compared with the names inside: nothing outside the archive can be meant.
    """
    size = device.media.size(record_id)
    try:
        with zipfile.ZipFile(_Held(device, record_id, size or 0)) as archive:
            names = {info.filename: info for info in archive.infolist() if not info.is_dir()}
            info = names.get(path or start_page(names) or "")
            if info is None or info.file_size > min(ENTRY_BYTES_MAX, RATIO_MAX * max(info.compress_size, 1)):
                raise _missing(path)
            with archive.open(info) as opened:
                body = opened.read(ENTRY_BYTES_MAX)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError):
        raise _missing(path) from None
    return body, TYPES.get(PurePosixPath(info.filename).suffix.lower(), "application/octet-stream")


def start_of(device: Device, record_id: str) -> str:
    """The path of the archive's start page; empty where it has none."""
    size = device.media.size(record_id)
    try:
        with zipfile.ZipFile(_Held(device, record_id, size or 0)) as archive:
            return start_page(archive.namelist()) or ""
    except (zipfile.BadZipFile, RuntimeError):
        return ""


def start_page(names: Iterable[str]) -> str | None:
    """The `index.html` nearest to the top; else the only page there is. Pure."""
    pages = sorted((n for n in names if n.lower().endswith((".html", ".htm"))), key=lambda n: (n.count("/"), n))
    index = (n for n in pages if PurePosixPath(n).name.lower() in ("index.html", "index.htm"))
    return next(index, pages[0] if pages else None)


def _missing(path: str) -> Refused:
    return Refused(problem(Code.NOT_FOUND, object="File", id=path[:80]))
