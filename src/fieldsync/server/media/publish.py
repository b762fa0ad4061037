"""Content brought in by an admin: its file is kept piece by piece, its record saved, its earlier version dropped.

In this order, so that whatever breaks in between, every record that devices get has its file. A file that nothing
speaks of yet harms nobody, and is used when the same one is brought again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import select

from fieldsync.base import limits
from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Code, Problem, Refused, problem
from fieldsync.protocol.email.consent import TEMPLATE
from fieldsync.protocol.media import BYTES, CHECKSUM, FILE_NAME, MEDIA_TYPE, PIECE_BYTES
from fieldsync.protocol.rows import RecordRef
from fieldsync.protocol.upload import Change, Item, Operation, Rejected
from fieldsync.schema.fields import FieldValue
from fieldsync.server.media import keep
from fieldsync.server.media.kinds import Brought, media_type_of
from fieldsync.server.org.bring_in import draw_ids
from fieldsync.server.org.runtime import Org
from fieldsync.server.oversight.editing import save_from_page
from fieldsync.server.postgres.compiled import compile_statement
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.postgres.work import transaction
from fieldsync.server.save.batch import Row, decode_row
from fieldsync.server.sync.session import Begin

OBJECT = "Content"
ENTERED = (
    *("Title", "Type", "Status", "Version", "Language", "Subject", "ProductId", "Valid_From", "Valid_Until"),
    *("Parent_ContentId", "Display_Order", "External_Id", "Description"),
)
"""What is said of content beside its file."""
FILE_NAME_CHARS_MAX = 255


@dataclass(frozen=True)
class Publication:
    """What is to be: `record` names what is there, `file` is its new one; one of both may be missing."""

    values: Mapping[str, FieldValue]
    record: RecordId | None = None
    file: Brought | None = None


@dataclass(frozen=True)
class Published:
    """Which record it is, and why not, if so: then nothing changed."""

    id: RecordId
    problems: tuple[Problem, ...] = ()


async def publish(org: Org, begin: Begin, wanted: Publication) -> Published:
    """Bring in content, or change it, as whoever `begin` begins as.

    Raises Refused: UNUSABLE, TOO_LARGE, NOT_FOUND, AUTH, BUSY.
    """
    now = await content_of(org, wanted.record) if wanted.record is not None else None
    if wanted.record is not None and now is None:
        raise Refused(problem(Code.NOT_FOUND, object=OBJECT, id=wanted.record))
    values: dict[str, FieldValue] = {n: v for n, v in wanted.values.items() if n in org.catalog[OBJECT].fields}
    kind = values["Type"] if "Type" in values else (now or {}).get("Type")
    checksum = None
    if wanted.file is not None:
        about = _about(wanted.file, template=kind == TEMPLATE)
        values, checksum = values | about, str(about[CHECKSUM])
    elif now is not None and TEMPLATE in (kind, now.get("Type")) and kind != now.get("Type"):
        raise Refused(problem(Code.UNUSABLE, what="This change", reason="a template needs its file with it"))
    record = wanted.record or (await draw_ids(org, [OBJECT]))[0]
    if wanted.file is not None and checksum is not None:
        await _keep(org, record, checksum, wanted.file)
    item = _item(record, now, values)
    outcome = await save_from_page(org, begin, item) if item is not None else None
    if isinstance(outcome, Rejected):
        if checksum is not None and (now is None or now.get(CHECKSUM) != checksum):
            async with transaction(org.pool) as database:
                await keep.drop(database, record, checksum)
        return Published(record, outcome.problems or (problem(Code.BUSY),))
    if checksum is not None:
        async with transaction(org.pool) as database:
            await keep.drop_others(database, record, checksum)
    return Published(record)


def _about(file: Brought, *, template: bool) -> dict[str, FieldValue]:
    if not 0 < file.bytes <= limits.FILE_BYTES_MAX:
        raise Refused(problem(Code.TOO_LARGE, limit=f"{limits.FILE_BYTES_MAX // 2**20} MB"))
    kind = media_type_of(file, template=template)
    file.body.seek(0)
    summed = hashlib.sha256()
    while piece := file.body.read(PIECE_BYTES):
        summed.update(piece)
    checksum = summed.hexdigest()
    name = file.name.replace("\\", "/").rpartition("/")[2][-FILE_NAME_CHARS_MAX:]
    return {CHECKSUM: checksum, BYTES: file.bytes, MEDIA_TYPE: kind, FILE_NAME: name}


async def _keep(org: Org, record: RecordId, checksum: str, file: Brought) -> None:
    """Every piece in a transaction of its own: none is ever held whole in memory."""
    ref = RecordRef(OBJECT, record)
    file.body.seek(0)
    for offset in range(0, file.bytes, PIECE_BYTES):
        async with transaction(org.pool) as database:
            await keep.add(database, ref, checksum, offset, file.body.read(PIECE_BYTES))
    async with transaction(org.pool) as database:
        await keep.make_whole(database, ref, checksum, file.bytes, clock=org.world.clock)


def _item(record: RecordId, now: Row | None, values: Mapping[str, FieldValue]) -> Item | None:
    if now is None:
        named = {"Name": str(values.get("Title") or "")[:80], **values}
        changes = {name: Change(None, value) for name, value in named.items() if value is not None}
        return Item(OBJECT, record, Operation.CREATE, changes)
    changes = {name: Change(now.get(name), value) for name, value in values.items() if now.get(name) != value}
    return Item(OBJECT, record, Operation.UPDATE, changes) if changes else None


async def content_of(org: Org, record: str) -> Row | None:
    """The record as it is; None where there is none."""
    async with transaction(org.pool) as database:
        found = [decode_row(text) for (text,) in await database.rows(org.save.read(OBJECT), ids=[record])]
    return found[0] if found and not found[0].get("IsDeleted") else None


async def listed(org: Org, database: Database) -> list[Row]:
    """All content, newest change first."""
    t = org.metadata.tables[OBJECT].c
    names = ("Id", *(n for n in ENTERED if n in t), BYTES, FILE_NAME, "LastModifiedDate")
    query = select(*(t[name] for name in names)).where(t.IsDeleted.is_(False))
    rows = await database.rows(compile_statement(query.order_by(t.LastModifiedDate.desc(), t.Id).limit(1_000)))
    return [dict(zip(names, row, strict=True)) for row in rows]
