"""Which files the rows of this device speak of."""

from __future__ import annotations

from collections.abc import Iterator

from fieldsync.base.ids import RecordId
from fieldsync.device.media.plan import Wanted
from fieldsync.device.store.objects import ObjectTables, quoted
from fieldsync.device.store.work import Work
from fieldsync.protocol.media import BYTES, CHECKSUM, FILE_NAME, MEDIA_TYPE, carries_file


def wanted(work: Work, tables: ObjectTables) -> Iterator[Wanted]:
    """The files of all records that have one, by object, then by name."""
    for table in tables:
        if not carries_file(table.type) or CHECKSUM not in table.columns:
            continue
        title = "Title" if "Title" in table.columns else "Name"
        columns = ", ".join(quoted(name) for name in (CHECKSUM, BYTES, MEDIA_TYPE, FILE_NAME))
        rows = work.rows(
            f"SELECT Id, coalesce({quoted(title)}, Name), {columns} FROM {table.name}"
            f" WHERE {CHECKSUM} IS NOT NULL AND {BYTES} > 0 ORDER BY 2, Id"
        )
        for record_id, name, checksum, size, media_type, file_name in rows:
            told = str(name or file_name or "File")
            yield Wanted(
                table.type.name, RecordId(record_id), told, checksum, int(size), media_type or "", file_name or ""
            )
