"""Records as they are now, and as the caller may read them now: for upload responses and feed pages.

Rows stay the JSON that PostgreSQL wrote. What is deleted, gone or not open to the caller comes as `Gone`, without a
reason: the device cannot tell them apart.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

import msgspec

from fieldsync.protocol.rows import Gone, RecordRef, RowBlock
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.scope.scope import Scope


@dataclass
class Images:
    """Wire rows by object and id, and the records that are not there."""

    rows: dict[str, dict[str, str]] = field(default_factory=lambda: defaultdict(dict))
    gone: dict[RecordRef, Gone] = field(default_factory=dict)

    def holds(self, ref: RecordRef) -> bool:
        """Whether the record is there, and shown."""
        return ref.id in self.rows.get(ref.object, {})

    def blocks(self, scope: Scope) -> tuple[RowBlock, ...]:
        """The rows as blocks, masters' objects first."""
        return tuple(
            RowBlock(name, scope.wire_columns(name), msgspec.Raw(("[" + ",".join(rows.values()) + "]").encode()))
            for name in scope.around.catalog.objects
            if (rows := self.rows.get(name))
        )


async def read_images(scope: Scope, database: Database, refs: Iterable[RecordRef]) -> Images:
    """The present rows of these records, as far as the person may read them; rules are not asked."""
    images = Images()
    wanted: dict[str, set[str]] = defaultdict(set)
    for ref in refs:
        wanted[ref.object].add(ref.id)
    for name, ids in wanted.items():
        if not scope.may_read(name):
            images.gone.update({r: Gone(r.object, r.id, 0, False) for r in _refs(name, ids)})
            continue
        found = set()
        for record_id, deleted, stamp, row in await database.rows(scope.rows(name), ids=sorted(ids)):
            found.add(record_id)
            if deleted:
                images.gone[RecordRef(name, record_id)] = Gone(name, record_id, stamp)
            else:
                images.rows[name][record_id] = row
        images.gone.update({r: Gone(r.object, r.id, 0, False) for r in _refs(name, ids - found)})
    return images


async def read_families(
    scope: Scope, database: Database, roots: Iterable[RecordRef], images: Images
) -> dict[RecordRef, tuple[RecordRef, ...]]:
    """The present members of each family, root first, their rows added to `images`. A root that is gone has none."""
    members: dict[RecordRef, list[RecordRef]] = {}
    by_object: dict[str, list[RecordRef]] = defaultdict(list)
    for root in roots:
        members[root] = [root] if root.id in images.rows.get(root.object, {}) else []
        if members[root] and root.object in scope.around.catalog.families:
            by_object[root.object].append(root)
    for root_object, present in by_object.items():
        await _read_details(scope, database, root_object, present, members, images)
    return {root: tuple(refs) for root, refs in members.items()}


async def _read_details(
    scope: Scope,
    database: Database,
    root_object: str,
    present: list[RecordRef],
    members: dict[RecordRef, list[RecordRef]],
    images: Images,
) -> None:
    family = scope.around.catalog.families[root_object]
    owner: dict[str, dict[str, RecordRef]] = {root_object: {ref.id: ref for ref in present}}
    for name in family.members[1:]:
        master = scope.around.catalog[name].master
        assert master is not None
        assert master.references is not None
        above = owner.get(master.references, {})
        owner[name] = {}
        if not above or not scope.may_read(name):
            continue
        for record_id, master_id, row in await database.rows(scope.details(name, master.name), ids=sorted(above)):
            images.rows[name][record_id] = row
            owner[name][record_id] = above[master_id]
            members[above[master_id]].append(RecordRef(name, record_id))


def _refs(name: str, ids: Iterable[str]) -> Iterable[RecordRef]:
    return (RecordRef(name, record_id) for record_id in sorted(ids))  # type: ignore[arg-type]
