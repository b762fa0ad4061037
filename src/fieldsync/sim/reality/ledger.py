"""What a device's process puts down beside its store, line by line: it outlives a kill, and tells what was promised.

What an edit is going to write stands there before it is saved; that it was saved, after `save` returned.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import msgspec


class Wrote(msgspec.Struct, frozen=True, tag="wrote"):
    """About to be saved: one value of a field, and what stood there before the person's eyes."""

    object: str
    record: str
    column: str
    before: str | None
    after: str


class Family(msgspec.Struct, frozen=True, tag="family"):
    """Saved: a call with so many details."""

    call: str
    mark: str
    details: int


class Touched(msgspec.Struct, frozen=True, tag="touched"):
    """About to be saved: the call has other details from here on, or goes."""

    call: str


class Promised(msgspec.Struct, frozen=True, tag="promised"):
    """Saved: these queue numbers of this device number are owed to the person."""

    number: str
    numbers: tuple[int, ...]
    record: str


Line = Wrote | Family | Touched | Promised


class Ledger:
    """One device's file, which only grows."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def add(self, line: Line) -> None:
        """Put it down; it is kept from here on, whoever is killed."""
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(descriptor, msgspec.json.encode(line) + b"\n")
        finally:
            os.close(descriptor)

    def lines(self) -> Iterator[Line]:
        """All of them, in order."""
        if self._path.exists():
            for line in self._path.read_bytes().splitlines():
                yield msgspec.json.decode(line, type=Line)
