"""Records that are the same as one there is, by the duplicate rules of their object (FEATURES G19).

A new one is refused, or becomes a link: the id that was sent is from then on another name of the record there is, as if
the two had been merged. Whose rule says `block`, or whose maker may not read the other record, is told DUPLICATE. Two
saves with the same values wait for each other, so that the second always meets what the first made.

Of a family, what is linked is left out of the save, the rest is read as said of the record there is, and the save is
looked at anew: a new detail of a visit that was there is one of that visit.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ClauseElement,
    Integer,
    MetaData,
    and_,
    bindparam,
    cast,
    column,
    func,
    select,
)
from sqlalchemy.dialects.postgresql import JSON

from fieldsync.base.ids import RecordId, content_hash
from fieldsync.base.problems import Code, problem
from fieldsync.protocol.rows import RecordRef
from fieldsync.protocol.upload import Linked, Operation
from fieldsync.schema.model import DuplicateRule, WhenAlike
from fieldsync.server.merge import aliases
from fieldsync.server.org.runtime import Org
from fieldsync.server.postgres.compiled import compile_statement, compiled_once
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.save.batch import Edit, Wave, Work, encode_rows
from fieldsync.server.save.changes import linked_refs
from fieldsync.server.save.logic.late import Late

Values = tuple[str, ...]


@dataclass(frozen=True)
class Asked:
    """One rule asked of one edit: what its fields hold now."""

    work: Work
    edit: Edit
    rule: DuplicateRule
    values: Values


async def match(org: Org, database: Database, wave: Wave) -> bool:
    """Refuse or link what is the same as a record there is. Raises Late where one of the wave has to see another.

    Returns whether the wave has to be looked at anew, as what it says is said of other records now.
    """
    asked = [one for work in wave.works if work.open for edit in work.edits for one in _asked(work, edit)]
    if not asked:
        return False
    _one_by_one(wave, asked)
    await database.rows(_WAIT, keys=sorted({_key(one) for one in asked}))
    linked: dict[RecordId, RecordId] = {}
    for (name, _), group in _grouped(asked).items():
        found = await _there(org, database, name, group)
        for place, one in enumerate(group):
            others = [record_id for record_id in found.get(one.values, ()) if record_id != one.edit.item.id]
            others += [] if others else _before(one, group[:place])
            if others and one.work.open and one.edit.item.id not in linked:
                linked |= await _decide(org, database, wave, one, others)
    return bool(linked) and _leave_out(org, wave, linked)


def _before(one: Asked, group: list[Asked]) -> list[RecordId]:
    """What the same save creates before it with the same values."""
    return [o.edit.item.id for o in group if o.values == one.values and o.edit is not one.edit][:1]


def _leave_out(org: Org, wave: Wave, linked: dict[RecordId, RecordId]) -> bool:
    """Take what became a link out of its save; what is left names the records there are. Whether anything is left."""
    again = False
    for work in wave.works:
        mine: dict[str, RecordId] = {
            edit.item.id: linked[edit.item.id] for edit in work.edits if edit.item.id in linked
        }
        if not mine or not work.open:
            continue
        work.linked.update((RecordId(sent), there) for sent, there in mine.items())
        left = [edit for edit in work.edits if edit.item.id not in mine]
        work.asked = work.asked or work.edits
        if left:
            pointed = (aliases.pointed(org.catalog, e.object_type, e.item, mine) for e in left)
            work.edits = [Edit(item, edit.object_type) for item, edit in zip(pointed, left, strict=True)]
            again = True
        else:
            work.outcome, work.touched = Linked(dict(work.linked)), list(linked_refs(org.catalog, work))
    if again:
        wave.facts = type(wave.facts)(predecessors=wave.facts.predecessors)
    return again


def _asked(work: Work, edit: Edit) -> Iterator[Asked]:
    if edit.new is None or edit.item.operation in (Operation.DELETE, Operation.UNDELETE):
        return
    for rule in edit.object_type.declared.duplicate_rules:
        touched = edit.item.operation is Operation.CREATE or edit.revives or not edit.changed.isdisjoint(rule.fields)
        values = [edit.new.get(name) for name in rule.fields]
        if rule.active and touched and None not in values:
            yield Asked(work, edit, rule, tuple(map(str, values)))


def _key(one: Asked) -> int:
    """What two saves of the same record have in common, as a number to wait by."""
    text = "\x1f".join((one.edit.item.object, one.rule.name, *one.values))
    return int(content_hash(text.encode())[:15], 16)


def _one_by_one(wave: Wave, asked: list[Asked]) -> None:
    """Transactions of one wave that are alike, or that name a record which may become a link, are saved in turn."""
    if len(wave.works) == 1:
        return
    seen: dict[int, Work] = {}
    for one in asked:
        if seen.setdefault(_key(one), one.work) is not one.work:
            raise Late([(list(wave.works), ())])
    linked = {one.edit.item.id for one in asked if one.rule.when_alike is WhenAlike.LINK}
    named = {value for work in wave.works for edit in work.edits for _, value in edit.references}
    if linked & named:
        raise Late([(list(wave.works), ())])


def _grouped(asked: list[Asked]) -> dict[tuple[str, str], list[Asked]]:
    found: dict[tuple[str, str], list[Asked]] = defaultdict(list)
    for one in asked:
        found[one.edit.item.object, one.rule.name].append(one)
    return found


async def _there(org: Org, database: Database, name: str, group: list[Asked]) -> dict[Values, list[RecordId]]:
    """Present records by the values that are asked for, oldest id first."""
    fields = group[0].rule.fields
    rows = [{"place": n} | {f: (one.edit.new or {})[f] for f in fields} for n, one in enumerate(group)]
    found: dict[Values, list[RecordId]] = defaultdict(list)
    for place, record_id in await database.rows(_same(org.metadata, name, fields), rows=encode_rows(rows)):
        found[group[place].values].append(record_id)
    return found


@compiled_once
def _same(metadata: MetaData, name: str, fields: tuple[str, ...]) -> ClauseElement:
    """Records that have the same values in these fields as one of the rows that are given."""
    table = metadata.tables[name]
    columns = [column("place", Integer), *(column(field, table.c[field].type) for field in fields)]
    document = func.json_to_recordset(cast(bindparam("rows"), JSON))
    given = document.table_valued(*columns).render_derived(name="r", with_types=True)
    same = and_(*(table.c[field] == given.c[field] for field in fields))
    query = select(given.c.place, table.c.Id).select_from(table.join(given, same))
    return query.where(table.c.IsDeleted.is_(False)).order_by(table.c.Id)


async def _decide(
    org: Org, database: Database, wave: Wave, one: Asked, others: list[RecordId]
) -> dict[RecordId, RecordId]:
    """Refuse it, or say which record it becomes. Raises Late where that changes the rest of one of several saves."""
    item, scope = one.edit.item, wave.frame.scope
    readable = set(others)
    if scope is not None and not (scope.may_read(item.object) and scope.is_public(item.object)):
        allowed = scope.may_read(item.object)
        rows = await database.rows(scope.access(item.object), ids=others) if allowed else []
        own = {edit.item.id for edit in one.work.edits}
        readable = {record_id for record_id, _ in rows} | (own & readable)
    shown = next((record_id for record_id in others if record_id in readable), None)
    if one.rule.when_alike is WhenAlike.LINK and item.operation is Operation.CREATE and shown is not None:
        if len(one.work.edits) > 1 and len(wave.works) > 1:
            raise Late([(list(wave.works), ())])
        return {item.id: shown}
    field = one.edit.object_type.fields[one.rule.fields[0]]
    details = {"value": ", ".join(one.values), "rule": one.rule.name} | ({"existing": shown} if shown else {})
    one.work.reject(problem(Code.DUPLICATE, object=item.object, id=item.id, field=field.name, **details))
    return {}


async def keep_links(org: Org, database: Database, wave: Wave) -> None:
    """From here on the ids of what became a link name the records there are."""
    for work in wave.works:
        for sent, there in work.outcome.existing.items() if isinstance(work.outcome, Linked) else ():
            ref = RecordRef(org.catalog.by_prefix[sent[:3]].name, sent)
            await aliases.remember(database, ref, there, wave.frame.now)


_WAIT = compile_statement(
    select(func.pg_advisory_xact_lock(column("key"))).select_from(
        func.unnest(cast(bindparam("keys"), ARRAY(BigInteger))).table_valued("key").render_derived(name="k")
    )
)
