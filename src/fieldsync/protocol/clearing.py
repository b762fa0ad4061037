"""Clearing a person's errors at an admin's wish: what is taken off a device is handed to the server first (G08).

A download's `End` names the wish that this device has not carried out. `POST /sync/v1/errors/clear` takes
`Clearing` and answers `Cleared`; only then does the device take those saves back.

An admin may also want that one device hands over its queue, and that it is emptied (M05, G12). The device learns of it
by a feed page's `orders`, by the refusal `DEVICE_WIPE`, or where its sign-in has ended; then it asks
`POST /sync/v1/device/orders` with `Known`, answered by `Orders`. That needs no token: the device's own key says who
asks, so a device whose sessions have ended hears of it too. `POST /sync/v1/device/queue` takes `HandOver`, answered by
`HandedOver`; `POST /sync/v1/device/wiped` takes `Wiped`, once nothing is left on the device.

A person who needs help may hand the queue over too, without being asked: `asked` begins with `DIAGNOSTIC` then. The
server keeps the newest of a device and counts them.
"""

from __future__ import annotations

import msgspec

DIAGNOSTIC = "diagnostic "
DIAGNOSTIC_CHARS_MAX = 60


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


class Known(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which device asks: its org and the secret it registered with."""

    org: str
    key: str


class Orders(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is wanted, each by the name of the wish. `send_first`: what waits is sent and handed over before a wipe."""

    wipe: str | None = None
    send_first: bool = False
    queue: str | None = None


class HandOver(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Saves that the server has not settled, whole, in order. `last`: these are all. `asked`: one of the wishes."""

    org: str
    key: str
    asked: str
    last: bool
    entries: tuple[ErrorEntry, ...]


class HandedOver(msgspec.Struct, frozen=True):
    """How many of them are kept on the server now."""

    kept: int


class Wiped(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The store and its key are gone. `asked`: the wish."""

    org: str
    key: str
    asked: str
