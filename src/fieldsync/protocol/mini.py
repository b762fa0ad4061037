"""Mini sync: one record found online, with what hangs on it, without waiting for the next download (FEATURES E18).

`GET /sync/v1/online/{object}?search=...` finds records by a part of their name among all that the person may read.
`POST /sync/v1/mini` puts one of them, with its families and lists, on the person's feed, where his devices read it like
his own saves. What no rule selects leaves with the next download.
"""

from __future__ import annotations

import msgspec

from fieldsync.base.ids import RecordId


class FoundOnline(msgspec.Struct, frozen=True):
    """A record by its id and name, and a line about it."""

    id: RecordId
    name: str
    about: str = ""


class FoundPage(msgspec.Struct, frozen=True):
    """Some of those that match, by name. `more`: there are others."""

    records: tuple[FoundOnline, ...]
    more: bool = False


class Bring(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which record."""

    object: str
    id: RecordId


class Brought(msgspec.Struct, frozen=True):
    """How many records the feed will bring; the families of some of them are more rows."""

    records: int
