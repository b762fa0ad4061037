"""Families of which an answer brings news, but not the whole of them: they wait for a download.

A save may be decided when its record is here no more: while it waited the record left the view, or the save is one that
a restored server was offered again. What comes back of it are the records that the save changed, without the others of
their family; only a download says what of them is open to the person.

And where a server was restored from a backup, what it answers of one record is of its history, and what is held of the
others in the family may be of the one that was lost.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from fieldsync.device.merge.apply import roots_of
from fieldsync.device.merge.base import BaseState
from fieldsync.device.merge.image import Image
from fieldsync.device.queue import lost
from fieldsync.device.queue.entry import Entry
from fieldsync.device.queue.journal import Touch
from fieldsync.device.store.objects import ObjectTables
from fieldsync.device.store.records import below
from fieldsync.device.store.work import Work, listed
from fieldsync.protocol.rows import RecordRef
from fieldsync.protocol.upload import Operation

_ABSENT = f"state = '{BaseState.ABSENT.value}'"
_CHANGED = (
    "SELECT DISTINCT t.id FROM _touch t LEFT JOIN _base b ON b.id = t.id"
    f" WHERE t.kind = {Touch.CHANGES.value} AND t.n IN (SELECT value FROM json_each(?))"
    f" AND (b.id IS NULL OR b.{_ABSENT})"
    f" AND NOT EXISTS (SELECT 1 FROM _touch c WHERE c.id = t.id AND c.kind = {Touch.CREATES.value})"
)
_OTHERS = (
    f"SELECT 1 FROM _base b WHERE b.root = ? AND b.{_ABSENT} AND b.id NOT IN (SELECT value FROM json_each(?))"
    f" AND NOT EXISTS (SELECT 1 FROM _touch o WHERE o.id = b.id AND o.kind < {Touch.REFERS.value})"
)


def left_view(work: Work, tables: ObjectTables, numbers: Iterable[int], images: Sequence[Image]) -> list[Image]:
    """Those images whose records these entries changed, and that the server had taken from this device before.

    What an entry creates was never in the view to leave it.
    """
    changed = {record_id for (record_id,) in work.rows(_CHANGED, listed(numbers))}
    return [i for i in images if i.ref.id in changed and _is_away(work, tables, i.ref)] if changed else []


def mark_left_behind(work: Work, tables: ObjectTables, saved: Iterable[int], images: Sequence[Image]) -> None:
    """Families that come back in part stay as the person sees them until a download brings the rest.

    `saved`: queue numbers of entries whose content the server has.
    """
    back = [image for image in left_view(work, tables, saved, images) if image.row is not None]
    if not back:
        return
    roots, arrived = roots_of(work, tables, images), listed(i.ref.id for i in images if i.row is not None)
    for image in back:
        root = roots[image.ref.id]
        if not _has_base(work, image.ref) or work.one(_OTHERS, root, arrived):
            work.run("INSERT OR IGNORE INTO _partial VALUES (?)", root)


def mark_torn(work: Work, tables: ObjectTables, images: Sequence[Image]) -> None:
    """Families that would be of two histories stay as the person sees them until a download brings the whole."""
    arrived = {image.ref.id for image in images}
    roots = roots_of(work, tables, images)
    families = {roots[i.ref.id]: tables.family(i.ref.object)[0].type.name for i in images}
    for root, name in families.items():
        members = {root, *(record_id for _, record_id in below(work, tables, name, root))}
        if lost.among(work, members - arrived):
            work.run("INSERT OR IGNORE INTO _partial VALUES (?)", root)


def mark_untold(work: Work, tables: ObjectTables, ended: Iterable[Entry], images: Sequence[Image]) -> None:
    """Families of which these entries took a record away, which was the server's word once, and is not any more: such
    an entry was offered to a restored server and changed nothing there. It has the record, perhaps; they wait too."""
    arrived = {image.ref.id for image in images}
    for entry in ended:
        away = [i for i in entry.decoded() if i.operation is Operation.DELETE and i.id not in arrived]
        refs = (RecordRef(item.object, item.id) for item in away if item.object in tables)
        if any(_is_away(work, tables, ref) and not _has_base(work, ref) for ref in refs):
            work.run("INSERT OR IGNORE INTO _partial VALUES (?)", entry.root)


def _is_away(work: Work, tables: ObjectTables, ref: RecordRef) -> bool:
    """The base image says so; where there is none, a record without a row is away."""
    here = work.one(f"SELECT 1 FROM {tables[ref.object].name} WHERE Id = ?", ref.id)
    return here is None or _has_base(work, ref)


def _has_base(work: Work, ref: RecordRef) -> bool:
    return work.one("SELECT 1 FROM _base WHERE id = ?", ref.id) is not None
