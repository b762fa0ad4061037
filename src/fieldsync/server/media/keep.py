"""The pieces of a file in the org's database: brought, put together, read. Who may do so is asked elsewhere."""

from __future__ import annotations

import hashlib

from sqlalchemy import Connection, bindparam, delete, select
from sqlalchemy.dialects.postgresql import insert

from fieldsync.base.world import Clock
from fieldsync.protocol.media import PIECE_BYTES, Taken
from fieldsync.protocol.rows import RecordRef
from fieldsync.server.postgres.compiled import compile_statement
from fieldsync.server.postgres.tables import system_table
from fieldsync.server.postgres.work import Work as Database

_FILE, _PIECE = system_table("_file"), system_table("_file_piece")


async def size_of(database: Database, record_id: str, checksum: str) -> int | None:
    """How many bytes a file has that is here whole; None: it is not."""
    row = await database.one(_WHOLE, record=record_id, checksum=checksum)
    return None if row is None else int(row[0])


async def read(database: Database, record_id: str, checksum: str, window: tuple[int, int]) -> bytes:
    """The bytes from the first to before the last of a window that is no longer than a piece."""
    first, behind = window
    numbers = {"low": first // PIECE_BYTES, "high": (behind - 1) // PIECE_BYTES}
    rows = await database.rows(_PIECES, record=record_id, checksum=checksum, **numbers)
    start = first - numbers["low"] * PIECE_BYTES
    return b"".join(bytes(body) for (body,) in rows)[start : start + behind - first]


async def there(database: Database, record_id: str, checksum: str) -> int:
    """How many pieces are here from the first on."""
    rows = await database.rows(_NUMBERS, record=record_id, checksum=checksum)
    return next((place for place, (number,) in enumerate(rows) if number != place), len(rows))


async def add(database: Database, ref: RecordRef, checksum: str, offset: int, body: bytes) -> None:
    """Keep one piece; one that is here stays as it is."""
    number = offset // PIECE_BYTES
    await database.run(_ADD, record=ref.id, checksum=checksum, piece=number, body=body)


async def text_of(database: Database, name: str, checksum: str) -> str | None:
    """A record of this object under which this text is kept, whole."""
    row = await database.one(_TEXT, object=name, checksum=checksum)
    return None if row is None else str(row[0])


async def complete(
    database: Database, ref: RecordRef, checksum: str, size: int, *, clock: Clock, alone: bool = True
) -> Taken:
    """See whether all of it is here, and whether it is what it says: else everything brought so far goes.

    `alone`: the record's earlier versions go with the new one's arrival; texts stay, their record's history names them.
    """
    pieces = await there(database, ref.id, checksum)
    if pieces * PIECE_BYTES < size:
        return Taken(pieces * PIECE_BYTES, whole=False)
    summed = hashlib.sha256()
    for number in range(pieces):
        found = await database.one(_ONE, record=ref.id, checksum=checksum, piece=number)
        assert found is not None
        summed.update(bytes(found[0]))
    if summed.hexdigest() != checksum:
        await database.run(_DROP, record=ref.id, checksum=checksum)
        return Taken(0, whole=False)
    if alone:
        await drop_others(database, ref.id, checksum)
    await make_whole(database, ref, checksum, size, clock=clock)
    return Taken(size, whole=True)


async def make_whole(database: Database, ref: RecordRef, checksum: str, size: int, *, clock: Clock) -> None:
    """Say that all pieces of a file are here, which the caller knows."""
    given = {"record": ref.id, "checksum": checksum, "object": ref.object, "bytes": size, "at": clock.now()}
    await database.run(_COMPLETE, **given)


async def drop(database: Database, record_id: str, checksum: str) -> None:
    """Forget one version of a file."""
    await database.run(_DROP, record=record_id, checksum=checksum)
    await database.run(_DROP_FILE, record=record_id, checksum=checksum)


async def drop_others(database: Database, record_id: str, checksum: str) -> None:
    """Forget every version of a record's file but this one."""
    await database.run(_DROP_OTHER_PIECES, record=record_id, checksum=checksum)
    await database.run(_DROP_OTHERS, record=record_id, checksum=checksum)


def put(connection: Connection, ref: RecordRef, body: bytes, clock: Clock) -> str:
    """A whole file at once, for those who bring rows in past the save pipeline. Returns its checksum."""
    checksum = hashlib.sha256(body).hexdigest()
    pieces = [
        {"record_id": ref.id, "checksum": checksum, "piece": place // PIECE_BYTES, "body": body[place:][:PIECE_BYTES]}
        for place in range(0, len(body), PIECE_BYTES)
    ]
    connection.execute(insert(_PIECE).on_conflict_do_nothing(), pieces)
    row = {"record_id": ref.id, "checksum": checksum, "object": ref.object, "bytes": len(body), "whole": True}
    connection.execute(insert(_FILE).on_conflict_do_nothing(), [{**row, "at": clock.now()}])
    return checksum


_P, _F = _PIECE.c, _FILE.c
_OF_PIECE = (_P.record_id == bindparam("record")) & (_P.checksum == bindparam("checksum"))
_OF_FILE = (_F.record_id == bindparam("record")) & (_F.checksum == bindparam("checksum"))
_WHOLE = compile_statement(select(_F.bytes).where(_OF_FILE, _F.whole.is_(True)))
_TEXT = compile_statement(
    select(_F.record_id)
    .where(_F.checksum == bindparam("checksum"), _F.object == bindparam("object"), _F.whole.is_(True))
    .order_by(_F.record_id)
    .limit(1)
)
_PIECES = compile_statement(
    select(_P.body).where(_OF_PIECE, _P.piece >= bindparam("low"), _P.piece <= bindparam("high")).order_by(_P.piece)
)
_ONE = compile_statement(select(_P.body).where(_OF_PIECE, _P.piece == bindparam("piece")))
_NUMBERS = compile_statement(select(_P.piece).where(_OF_PIECE).order_by(_P.piece))
_ADD = compile_statement(
    insert(_PIECE)
    .values(
        record_id=bindparam("record"), checksum=bindparam("checksum"), piece=bindparam("piece"), body=bindparam("body")
    )
    .on_conflict_do_nothing()
)
_DROP = compile_statement(delete(_PIECE).where(_OF_PIECE))
_DROP_FILE = compile_statement(delete(_FILE).where(_OF_FILE))
_OTHER_PIECES = (_P.record_id == bindparam("record")) & (_P.checksum != bindparam("checksum"))
_DROP_OTHER_PIECES = compile_statement(delete(_PIECE).where(_OTHER_PIECES))
_DROP_OTHERS = compile_statement(
    delete(_FILE).where(_F.record_id == bindparam("record"), _F.checksum != bindparam("checksum"))
)
_COMPLETE = compile_statement(
    insert(_FILE)
    .values(
        record_id=bindparam("record"),
        checksum=bindparam("checksum"),
        object=bindparam("object"),
        bytes=bindparam("bytes"),
        whole=True,
        at=bindparam("at"),
    )
    .on_conflict_do_nothing()
)
