"""Family manifests: which members a family has on the server, and whether all of them are here (FEATURES D01)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from fieldsync.base.ids import RecordId
from fieldsync.device.merge.base import BaseState, bases_of_roots
from fieldsync.device.merge.image import Image
from fieldsync.device.store.objects import ObjectTables
from fieldsync.device.store.records import below
from fieldsync.device.store.work import Work, listed
from fieldsync.protocol.feed import FamilyImage
from fieldsync.protocol.rows import RecordRef

Manifest = FamilyImage


def missing_members(
    work: Work, tables: ObjectTables, manifests: Iterable[Manifest], images: Sequence[Image]
) -> Iterator[Image]:
    """Members held here that the server's family does not have any more, as removals without a version."""
    arrived = {i.ref.id for i in images}
    for manifest in manifests:
        if manifest.root.object not in tables:
            continue
        present = {m.id for m in manifest.members}
        for ref in _held_members(work, tables, manifest.root):
            if ref.id not in present and ref.id not in arrived:
                yield Image(ref, 0, None, BaseState.ABSENT)


def _held_members(work: Work, tables: ObjectTables, root: RecordRef) -> Iterator[RecordRef]:
    known = {root.id}
    yield root
    for table, record_id in below(work, tables, root.object, root.id):
        known.add(RecordId(record_id))
        yield RecordRef(table.type.name, RecordId(record_id))
    for base in bases_of_roots(work, [root.id]):
        if base.ref.id not in known:
            yield base.ref


def mark_partial(work: Work, tables: ObjectTables, manifests: Iterable[Manifest], images: Sequence[Image]) -> None:
    """Remember families that name a member which is nowhere here; forget those that are complete now."""
    arrived = {i.ref.id for i in images if i.row is not None}
    for manifest in manifests:
        absent = [m for m in manifest.members if m.id not in arrived and m.object in tables]
        if absent and not _all_held(work, tables, absent):
            work.run("INSERT OR IGNORE INTO _partial VALUES (?)", manifest.root.id)
        else:
            work.run("DELETE FROM _partial WHERE root = ?", manifest.root.id)


def _all_held(work: Work, tables: ObjectTables, refs: Iterable[RecordRef]) -> bool:
    for ref in refs:
        in_table = work.one(f"SELECT 1 FROM {tables[ref.object].name} WHERE Id = ?", ref.id)
        in_base = work.one(f"SELECT 1 FROM _base WHERE id = ? AND state = '{BaseState.ROW.value}'", ref.id)
        if in_table is None and in_base is None:
            return False
    return True


def partial_roots(work: Work) -> tuple[RecordId, ...]:
    """Families a member of which is waited for."""
    return tuple(root for (root,) in work.rows("SELECT root FROM _partial"))


def no_more_partial(work: Work, roots: Iterable[RecordId] | None = None) -> None:
    """A download that was asked for since brings whatever of these is open to the person, or nothing.

    `roots`: those that were partial when it was asked for; None: all that are.
    """
    chosen = partial_roots(work) if roots is None else roots
    work.run("DELETE FROM _partial WHERE root IN (SELECT value FROM json_each(?))", listed(chosen))
