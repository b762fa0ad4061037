"""Which files the rows of this device speak of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from fieldsync.base.ids import RecordId
from fieldsync.device.media.plan import Wanted
from fieldsync.device.store.objects import ObjectTable, ObjectTables, quoted
from fieldsync.device.store.work import Work
from fieldsync.protocol.media import BYTES, CHECKSUM, FILE_NAME, MEDIA_TYPE, carries_file
from fieldsync.protocol.session import FileLimits, Settings


def wanted(work: Work, tables: ObjectTables, settings: Settings) -> Iterator[Wanted]:
    """The files of all records that have one, by object, then by name."""
    for table in tables:
        if not carries_file(table.type) or CHECKSUM not in table.columns:
            continue
        title = "Title" if "Title" in table.columns else "Name"
        newest = "CreatedDate DESC, Id DESC" if "CreatedDate" in table.columns else "Id DESC"
        columns = ", ".join(quoted(name) for name in (CHECKSUM, BYTES, MEDIA_TYPE, FILE_NAME))
        most = settings.files.get(table.type.name, FileLimits())
        fits, patterns = _of_type(most.types)
        rows = work.rows(
            f"SELECT Id, coalesce({quoted(title)}, Name), {columns},"
            f" row_number() OVER (PARTITION BY {_hangs_on(table)}, _fits ORDER BY {newest}),"
            f" _fits AND ({_included(table, settings.attachments)})"
            f" FROM (SELECT *, {fits} AS _fits FROM {table.name})"
            f" WHERE {CHECKSUM} IS NOT NULL AND {BYTES} > 0 ORDER BY 2, Id",
            *patterns,
        )
        for record_id, name, checksum, size, media_type, file_name, place, included in rows:
            told = str(name or file_name or "File")
            yield Wanted(
                table.type.name,
                RecordId(record_id),
                told,
                checksum,
                int(size),
                media_type or "",
                file_name or "",
                within=bool(included) and _at_most(place, most.each) and _at_most(int(size), most.bytes),
            )


def _of_type(lists: Iterable[Iterable[str]]) -> tuple[str, list[str]]:
    """Whether a file is of one type of each list: a condition, and the patterns it names in their order."""
    conditions, patterns = ["1"], list[str]()
    for types in lists:
        of_one = []
        for name in types:
            column, pattern = (MEDIA_TYPE, name) if "/" in name else (FILE_NAME, f"*.{name}")
            of_one.append(f"lower(coalesce({quoted(column)}, '')) GLOB ?")
            patterns.append(pattern)
        conditions.append(f"({' OR '.join(of_one)})")
    return " AND ".join(conditions), patterns


def _at_most(count: int, most: int | None) -> bool:
    return most is None or count <= most


def _hangs_on(table: ObjectTable) -> str:
    """The record a file hangs on: the last of its references that is filled, or itself: a call before its account."""
    ways = list(map(quoted, reversed(_ways(table))))
    return f"coalesce({', '.join(ways)}, '-' || Id)" if ways else "Id"


def _included(table: ObjectTable, objects: tuple[str, ...] | None) -> str:
    """Whether a record it hangs on is of these objects, or it hangs on none. Content comes by a rule of its own."""
    ways = _ways(table)
    if objects is None or table.type.system or not ways:
        return "1"
    bringing = [f"{quoted(way)} IS NOT NULL" for way, parent in ways.items() if parent in objects]
    alone = " AND ".join(f"{quoted(way)} IS NULL" for way in ways)
    return " OR ".join([*bringing, f"({alone})"])


def _ways(table: ObjectTable) -> dict[str, str]:
    """References to records that list what refers to them: field to object."""
    references = (f for f in table.type.references if f.children and f.name in table.columns)
    return {f.name: f.references for f in references if f.references is not None}
