"""Emptying a store's folder so that nothing of it can be read again: the keys first, then the files (THREATS T2, I29).

`emptied.json` is there from before the first key goes until the server was told. Whoever opens the folder in between
finishes it, so that a process that was killed, or a power loss, leaves no half. Nothing but the store's own files goes.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import msgspec

MARK = "emptied.json"
_KEYS = ("key.json", "key.new", "rescue.json", "rescue.new")
_FILES = ("*.db", "*.db-wal", "*.db-shm", "*.db-journal", "store.current", "store.current.new", "server.txt", "tries")
_BLOCK = 64


class Emptied(msgspec.Struct, frozen=True):
    """What is still to be told: the device and the wish."""

    org: str
    key: str
    asked: str


def mark(folder: Path, emptied: Emptied) -> None:
    """From here on the folder is emptied, whatever happens."""
    written = folder / f"{MARK}.new"
    descriptor = os.open(written, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.encode(emptied))
        file.flush()
        os.fsync(file.fileno())
    written.replace(folder / MARK)
    _sync(folder)


def marked(folder: Path) -> Emptied | None:
    """What is to be told of a folder that is being emptied; None for any other."""
    path = folder / MARK
    return msgspec.json.decode(path.read_bytes(), type=Emptied) if path.exists() else None


def destroy(folder: Path) -> bool:
    """Take away the keys, then the files; whether nothing is left. Again is harmless. The store has to be closed; a
    file that a system keeps because somebody has it open goes the next time."""
    for path in (folder / name for name in _KEYS):
        if path.exists():
            _overwrite(path)
            path.unlink()
    _sync(folder)
    for path in _files(folder):
        with suppress(PermissionError):
            _overwrite(path, _BLOCK)  # the pages are encrypted; what says how goes too
            path.unlink()
    _sync(folder)
    return not any(_files(folder))


def told(folder: Path) -> None:
    """The server knows: nothing is left."""
    (folder / MARK).unlink(missing_ok=True)
    _sync(folder)


def _files(folder: Path) -> Iterator[Path]:
    return (path for pattern in _FILES for path in folder.glob(pattern) if path.is_file())


def _overwrite(path: Path, most: int | None = None) -> None:
    with path.open("r+b") as file:
        file.write(b"\0" * (most or path.stat().st_size))
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)
