"""What this device told the server of a file it made, where the file's record is not here any more.

The record may have left the view of this device, or been deleted by its person. The saves that the server took are
still known (`queue/acknowledged.py`), and say which.
"""

from __future__ import annotations

from enum import Enum, auto

from fieldsync.base.ids import RecordId
from fieldsync.device.media.texts import field_of, goes_with, is_closed, is_settled, record_of
from fieldsync.device.queue import acknowledged, journal
from fieldsync.device.store.media.files import Held
from fieldsync.device.store.objects import ObjectTable, ObjectTables
from fieldsync.device.store.records import read_row
from fieldsync.device.store.work import Work
from fieldsync.protocol.media import CHECKSUM, text_file
from fieldsync.protocol.upload import Item, Operation


class Said(Enum):
    """What the saves that the server took say of a file."""

    NOTHING = auto()
    SENT = auto()
    """The record's row is the server's, and speaks of the file."""
    DELETED = auto()
    """The record was deleted here, by itself or with the one above it, or was taken back before the server had it."""


def has_left(work: Work, tables: ObjectTables, one: Held) -> bool:
    """Whether the record of a file left this device before the file was sent: only the server knows what its row says
    now, so it is asked."""
    return _is_gone(work, tables, one) and _said(work, tables[one.object], one) is Said.SENT


def is_taken_back(work: Work, tables: ObjectTables, one: Held) -> bool:
    """Whether a file that was made here is not to be sent any more: its person deleted the record, or no row speaks of
    the text and nothing of its record waits. Where nobody here knows, it is not so: it is closed to this device, its
    record left, or was not saved yet."""
    if one.object not in tables or not is_settled(work, one.id):
        return False
    table, is_text = tables[one.object], bool(field_of(one.id))
    if _is_gone(work, tables, one):
        found = _said(work, table, one)
        if found is not Said.NOTHING or one.refused:
            return found is Said.DELETED
    return is_text and not is_closed(work, tables, one) and goes_with(work, table, one) is None


def _is_gone(work: Work, tables: ObjectTables, one: Held) -> bool:
    if one.object not in tables or not is_settled(work, one.id):
        return False
    return read_row(work, tables[one.object], record_of(one.id)) is None


def _said(work: Work, table: ObjectTable, one: Held) -> Said:
    above, column = {record_of(one.id)}, field_of(one.id) or CHECKSUM
    found, way = Said.NOTHING, table.way[0].column if table.way else None
    for root, item in acknowledged.items_on(work, record_of(one.id)):
        above.add(root)
        if way is not None and way in item.changes:
            above.add(RecordId(item.changes[way].new))
        if column in item.changes and found is Said.NOTHING:
            told = item.changes[column].new
            checksum = told if column == CHECKSUM else getattr(text_file(told), "checksum", None)
            found = Said.SENT if checksum == one.checksum else Said.NOTHING
    if any(_is_deleted(work, record_id) for record_id in above):
        return Said.DELETED
    return Said.DELETED if found is Said.NOTHING and _is_undone(work, record_of(one.id)) else found


def _is_deleted(work: Work, record_id: RecordId) -> bool:
    return any(_deletes(item, record_id) for _, item in acknowledged.items_on(work, record_id))


def _deletes(item: Item, record_id: RecordId) -> bool:
    return item.id == record_id and item.operation is Operation.DELETE


def _is_undone(work: Work, record_id: RecordId) -> bool:
    return any(item.operation is Operation.CREATE for item in journal.undone_on(work, record_id))
