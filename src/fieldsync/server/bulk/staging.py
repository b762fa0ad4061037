"""The staging table of one load, and the statements that compare it with the object's rows and write them: all of them
set-based, none of them per line.

A staged line has its number, what the file says, and then: which row it is about, what becomes of that row, and what
its changed columns held before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Date,
    MetaData,
    Select,
    Table,
    Text,
    and_,
    any_,
    bindparam,
    case,
    cast,
    func,
    insert,
    literal,
    literal_column,
    null,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from fieldsync.base import limits
from fieldsync.schema.catalog import ObjectType
from fieldsync.schema.fields import literal_default
from fieldsync.schema.standard import STAMP
from fieldsync.server.bulk.lines import Target
from fieldsync.server.org.seed import Seeding
from fieldsync.server.save.batch import UNLOGGED

LINE, ID, NAME, KIND, OLD = "_line", "_id", "_name", "_kind", "_old"
CREATED, UPDATED, REVIVED, DELETED, SAME = "created", "updated", "undeleted", "deleted", "same"
_EMPTY: Any = literal_column("'{}'::jsonb")


@dataclass(frozen=True)
class Staging:
    """The statements for one object and the columns of one file."""

    seeding: Seeding
    object_type: ObjectType
    targets: Sequence[Target]

    @cached_property
    def rows(self) -> Table:
        """The object's own table."""
        return self.seeding.metadata.tables[self.object_type.name]

    @cached_property
    def staged(self) -> Table:
        """The staging table; it goes with the transaction."""
        said = [Column(self.said(n), Text if t.external else self._type(t)) for n, t in enumerate(self.targets)]
        found = [Column(t.column, self._type(t)) for t in self.targets if t.external]
        texts = [Column(name, Text) for name in (ID, NAME, KIND)]
        columns = [Column(LINE, BigInteger), *said, *found, *texts, Column(OLD, JSONB)]
        return Table("_staged", MetaData(), *columns, prefixes=["TEMPORARY"], postgresql_on_commit="DROP")

    @cached_property
    def received(self) -> Table:
        """The part of it that lines of the file go into."""
        names = [LINE, *(self.said(n) for n in range(len(self.targets)))]
        return Table("_staged", MetaData(), *(Column(name, self.staged.c[name].type) for name in names))

    def said(self, number: int) -> str:
        """The column that holds what the file says under a heading."""
        target = self.targets[number]
        return f"_said{number}" if target.external else target.column

    def _type(self, target: Target) -> Any:
        return self.rows.c[target.column].type

    @property
    def _key(self) -> tuple[str, ...]:
        assert self.object_type.declared.bulk is not None
        return self.object_type.declared.bulk.key

    @property
    def _period(self) -> str:
        assert self.object_type.declared.bulk is not None
        return self.object_type.declared.bulk.period

    def find(self, number: int) -> Any:
        """Puts the ids of what external ids name."""
        target = self.targets[number]
        assert target.external is not None
        name, external = target.external
        other, staged = self.seeding.metadata.tables[name], self.staged
        named = staged.c[self.said(number)] == other.c[external.name]
        return update(staged).values({target.column: other.c.Id}).where(named, other.c.IsDeleted.is_(False))

    def missing(self, number: int) -> Select[Any]:
        """(line, what it says) of references to nothing."""
        target, staged = self.targets[number], self.staged
        said = cast(staged.c[self.said(number)], Text)
        found = select(staged.c[LINE], said).where(said.is_not(None)).order_by(staged.c[LINE])
        if target.external is not None:
            return found.where(staged.c[target.column].is_(None))
        other = self.seeding.metadata.tables[str(target.field.references)]
        there = select(other.c.Id).where(other.c.Id == staged.c[target.column], other.c.IsDeleted.is_(False))
        return found.where(~there.exists())

    def repeated(self) -> Select[Any]:
        """(line, first line) of lines about a row that an earlier line was about."""
        staged = self.staged
        key = [staged.c[name] for name in self._key]
        first = func.min(staged.c[LINE]).over(partition_by=key)
        lines = select(staged.c[LINE].label("line"), first.label("first")).where(and_(*(c.is_not(None) for c in key)))
        every = lines.subquery("every")
        return select(every.c.line, every.c.first).where(every.c.line != every.c.first).order_by(every.c.line)

    def keep_referred(self, target: Target) -> Select[Any]:
        """Holds what the lines refer to, in the order of ids, until the load is done."""
        other = self.seeding.metadata.tables[str(target.field.references)]
        named = other.c.Id.in_(select(self.staged.c[target.column]))
        held = select(other.c.Id).where(named).order_by(other.c.Id).with_for_update(read=True, key_share=True)
        return select(func.count()).select_from(held.subquery("held"))

    def compare(self) -> Any:
        """Finds the rows that are there, what becomes of them, and what their changed columns held."""
        staged, rows = self.staged, self.rows
        differs = [rows.c[t.column].is_distinct_from(staged.c[t.column]) for t in self._values]
        kind = case((rows.c.IsDeleted, REVIVED), (or_(literal(value=False), *differs), UPDATED), else_=SAME)
        old: Any = self._stamps_held
        for target, changed in zip(self._values, differs, strict=True):
            if target.field.type not in UNLOGGED:
                held = func.jsonb_build_object(literal(target.column, Text), rows.c[target.column])
                old = old.op("||")(case((changed, held), else_=_EMPTY))
        old = old.op("||")(case((rows.c.IsDeleted, func.jsonb_build_object("IsDeleted", True)), else_=_EMPTY))
        same = and_(*(rows.c[name] == staged.c[name] for name in self._key))
        return update(staged).values({ID: rows.c.Id, KIND: kind, OLD: old}).where(same)

    @property
    def _values(self) -> list[Target]:
        return [target for target in self.targets if target.column not in self._key]

    @property
    def _stamps_held(self) -> Any:
        names = ("LastModifiedDate", "LastModifiedById", "SystemModstamp")
        return func.jsonb_build_object(*(part for n in names for part in (literal(n, Text), self.rows.c[n])))

    def new_lines(self) -> Select[Any]:
        """Lines about rows that are not there, as many as are given ids at a time."""
        lines = select(self.staged.c[LINE]).where(self.staged.c[KIND].is_(None)).order_by(self.staged.c[LINE])
        return lines.limit(limits.BULK_CHUNK_LINES)

    def name_new(self) -> Any:
        """Gives new rows the ids and names bound as `ids` and `names`, by `lines`."""
        given = (
            func.unnest(
                bindparam("lines", type_=ARRAY(BigInteger)),
                bindparam("ids", type_=ARRAY(Text)),
                bindparam("names", type_=ARRAY(Text)),
            )
            .table_valued("line", "id", "name", name="given")
            .render_derived()
        )
        values = {ID: given.c.id, NAME: given.c.name, KIND: CREATED}
        return update(self.staged).values(values).where(self.staged.c[LINE] == given.c.line)

    def periods(self) -> Select[Any]:
        """Those of the bound ones that the file has lines of."""
        period = self.staged.c[self._period]
        return select(period).distinct().where(period == any_(bindparam("periods", type_=ARRAY(Date))))

    def leave_out(self) -> Any:
        """Notes the rows of these periods that the file has no line for."""
        staged, rows = self.staged, self.rows
        old = self._stamps_held.op("||")(func.jsonb_build_object("IsDeleted", False))
        kept = select(staged.c[ID]).where(staged.c[ID] == rows.c.Id)
        left = select(rows.c.Id, literal(DELETED, Text), old).where(
            rows.c[self._period] == any_(bindparam("periods", type_=ARRAY(Date))),
            rows.c.IsDeleted.is_(False),
            ~kept.exists(),
        )
        return insert(staged).from_select([ID, KIND, OLD], left)

    def counts(self) -> Select[Any]:
        """(kind, how many)."""
        return select(self.staged.c[KIND], func.count()).group_by(self.staged.c[KIND])

    def create(self) -> Any:
        """Inserts the new rows."""
        staged, seeding = self.staged, self.seeding
        person: dict[str, Any] = dict.fromkeys(("OwnerId", "CreatedById", "LastModifiedById"), seeding.user_id)
        moment: dict[str, Any] = dict.fromkeys(("CreatedDate", "LastModifiedDate", "SystemModstamp"), seeding.now)
        values = {name: literal_default(field) for name, field in self.object_type.column_fields.items()}
        values = {**values, **person, **moment, STAMP: seeding.stamp}
        constants = {name: cast(literal(value), self.rows.c[name].type) for name, value in values.items()}
        own = {t.column: staged.c[t.column] for t in self.targets} | {"Id": staged.c[ID], "Name": staged.c[NAME]}
        chosen = {**constants, **own}
        rows = select(*chosen.values()).where(staged.c[KIND] == CREATED)
        return insert(self.rows).from_select(list(chosen), rows)

    def change(self) -> Any:
        """Updates the rows that differ, and brings back those that were gone."""
        staged = self.staged
        values = {t.column: staged.c[t.column] for t in self._values} | {"IsDeleted": False, **self._stamps}
        about = self.rows.c.Id == staged.c[ID]
        return update(self.rows).values(values).where(about, or_(*(staged.c[KIND] == k for k in (UPDATED, REVIVED))))

    def delete(self) -> Any:
        """Marks the rows that the file leaves out."""
        values = {"IsDeleted": True, **self._stamps}
        return (
            update(self.rows).values(values).where(self.rows.c.Id == self.staged.c[ID], self.staged.c[KIND] == DELETED)
        )

    @property
    def _stamps(self) -> dict[str, Any]:
        now = cast(literal(self.seeding.now), self.rows.c.SystemModstamp.type)
        by = self.seeding.user_id
        return {"LastModifiedDate": now, "SystemModstamp": now, "LastModifiedById": by, STAMP: self.seeding.stamp}

    def log(self) -> Any:
        """Enters every row that was written in the change log. None of it is on a feed."""
        staged, seeding, change = self.staged, self.seeding, self.seeding.metadata.tables["_change"]
        entry: dict[str, Any] = {
            "day": cast(literal(seeding.now[:10]), Date),
            "stamp": literal(seeding.stamp, BigInteger),
            "version": literal(seeding.stamp, BigInteger),
            "seq": literal(0),
            "object": literal(self.object_type.name),
            "id": staged.c[ID],
            "kind": staged.c[KIND],
            "old": case((staged.c[KIND] == CREATED, null()), else_=staged.c[OLD]),
            "at": cast(literal(seeding.now), change.c.at.type),
        }
        written = select(*entry.values()).where(staged.c[KIND] != SAME)
        return insert(change).from_select(list(entry), written)
