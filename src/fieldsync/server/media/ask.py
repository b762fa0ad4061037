"""Whether somebody may have, or bring, the file of a record: asked through the record, as he may read it now.

What he may not see and what is not there get the same answer (THREATS T15).
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import msgspec

from fieldsync.base import limits
from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Code, Refused, problem
from fieldsync.protocol.media import BYTES, CHECKSUM, PIECE_BYTES, Taken, carries_file, piece_size, text_file
from fieldsync.protocol.rows import RecordRef
from fieldsync.schema.access.permissions import Access
from fieldsync.server.media import keep
from fieldsync.server.org.runtime import Org
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.save.batch import Caller
from fieldsync.server.sync.images import read_images

_ROW = msgspec.json.Decoder(list[Any], float_hook=Decimal)


@dataclass(frozen=True)
class Wanted:
    """Which version of which record's file."""

    ref: RecordRef
    checksum: str


@dataclass(frozen=True)
class Piece:
    """Some bytes of a file, and how many it has in all."""

    body: bytes
    first: int
    total: int


@dataclass(frozen=True)
class _Found:
    """What the caller's view of a record says of the file: its size, whether he may bring it, whether it is a text."""

    bytes: int
    brings: bool
    text: bool = False


async def piece_of(org: Org, database: Database, caller: Caller, wanted: Wanted, window: tuple[int, int]) -> Piece:
    """The bytes of this window. Raises Refused: NOT_FOUND, also for another version; OUT_OF_RANGE."""
    found = await _found(org, database, caller, wanted)
    holder = await _holder(database, wanted, found) if found is not None else None
    total = await keep.size_of(database, holder, wanted.checksum) if holder is not None else None
    if holder is None or total is None:
        raise _unknown(wanted.ref)
    first, behind = window
    if first >= total:
        raise Refused(problem(Code.OUT_OF_RANGE, field="Range", reason=f"the file has {total} bytes"))
    return Piece(await keep.read(database, holder, wanted.checksum, (first, min(behind, total))), first, total)


async def take(org: Org, database: Database, caller: Caller, wanted: Wanted, brought: tuple[int, bytes]) -> Taken:
    """One piece, from whoever made the record, of a text from whoever may change its field.

    Raises Refused: NOT_FOUND, FORBIDDEN, TOO_LARGE, BAD_REQUEST.
    """
    offset, body = brought
    found = await _found(org, database, caller, wanted)
    if found is None:
        raise _unknown(wanted.ref)
    if not found.brings:
        raise Refused(problem(Code.FORBIDDEN, reason="only who made the record brings its file"))
    size, most = found.bytes, limits.TEXT_FILE_BYTES_MAX if found.text else limits.FILE_BYTES_MAX
    if not 0 < size <= most:
        raise Refused(problem(Code.TOO_LARGE, limit=f"{most} bytes"))
    if await _holder(database, wanted, found) is not None:
        return Taken(size, whole=True)
    if body:
        if not 0 <= offset < size or offset % PIECE_BYTES or len(body) != piece_size(size, offset):
            raise Refused(problem(Code.BAD_REQUEST, reason="this is no piece of the file"))
        await keep.add(database, wanted.ref, wanted.checksum, offset, body)
    others = not found.text
    return await keep.complete(database, wanted.ref, wanted.checksum, size, clock=org.world.clock, alone=others)


async def _holder(database: Database, wanted: Wanted, found: _Found) -> str | None:
    """Under which record the file is kept, whole: its own; a text went along where its record was copied or merged."""
    if await keep.size_of(database, wanted.ref.id, wanted.checksum) is not None:
        return wanted.ref.id
    return await keep.text_of(database, wanted.ref.object, wanted.checksum) if found.text else None


async def _found(org: Org, database: Database, caller: Caller, wanted: Wanted) -> _Found | None:
    """What the record says of this file, as the caller may read it now; None where he may not, or it says another."""
    name = wanted.ref.object
    known = org.catalog.objects.get(name)
    scope = await org.scopes.of(database, caller, org.world.clock) if known is not None else None
    texts = scope.cut.texts.get(name, ()) if scope is not None else ()
    if known is None or scope is None or not (carries_file(known) or texts):
        return None
    images = await read_images(scope, database, [wanted.ref])
    image = images.rows.get(name, {}).get(wanted.ref.id)
    if image is None:
        return None
    row = dict(zip(scope.wire_columns(name), _ROW.decode(image), strict=True))
    if carries_file(known) and row.get(CHECKSUM) == wanted.checksum:
        brings = row.get("CreatedById") == caller.user_id and caller.rights.may(name, Access.CREATE)
        return _Found(int(row.get(BYTES) or 0), brings)
    for field in texts:
        told = text_file(row.get(field))
        if told is not None and told.checksum == wanted.checksum:
            return _Found(told.bytes, caller.rights.edits(name, field), text=True)
    return None


def _unknown(ref: RecordRef) -> Refused:
    return Refused(problem(Code.NOT_FOUND, object="File of", id=RecordId(ref.id)))
