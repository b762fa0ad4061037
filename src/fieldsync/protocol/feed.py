"""The feed: the user's own saves, coming back to his devices (FEATURES C, DESIGN 8).

`GET /sync/v1/feed?cursor=...` answers `FeedPage`. An entry of a family is answered with the whole family in one
snapshot, the *family image*; any other record is a family of one. Entries of the asking device are left out: its
upload's response told it already. Only whole transactions are delivered. An expired cursor gets `INCREMENTAL_REQUIRED`.

What became of a save later comes with the feed too, and a download moves the cursor past it. So a sync begins with
`POST /sync/v1/feed/outcomes` where the device has saves that were refused or not decided: `OpenSaves`, answered by
`Outcomes`.

A mini sync brings one record found online, with what hangs on it, without waiting for the next download (FEATURES E18).

`GET /sync/v1/online/{object}?search=...` finds records by a part of their name among all that the person may read.
`POST /sync/v1/mini` puts one of them, with its families and lists, on the person's feed, where his devices read it like
his own saves. What no rule selects leaves with the next download.

`POST /sync/v1/names` with `Unnamed` is answered with `Named`: what records are called that a device does not hold and
its records point to (FEATURES J23, `Related_Record_Names`), of those the person may read. Nothing else of them travels.
"""

from __future__ import annotations

import msgspec

from fieldsync.base.ids import RecordId
from fieldsync.protocol.rows import Gone, RecordRef, RowBlock
from fieldsync.protocol.upload import Result


class FamilyImage(msgspec.Struct, frozen=True):
    """A whole family as it was in the page's snapshot: `members` lists every present record, the root included.

    A record of this family that the device holds and `members` does not list is no longer there. A root that is gone
    has no members.
    """

    root: RecordRef
    members: tuple[RecordRef, ...]


class OpenSaves(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Saves that the device has as refused, held or not decided: number and transaction id of each."""

    open: tuple[tuple[int, str], ...]


class Outcomes(msgspec.Struct, frozen=True, omit_defaults=True):
    """How those stand now of which the server knows it, and the records concerned, as the caller may read them."""

    results: tuple[Result, ...]
    rows: tuple[RowBlock, ...] = ()
    gone: tuple[Gone, ...] = ()


class FeedPage(msgspec.Struct, frozen=True, omit_defaults=True):
    """News after the cursor. `cursor` is where to go on; `more` says that there is more right now.

    `results` are outcomes that came later than their upload: deferred, released, or decided by an admin.
    """

    cursor: str
    families: tuple[FamilyImage, ...] = ()
    rows: tuple[RowBlock, ...] = ()
    gone: tuple[Gone, ...] = ()
    results: tuple[Result, ...] = ()
    more: bool = False
    poll_seconds: float = 30.0
    orders: bool = False
    """Whether an admin wants something of this device: see `clearing.py`."""


class FoundOnline(msgspec.Struct, frozen=True):
    """A record by its id and name, and a line about it."""

    id: RecordId
    name: str
    about: str = ""


class FoundPage(msgspec.Struct, frozen=True):
    """Some of those that match, by name. `more`: there are others."""

    records: tuple[FoundOnline, ...]
    more: bool = False


class Bring(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Which record; `alone`: with its details only, not with the lists that hang on it (FEATURES E19)."""

    object: str
    id: RecordId
    alone: bool = False


class Brought(msgspec.Struct, frozen=True):
    """How many records the feed will bring; the families of some of them are more rows."""

    records: int


class Unnamed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Ids by object."""

    ids: dict[str, tuple[RecordId, ...]]


class Named(msgspec.Struct, frozen=True):
    """Names by id. What is missing is not there, or not for this person; nothing tells the two apart."""

    names: dict[RecordId, str]
