"""Long texts that lie in a file of their record: cut for the row, found in the rows, followed (FEATURES L06).

The row says how a text begins and which file all of it is, so the file follows the row: it is sent when the server has
taken the row, and goes when no row speaks of it. It is kept under the record's id and the field's name.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

import msgspec

from fieldsync.base import limits
from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Code, Refused
from fieldsync.device import reading
from fieldsync.device.media.plan import Wanted
from fieldsync.device.record import Mark
from fieldsync.device.store.media.files import Held
from fieldsync.device.store.objects import ObjectTable, ObjectTables, quoted
from fieldsync.device.store.records import read_row
from fieldsync.device.store.work import Work
from fieldsync.device.sync.account import read_settings
from fieldsync.protocol.media import TextFile, in_row, text_file
from fieldsync.schema.catalog import ObjectType
from fieldsync.schema.fields import BadValue, canonical

PLAIN = "text/plain"
_BETWEEN = "."
_LAST_CHARS = 120
"""The last line of a text that is a file has fewer."""


@dataclass(frozen=True)
class Text:
    """A text to keep as a file with the save that says so in its row."""

    object: str
    key: RecordId
    body: bytes


def key_of(record_id: str, field: str) -> RecordId:
    """Under what the file of this field's text is kept."""
    return RecordId(f"{record_id}{_BETWEEN}{field}")


def record_of(key: str) -> RecordId:
    """Whose file it is."""
    return RecordId(key.partition(_BETWEEN)[0])


def field_of(key: str) -> str:
    """Of which field's text; empty for a file that is no text."""
    return key.partition(_BETWEEN)[2]


def cut(
    object_type: ObjectType, record_id: RecordId, values: Mapping[str, object], fields: Collection[str]
) -> tuple[dict[str, object], list[Text]]:
    """The values as the row takes them, and what of these fields does not fit in. Raises Refused: TOO_LONG,
    OUT_OF_RANGE. Pure."""
    row, texts = dict(values), list[Text]()
    for name in fields:
        field, value = object_type.fields.get(name), values.get(name)
        most = (field.length if field is not None else None) or limits.TEXT_CHARS_MAX
        if field is None or not isinstance(value, str) or len(value.rstrip()) <= most:
            continue
        try:
            text = str(canonical(msgspec.structs.replace(field, length=limits.TEXT_FILE_BYTES_MAX), value))
            body = text.encode()
            if len(body) > limits.TEXT_FILE_BYTES_MAX:
                raise BadValue(Code.OUT_OF_RANGE, reason="as a file it would have more than 1,200,000 bytes")
        except BadValue as bad:
            raise Refused(bad.problem(object_type.name, record_id, name)) from None
        row[name] = in_row(text, body, most)
        texts.append(Text(object_type.name, key_of(record_id, name), body))
    return row, texts


def wanted_texts(work: Work, tables: ObjectTables, listed: Mapping[str, Collection[str]]) -> Iterator[Wanted]:
    """The files of all texts of these fields of which a row has only the beginning."""
    for name, fields in listed.items():
        for field in fields if name in tables else ():
            if field in tables[name].columns:
                yield from _of_field(work, tables[name], field)


def _of_field(work: Work, table: ObjectTable, field: str) -> Iterator[Wanted]:
    column, label = quoted(field), table.type.fields[field].label or field
    last = f"substr({column}, -{_LAST_CHARS})"
    for record_id, name, end in work.rows(
        f"SELECT Id, coalesce(Name, ''), {last} FROM {table.name} WHERE {last} GLOB '* bytes, sha256 *]' ORDER BY 2, Id"
    ):
        told = text_file(end)
        if told is not None:
            title = f"{name}: {label}" if name else label
            of_file = (title, told.checksum, told.bytes, PLAIN, f"{field}.txt")
            yield Wanted(table.type.name, key_of(record_id, field), *of_file, part=True)


def told_of(work: Work, table: ObjectTable, key: str) -> TextFile | None:
    """What the row says of the text that is kept under this."""
    row, field = read_row(work, table, record_of(key)), field_of(key)
    return None if row is None else text_file(row.values.get(field))


def is_settled(work: Work, key: str) -> bool:
    """Whether nothing of its record waits or was refused."""
    record_id = record_of(key)
    return reading.marks(work, [record_id])[record_id] is Mark.CLEAN


def goes_with(work: Work, table: ObjectTable, one: Held) -> RecordId | None:
    """Under what a text that was made here belongs, by what the rows say now: a save may have become another record's
    (FEATURES K05). None: no row speaks of it."""
    told = told_of(work, table, one.id)
    if told is not None and told.checksum == one.checksum:
        return one.id
    field = field_of(one.id)
    if field not in table.columns:
        return None
    asked = f"SELECT Id FROM {table.name} WHERE substr({quoted(field)}, -{_LAST_CHARS}) GLOB ? ORDER BY Id"
    other = work.value(asked, f"*{one.checksum}]")
    return None if other is None else key_of(other, field)


def is_closed(work: Work, tables: ObjectTables, one: Held) -> bool:
    """Whether this device is not told any more what the row says of a text: its object or field was closed to the
    person. A field that is empty and not listed counts as that."""
    field = field_of(one.id)
    if one.object not in tables or field not in tables[one.object].columns:
        return True
    if field in read_settings(work).texts.get(one.object, ()) or not is_settled(work, one.id):
        return False
    row = read_row(work, tables[one.object], record_of(one.id))
    return row is not None and row.values[field] is None
