"""Records as they are now, and as the caller may read them now: for upload responses and feed pages.

Rows stay the JSON that PostgreSQL wrote. What is deleted, gone or not open to the caller comes as `Gone`, without a
reason: the device cannot tell them apart.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import msgspec

from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Code, Problem
from fieldsync.protocol.rows import Gone, RecordRef, RowBlock
from fieldsync.protocol.upload import Rejected, Result
from fieldsync.schema.model import Field
from fieldsync.server.merge.aliases import readable
from fieldsync.server.postgres.work import Question
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


def image_questions(scope: Scope, refs: Iterable[RecordRef]) -> Iterator[Question]:
    """What `read_images` asks first of each object."""
    wanted = _by_object(refs)
    yield from ((scope.rows(name), {"ids": sorted(ids)}) for name, ids in wanted.items() if scope.may_read(name))


def _by_object(refs: Iterable[RecordRef]) -> dict[str, set[str]]:
    """In the order of names: an answer is the same whatever order a process takes a set in (law L11)."""
    wanted: dict[str, set[str]] = defaultdict(set)
    for ref in refs:
        wanted[ref.object].add(ref.id)
    return dict(sorted(wanted.items()))


async def read_images(scope: Scope, database: Database, refs: Iterable[RecordRef]) -> Images:
    """The present rows of these records, as far as the person may read them; rules are not asked."""
    images = Images()
    for name, ids in _by_object(refs).items():
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
        deleted_ids = [ref.id for ref in images.gone if ref.object == name]
        for loser, winner in (await readable(scope, database, name, deleted_ids)).items():
            ref = RecordRef(name, RecordId(loser))
            images.gone[ref] = msgspec.structs.replace(images.gone[ref], into=winner)
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


def family_questions(scope: Scope, roots: Iterable[RecordRef]) -> Iterator[Question]:
    """What `read_families` asks first, where every root is there."""
    for name, ids in _by_object(roots).items():
        if name in scope.around.catalog.families:
            yield from _detail_questions(scope, _details_of(scope, name, {name: ids}), {name: ids})


async def _read_details(
    scope: Scope,
    database: Database,
    root_object: str,
    present: list[RecordRef],
    members: dict[RecordRef, list[RecordRef]],
    images: Images,
) -> None:
    """Level by level: what hangs on records of one level is asked in one trip."""
    owner: dict[str, dict[str, RecordRef]] = {root_object: {ref.id: ref for ref in present}}
    level = _details_of(scope, root_object, owner)
    while level:
        database.ahead(*_detail_questions(scope, level, owner))
        for name, leads in level.items():
            above, owner[name] = owner[leads.references or ""], {}
            for record_id, master_id, row in await database.rows(scope.details(name, leads.name), ids=sorted(above)):
                images.rows[name][record_id] = row
                owner[name][record_id] = above[master_id]
                members[above[master_id]].append(RecordRef(name, record_id))
        level = _details_of(scope, root_object, {name: owner[name] for name in level})


def _details_of(scope: Scope, root_object: str, above: Mapping[str, Collection[str]]) -> dict[str, Field]:
    """The details in a family of records of these objects, each with the field that leads to them."""
    catalog = scope.around.catalog
    found = {name: catalog[name].master for name in catalog.families[root_object].members[1:]}
    return {
        name: leads
        for name, leads in found.items()
        if leads is not None and above.get(leads.references or "") and scope.may_read(name)
    }


def _detail_questions(
    scope: Scope, level: Mapping[str, Field], above: Mapping[str, Collection[str]]
) -> Iterator[Question]:
    for name, leads in level.items():
        yield scope.details(name, leads.name), {"ids": sorted(above[leads.references or ""])}


def _refs(name: str, ids: Iterable[str]) -> Iterable[RecordRef]:
    return (RecordRef(name, record_id) for record_id in sorted(ids))  # type: ignore[arg-type]


def concerned(result: Result) -> Iterator[RecordRef]:
    """Records whose present image goes back: those the save touched, and those whose state refused it."""
    yield from result.touched
    if isinstance(result.outcome, Rejected):
        for reason in result.outcome.problems:
            if reason.code in _REFUSED_BY_STATE and reason.object is not None and reason.id is not None:
                yield RecordRef(reason.object, RecordId(reason.id))


def closed(result: Result, images: Images, scope: Scope) -> Result:
    """A result as the person may read it now: a recorded conflict told what the server had then (THREATS T3). Pure."""
    if not isinstance(result.outcome, Rejected):
        return result
    problems = tuple(_without_theirs(one, images, scope) for one in result.outcome.problems)
    return msgspec.structs.replace(result, outcome=Rejected(problems))


def _without_theirs(found: Problem, images: Images, scope: Scope) -> Problem:
    if found.object is None or found.id is None or "theirs" not in found.details:
        return found
    columns = scope.wire_columns(found.object) if scope.may_read(found.object) else ()
    if RecordRef(found.object, RecordId(found.id)) not in images.gone and found.field in columns:
        return found
    kept = {name: value for name, value in found.details.items() if name not in _OF_THE_SERVER}
    return msgspec.structs.replace(found, details=kept)


_OF_THE_SERVER = frozenset({"theirs", "who", "when"})
_REFUSED_BY_STATE = frozenset(
    {Code.CONFLICT_OLD_VALUE, Code.ENTITY_DELETED, Code.DELETE_DENIED, Code.LOCKED, Code.SIGNED}
)
