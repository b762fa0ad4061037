"""All records of an object that somebody may see, as lines of CSV, while PostgreSQL gives them."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Sequence
from decimal import Decimal
from typing import Any

import msgspec
from sqlalchemy import Text, cast, func, select

from fieldsync.server.org.runtime import Org
from fieldsync.server.oversight.reader import Reader, open_to
from fieldsync.server.oversight.sheets.cells import cell_of
from fieldsync.server.postgres.compiled import compile_statement
from fieldsync.server.postgres.work import Work as Database

BLOCK_CHARS = 64 * 1024
_ROW = msgspec.json.Decoder(list[Any], float_hook=Decimal)


async def exported(org: Org, database: Database, reader: Reader, name: str) -> AsyncIterator[bytes]:
    """A head line with the names of the columns, then the records in the order of their ids. Raises Refused."""
    open_to(org, reader, name)
    columns = reader.rights.columns(name)
    table = org.metadata.tables[name]
    row = cast(func.json_build_array(*(table.c[column] for column in columns)), Text)
    open_rows = select(row).where(table.c.IsDeleted.is_(False), reader.may_see(name, table)).order_by(table.c.Id)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(columns)
    async for found in database.stream(compile_statement(open_rows)):
        writer.writerow([cell_of(value) for value in _ROW.decode(found)])
        if out.tell() > BLOCK_CHARS:
            yield _taken(out)
    yield _taken(out)


def line(cells: Sequence[object]) -> bytes:
    """One line of a report."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerow([cell_of(cell) for cell in cells])
    return out.getvalue().encode()


def _taken(out: io.StringIO) -> bytes:
    text = out.getvalue()
    out.seek(0)
    out.truncate()
    return text.encode()
