"""Records that are the same as one there is, by the duplicate rules of their object (FEATURES G19).

A new one is refused, or becomes a link: the id that was sent is from then on another name of the record there is, as if
the two had been merged. Whose rule says `block`, or whose maker may not read the other record, is told DUPLICATE. Two
saves with the same values wait for each other, so that the second always meets what the first made.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import ARRAY, BigInteger, Integer, and_, bindparam, cast, column, func, select
from sqlalchemy.dialects.postgresql import JSON

from fieldsync.base.ids import RecordId, content_hash
from fieldsync.base.problems import Code, problem
from fieldsync.protocol.rows import RecordRef
from fieldsync.protocol.upload import Linked, Operation
from fieldsync.schema.model import DuplicateRule, WhenAlike
from fieldsync.server.merge import aliases
from fieldsync.server.org.runtime import Org
from fieldsync.server.postgres.compiled import compile_statement
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.save.batch import Edit, Wave, Work, encode_rows
from fieldsync.server.save.logic.late import Late

Values = tuple[str, ...]


@dataclass(frozen=True)
class Asked:
    """One rule asked of one edit: what its fields hold now."""

    work: Work
    edit: Edit
    rule: DuplicateRule
    values: Values


async def match(org: Org, database: Database, wave: Wave) -> None:
    """Refuse or link what is the same as a record there is. Raises Late where one of the wave has to see another."""
    asked = [one for work in wave.works if work.open for edit in work.edits for one in _asked(work, edit)]
    if not asked:
        return
    _one_by_one(wave, asked)
    await database.rows(_WAIT, keys=sorted({_key(one) for one in asked}))
    for (name, _), group in _grouped(asked).items():
        found = await _there(org, database, name, group)
        for one in group:
            others = [record_id for record_id in found.get(one.values, ()) if record_id != one.edit.item.id]
            if others and one.work.open:
                await _decide(org, database, wave, one, others)


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
    table, fields = org.metadata.tables[name], group[0].rule.fields
    columns = [column("place", Integer), *(column(field, table.c[field].type) for field in fields)]
    document = func.json_to_recordset(cast(bindparam("rows"), JSON))
    given = document.table_valued(*columns).render_derived(name="r", with_types=True)
    same = and_(*(table.c[field] == given.c[field] for field in fields))
    query = select(given.c.place, table.c.Id).select_from(table.join(given, same))
    ordered = query.where(table.c.IsDeleted.is_(False)).order_by(table.c.Id)
    rows = [{"place": n} | {f: (one.edit.new or {})[f] for f in fields} for n, one in enumerate(group)]
    found: dict[Values, list[RecordId]] = defaultdict(list)
    for place, record_id in await database.rows(compile_statement(ordered), rows=encode_rows(rows)):
        found[group[place].values].append(record_id)
    return found


async def _decide(org: Org, database: Database, wave: Wave, one: Asked, others: list[RecordId]) -> None:
    item, scope = one.edit.item, wave.frame.scope
    readable = set(others)
    if scope is not None and not (scope.may_read(item.object) and scope.is_public(item.object)):
        allowed = scope.may_read(item.object)
        rows = await database.rows(scope.access(item.object), ids=others) if allowed else []
        readable = {record_id for record_id, _ in rows}
    shown = next((record_id for record_id in others if record_id in readable), None)
    links = one.rule.when_alike is WhenAlike.LINK and item.operation is Operation.CREATE and len(one.work.edits) == 1
    if links and shown is not None:
        one.work.outcome = Linked({item.id: shown})
        one.work.touched = [RecordRef(item.object, shown), one.edit.ref]
        await aliases.remember(database, one.edit.ref, shown, wave.frame.now)
        return
    field = one.edit.object_type.fields[one.rule.fields[0]]
    details = {"value": ", ".join(one.values), "rule": one.rule.name} | ({"existing": shown} if shown else {})
    one.work.reject(problem(Code.DUPLICATE, object=item.object, id=item.id, field=field.name, **details))


_WAIT = compile_statement(
    select(func.pg_advisory_xact_lock(column("key"))).select_from(
        func.unnest(cast(bindparam("keys"), ARRAY(BigInteger))).table_valued("key").render_derived(name="k")
    )
)
