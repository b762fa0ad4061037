"""Carrying out what `decide` says for one answer's records: rows, base images, removals; one transaction.

Free families take the bulk path: one upsert per object, guarded by the stamp. What this file changes is the same
whether it runs once or ten times.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from fieldsync.base.faults import reach
from fieldsync.base.ids import RecordId
from fieldsync.device.merge.base import (
    Base,
    BaseState,
    bases_of_records,
    forget_bases,
    put_bases,
    release,
    roots_filed,
)
from fieldsync.device.merge.decide import NO_STAMP, counts_as_new, is_news
from fieldsync.device.merge.free import busy_roots
from fieldsync.device.merge.image import Image, Written
from fieldsync.device.merge.manifest import Manifest, mark_partial, missing_members
from fieldsync.device.merge.merged import follow_merges
from fieldsync.device.queue import lost
from fieldsync.device.queue.journal import root_of_entry, touched_of
from fieldsync.device.store import meta
from fieldsync.device.store.meta import Key
from fieldsync.device.store.objects import ObjectTable, ObjectTables
from fieldsync.device.store.records import root_in_table
from fieldsync.device.store.values import pack, values_of
from fieldsync.device.store.work import Work, listed
from fieldsync.protocol.rows import RecordRef
from fieldsync.schema.standard import STAMP


@dataclass
class Applied:
    """What a person may notice: records whose rows may have changed, and records with news that waits."""

    changed: dict[RecordRef, None] = field(default_factory=dict)
    waiting: dict[RecordRef, None] = field(default_factory=dict)
    written: Written = field(default_factory=Written)
    """Where it was asked for."""

    def add(self, more: Applied) -> None:
        """What came after it."""
        self.changed.update(more.changed)
        self.waiting.update(more.waiting)
        self.written.add(more.written)


def apply(
    work: Work,
    tables: ObjectTables,
    images: Sequence[Image],
    *,
    manifests: Iterable[Manifest] = (),
    freed: Iterable[str] = (),
    forced: bool = False,
    counted: bool = False,
) -> Applied:
    """File the records of one answer. `freed`: families whose entries were just decided.

    `forced`: versions may go back, because the server's own history did (DESIGN 5, epochs); of single rows the store
    knows it (`queue/lost.py`). `counted`: say how many rows became others.
    """
    images = [*images, *missing_members(work, tables, manifests, images)]
    older = {i.ref.id for i in images} if forced else lost.among(work, [i.ref.id for i in images])
    mark_partial(work, tables, manifests, images)
    filed = roots_filed(work, [i.ref.id for i in images])
    roots = _roots(work, tables, images, filed)
    busy = busy_roots(work, {*roots.values(), *freed})
    ready = [i for i in images if roots[i.ref.id] not in busy]
    staged = [i for i in images if roots[i.ref.id] in busy]
    done, anyway = Applied(), older
    reach("apply.before_rows")
    forget_bases(work, [i.ref.id for i in ready if filed.get(i.ref.id, roots[i.ref.id]) != roots[i.ref.id]])
    free = {*freed, *(roots[i.ref.id] for i in ready)} - busy
    if free:
        arriving = {i.ref.id: NO_STAMP if i.ref.id in older else i.stamp for i in ready}
        released = release(work, tables, sorted(free), arriving)
        done.changed.update(dict.fromkeys(released.changed))
        anyway = older | released.outdone
    if counted:
        _count(work, tables, ready, done, forced=forced)
    _write(work, tables, ready, done, anyway)
    merged = ((image.ref, image.into) for image in images if image.into is not None)
    done.changed.update(dict.fromkeys(follow_merges(work, tables, merged)))
    reach("apply.before_bases")
    _stage(work, tables, staged, roots, done, older)
    if older and not forced:
        lost.heard(work, [i.ref.id for i in ready if i.ref.id in older])
    return done


def roots_of(work: Work, tables: ObjectTables, images: Sequence[Image]) -> dict[RecordId, RecordId]:
    """Record to its family's root. A base image remembers it; a row leads to it, or an entry that changes it; a record
    nobody knows is its own.

    A detail that the server has put under another master is of that one's family, unless an own edit of it waits.
    """
    return _roots(work, tables, images, roots_filed(work, [i.ref.id for i in images]))


def _roots(
    work: Work, tables: ObjectTables, images: Sequence[Image], own: Mapping[RecordId, RecordId]
) -> dict[RecordId, RecordId]:
    here = {i.ref.id: i for i in images}
    moved = {i.ref.id for i in images if i.ref.id in own and _master(tables, i) not in (None, own[i.ref.id])}
    kept = own.keys() - (moved - touched_of(work, moved))
    return {i.ref.id: own[i.ref.id] if i.ref.id in kept else _root(work, tables, i, here) for i in images}


def _master(tables: ObjectTables, image: Image) -> RecordId | None:
    """The root that a row names itself."""
    table = tables[image.ref.object]
    if image.row is None or len(table.way) != 1:
        return None
    master: RecordId | None = image.row[table.columns.index(table.way[0].column)]
    return master


def _root(work: Work, tables: ObjectTables, image: Image, here: Mapping[RecordId, Image]) -> RecordId:
    table = tables[image.ref.object]
    if not table.way:
        return image.ref.id
    if image.row is None:
        return root_in_table(work, table, image.ref.id) or root_of_entry(work, image.ref.id) or image.ref.id
    parent = image.row[table.columns.index(table.way[0].column)]
    if len(table.way) == 1 or parent is None:
        return parent or image.ref.id
    if parent in here:
        return _root(work, tables, here[parent], here)
    return root_in_table(work, tables[table.way[0].parent], parent) or image.ref.id


def _count(work: Work, tables: ObjectTables, ready: Sequence[Image], done: Applied, *, forced: bool) -> None:
    objects: dict[str, list[Image]] = {}
    for image in ready:
        objects.setdefault(image.ref.object, []).append(image)
    for name, images in objects.items():
        done.written.add(_counted(work, tables[name], images, forced=forced))


def _counted(work: Work, table: ObjectTable, images: Sequence[Image], *, forced: bool) -> Written:
    """What writing the images of one object will come to. `forced`: versions may go back."""
    ids = listed({image.ref.id for image in images})
    held = dict(work.rows(f"SELECT Id, {STAMP} FROM {table.name} WHERE Id IN (SELECT value FROM json_each(?))", ids))
    found = Written()
    for image in images:
        stamp = held.get(image.ref.id)
        if image.row is not None:
            found.created += stamp is None
            found.updated += stamp is not None and (image.stamp != stamp if forced else image.stamp > stamp)
            held[image.ref.id] = image.stamp
        elif stamp is not None and (forced or image.stamp == NO_STAMP or stamp <= image.stamp):
            found.removed += 1
            del held[image.ref.id]
    return found


def _write(work: Work, tables: ObjectTables, ready: Sequence[Image], done: Applied, anyway: Collection[str]) -> None:
    """`anyway`: records whose version may go back."""
    rows: dict[tuple[str, bool], list[Sequence[object]]] = {}
    gone: dict[str, list[Image]] = {}
    for image in ready:
        done.changed[image.ref] = None
        if image.row is None:
            gone.setdefault(image.ref.object, []).append(image)
        else:
            rows.setdefault((image.ref.object, image.ref.id in anyway), []).append(image.row)
    _note_passed(work, ready)
    for (name, back), found in rows.items():
        work.many(tables[name].put if back else tables[name].upsert, found)
    for name, away in gone.items():
        statement = f"DELETE FROM {tables[name].name} WHERE Id = ? AND (? = {NO_STAMP} OR _stamp <= ?)"
        work.many(statement, [(i.ref.id, *(2 * [NO_STAMP if i.ref.id in anyway else i.stamp])) for i in away])


def _note_passed(work: Work, ready: Sequence[Image]) -> None:
    """While an update is prepared or lies ready: what passes it by, so that it takes nothing of that back."""
    if not ready or meta.get(work, Key.PREPARING) is None:
        return
    passed = ((i.ref.id, i.stamp, int(i.row is None)) for i in ready)
    keep = "stamp = max(stamp, excluded.stamp), gone = excluded.gone"
    work.many(f"INSERT INTO _passed VALUES (?, ?, ?) ON CONFLICT(id) DO UPDATE SET {keep}", passed)


def _stage(
    work: Work,
    tables: ObjectTables,
    staged: Sequence[Image],
    roots: Mapping[RecordId, RecordId],
    done: Applied,
    older: Collection[str],
) -> None:
    held = bases_of_records(work, [i.ref.id for i in staged])
    news: list[Base] = []
    for image in staged:
        base = held.get(image.ref.id)
        stamp = base.stamp if base else _row_stamp(work, tables, image.ref)
        if base is not None and base.row is None and image.row is None:
            continue
        if image.ref.id in older or is_news(image.stamp, stamp):
            news.append(_as_base(tables, image, roots[image.ref.id]))
            if stamp is None or counts_as_new(image.stamp, stamp):
                done.waiting[image.ref] = None
    put_bases(work, news)


def _row_stamp(work: Work, tables: ObjectTables, ref: RecordRef) -> int | None:
    found: int | None = work.value(f"SELECT _stamp FROM {tables[ref.object].name} WHERE Id = ?", ref.id)
    return found


def _as_base(tables: ObjectTables, image: Image, root: RecordId) -> Base:
    if image.row is None:
        state = BaseState.ABSENT if image.state is BaseState.ROW else image.state
        return Base(image.ref, root, state, image.stamp, None)
    table = tables[image.ref.object]
    return Base(image.ref, root, BaseState.ROW, image.stamp, pack(values_of(table.columns, (), image.row)))
