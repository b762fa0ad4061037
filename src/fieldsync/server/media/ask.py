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
from fieldsync.protocol.media import BYTES, CHECKSUM, PIECE_BYTES, Taken, carries_file, piece_size
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


async def piece_of(org: Org, database: Database, caller: Caller, wanted: Wanted, window: tuple[int, int]) -> Piece:
    """The bytes of this window. Raises Refused: NOT_FOUND, also for another version; OUT_OF_RANGE."""
    row = await _row(org, database, caller, wanted.ref)
    total = None
    if row is not None and row.get(CHECKSUM) == wanted.checksum:
        total = await keep.size_of(database, wanted.ref.id, wanted.checksum)
    if total is None:
        raise _unknown(wanted.ref)
    first, behind = window
    if first >= total:
        raise Refused(problem(Code.OUT_OF_RANGE, field="Range", reason=f"the file has {total} bytes"))
    return Piece(await keep.read(database, wanted.ref.id, wanted.checksum, (first, min(behind, total))), first, total)


async def take(org: Org, database: Database, caller: Caller, wanted: Wanted, brought: tuple[int, bytes]) -> Taken:
    """One piece, from whoever made the record. Raises Refused: NOT_FOUND, FORBIDDEN, TOO_LARGE, BAD_REQUEST."""
    offset, body = brought
    row = await _row(org, database, caller, wanted.ref)
    if row is None or row.get(CHECKSUM) != wanted.checksum:
        raise _unknown(wanted.ref)
    if row.get("CreatedById") != caller.user_id or not caller.rights.may(wanted.ref.object, Access.CREATE):
        raise Refused(problem(Code.FORBIDDEN, reason="only who made the record brings its file"))
    size = int(row.get(BYTES) or 0)
    if not 0 < size <= limits.FILE_BYTES_MAX:
        raise Refused(problem(Code.TOO_LARGE, limit=f"{limits.FILE_BYTES_MAX} bytes"))
    if await keep.size_of(database, wanted.ref.id, wanted.checksum) is not None:
        return Taken(size, whole=True)
    if body:
        if not 0 <= offset < size or offset % PIECE_BYTES or len(body) != piece_size(size, offset):
            raise Refused(problem(Code.BAD_REQUEST, reason="this is no piece of the file"))
        await keep.add(database, wanted.ref, wanted.checksum, offset, body)
    return await keep.complete(database, wanted.ref, wanted.checksum, size, clock=org.world.clock)


async def _row(org: Org, database: Database, caller: Caller, ref: RecordRef) -> dict[str, Any] | None:
    """The record as the caller may read it now; None where he may not, or it has no file."""
    known = org.catalog.objects.get(ref.object)
    if known is None or not carries_file(known):
        return None
    scope = await org.scopes.of(database, caller, org.world.clock)
    images = await read_images(scope, database, [ref])
    found = images.rows.get(ref.object, {}).get(ref.id)
    return None if found is None else dict(zip(scope.wire_columns(ref.object), _ROW.decode(found), strict=True))


def _unknown(ref: RecordRef) -> Refused:
    return Refused(problem(Code.NOT_FOUND, object="File of", id=RecordId(ref.id)))
