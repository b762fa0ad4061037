"""Clearing a person's errors at an admin's wish: what is taken off a device is handed to the server first (G08).

A download's `End` names the wish that this device has not carried out. `POST /sync/v1/errors/clear` takes
`Clearing` and answers `Cleared`; only then does the device take those saves back.
"""

from __future__ import annotations

import msgspec


class ErrorEntry(msgspec.Struct, frozen=True):
    """One save of the error list, whole: its items and what the server answered, as the device keeps them."""

    n: int
    id: str
    saved_at: str
    state: str
    items: msgspec.Raw
    outcome: msgspec.Raw


class Clearing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Some of a device's errors, oldest first. `asked`: the wish, as the download named it. `last`: these are all."""

    device: str
    asked: str
    last: bool
    entries: tuple[ErrorEntry, ...]


class Cleared(msgspec.Struct, frozen=True):
    """The queue numbers that are kept on the server now, and may go."""

    numbers: tuple[int, ...]
