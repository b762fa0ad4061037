"""Download: the rows a device should hold, all of them or what changed since a checkpoint.

`GET /sync/v1/download` without a checkpoint streams everything; with `?checkpoint=...` what changed. The answer is one
JSON value a line, all read in one snapshot: a `Head`, then `Rows` and `Removed`, then `End`. Without `End` the stream
was cut and nothing of it counts. Checkpoint and cursor are opaque to the device.
"""

from __future__ import annotations

import msgspec

from fieldsync.protocol.digest import Digest
from fieldsync.protocol.rows import Gone, RowBlock
from fieldsync.protocol.session import Settings


class Head(msgspec.Struct, frozen=True, tag="head", tag_field="line"):
    """First line. `full`: what the device holds and this stream does not bring is to be removed."""

    full: bool
    catalog_version: str
    objects: tuple[str, ...]


class Rows(msgspec.Struct, frozen=True, tag="rows", tag_field="line"):
    """Some rows of one object."""

    block: RowBlock


class Removed(msgspec.Struct, frozen=True, tag="removed", tag_field="line"):
    """Rows that were there at the checkpoint and are not now."""

    gone: tuple[Gone, ...]


class Reload(msgspec.Struct, frozen=True, omit_defaults=True):
    """An admin wants everything loaded anew (FEATURES F04): days as YYYY-MM-DD. From `alert` the person is told and may
    put it off, from `due` the next sync does it without asking. `message`: the admin's own words."""

    alert: str
    due: str
    message: str = ""


class End(msgspec.Struct, frozen=True, omit_defaults=True, tag="end", tag_field="line"):
    """Last line: where the device stands now, and the feed position of this same snapshot.

    `digest`: what the device is to have now, where it asked for it with `digest=1`. `repaired`: how many of the rows
    and removals came because of a `Repair` (see `protocol.digest`). `untold`: what changed since the checkpoint is not
    known any more, so nothing of it came; what differs is found by the digest. `clear`: an admin's wish that the device
    gives up its errors (see `protocol.clearing`). `settings`: those it follows from here on.
    `reload`: that it is to load everything anew, until it did.
    """

    checkpoint: str
    feed_cursor: str
    rows: int
    as_of: str
    digest: Digest | None = None
    repaired: int = 0
    untold: bool = False
    clear: str | None = None
    settings: Settings | None = None
    reload: Reload | None = None


Line = Head | Rows | Removed | End
_LINE = msgspec.json.Decoder(Line)


def encode_line(line: Line) -> bytes:
    """One line, its line end included."""
    return msgspec.json.encode(line) + b"\n"


def encode_rows_line(block: bytes) -> bytes:
    """A `Rows` line out of a block that is JSON already (see `rows.encode_block`)."""
    return b'{"line":"rows","block":' + block + b"}\n"


def decode_line(line: bytes) -> Line:
    """One line of the stream. Raises msgspec.DecodeError."""
    decoded: Line = _LINE.decode(line)
    return decoded
