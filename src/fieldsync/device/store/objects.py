"""The catalog's objects as SQLite tables: names, statements, and the way from a record to its family's root.

Every object has a table with its columns, its formula fields and `_stamp`. An ordinary rowid table: measured equal
to WITHOUT ROWID at these widths, and a signature of a megabyte does not burden its index.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from fieldsync.device.store.values import Fix, column_type, fixes_of, held_field
from fieldsync.formula.catalog import CatalogFormulas
from fieldsync.schema.catalog import Catalog, ObjectType, columns_of
from fieldsync.schema.model import FieldType
from fieldsync.schema.standard import STAMP
from fieldsync.soql.sqlite.letters import sorting_sql

_WORDS = frozenset({FieldType.TEXT, FieldType.PICKLIST, FieldType.MULTI_PICKLIST, FieldType.EMAIL})
SORTED = ".Name sorted by letters"
"""Behind the object's name: an index. Where `sorting_sql` becomes another expression, this becomes another name."""


def quoted(name: str) -> str:
    """A name out of the catalog as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


@dataclass(frozen=True)
class Step:
    """One step up a family: the column that holds the parent's id, and the parent's object.

    `optional`: a lookup; the record that points nowhere is a family of its own.
    """

    column: str
    parent: str
    optional: bool


@dataclass(frozen=True)
class ObjectTable:
    """The table of one object. `way` leads from its rows to their family's root; empty for a root."""

    type: ObjectType
    way: tuple[Step, ...]
    language: str = ""
    """By whose alphabet words sort, where it has letters of its own."""

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The columns of the object, then its formula fields: the server's values, as they came."""
        return (*self.type.columns, *(f.name for f in self.type.formulas))

    @cached_property
    def name(self) -> str:
        return quoted(self.type.name)

    @cached_property
    def references(self) -> frozenset[str]:
        """Columns that hold ids of other records."""
        return frozenset(f.name for f in self.type.references)

    @cached_property
    def fixes(self) -> tuple[tuple[int, Fix], ...]:
        return fixes_of(held_field(self.type, column) for column in self.columns)

    @cached_property
    def column_list(self) -> str:
        return ", ".join(quoted(c) for c in self.columns)

    @cached_property
    def select(self) -> str:
        """All columns, `_stamp` behind them; add a WHERE."""
        return f"SELECT {self.column_list}, {STAMP} FROM {self.name}"

    @cached_property
    def put(self) -> str:
        """Write a row (columns in order, then the stamp) whatever stands there."""
        return f"{self._insert} ON CONFLICT(Id) DO UPDATE SET {self._assignments}"

    @cached_property
    def upsert(self) -> str:
        """Write a row unless a newer version stands there."""
        return f"{self.put} WHERE excluded.{STAMP} >= {self.name}.{STAMP}"

    def holds(self, columns: Sequence[str]) -> bool:
        """Whether rows that come with these columns fit."""
        return {"Id", STAMP} <= set(columns) <= {*self.columns, STAMP}

    def insert_columns(self, columns: Sequence[str]) -> str:
        """Write a row of which these columns came, in this order; the others are null."""
        names, places = ", ".join(map(quoted, columns)), ", ".join("?" * len(columns))
        return f"INSERT OR REPLACE INTO {self.name} ({names}) VALUES ({places})"

    @property
    def _insert(self) -> str:
        places = ", ".join("?" * (len(self.columns) + 1))
        return f"INSERT INTO {self.name} ({self.column_list}, {STAMP}) VALUES ({places})"

    @cached_property
    def _assignments(self) -> str:
        names = (*map(quoted, self.columns[1:]), STAMP)
        return ", ".join(f"{n} = excluded.{n}" for n in names)

    def copy_from(self, source: str, *, forced: bool) -> str:
        """The statement that copies rows of a table with the same columns; `source` is FROM and WHERE, alias `s`."""
        columns = ", ".join(f"s.{quoted(c)}" for c in self.columns)
        head = f"INSERT INTO {self.name} ({self.column_list}, {STAMP}) SELECT {columns}, s.{STAMP} {source}"
        guard = "" if forced else f" WHERE excluded.{STAMP} >= {self.name}.{STAMP}"
        return f"{head} ON CONFLICT(Id) DO UPDATE SET {self._assignments}{guard}"

    def root_of(self, alias: str) -> str:
        """An expression for the root's id of the row that `alias` names."""
        if not self.way:
            return f"{alias}.Id"
        first, *rest = self.way
        expression = f"{alias}.{quoted(first.column)}"
        if first.optional:
            expression = f"coalesce({expression}, {alias}.Id)"
        for step in rest:
            above, below = quoted(first.parent), expression
            expression = f"(SELECT {quoted(step.column)} FROM {above} WHERE Id = {below})"
            if step.optional:
                expression = f"coalesce({expression}, {below})"
            first = step
        return expression

    def ddl(self) -> Iterator[str]:
        """The statements that make the table and its indexes."""
        yield self.create
        yield from self.indexes()

    @property
    def create(self) -> str:
        """The statement that makes the table."""
        columns = [f"Id TEXT PRIMARY KEY NOT NULL, {STAMP} INTEGER NOT NULL DEFAULT 0"]
        columns += [self.column_ddl(c) for c in self.columns if c != "Id"]
        return f"CREATE TABLE {self.name} ({', '.join(columns)})"

    def column_ddl(self, column: str) -> str:
        """A column as CREATE TABLE and ADD COLUMN take it."""
        return f"{quoted(column)} {column_type(held_field(self.type, column))}".rstrip()

    def indexes(self) -> Iterator[str]:
        """References are looked up from both ends; names are sorted by; others where the data model says so."""
        declared = [c for f in self.type.stored if f.indexed for c in columns_of(f)]
        names = [f.name for f in self.type.references if not f.system] + declared
        names += [] if self.sorts_folded("Name") else ["Name"]
        for name in dict.fromkeys(names):
            index = quoted(f"{self.type.name}.{name}")
            yield f"CREATE INDEX IF NOT EXISTS {index} ON {self.name} ({quoted(name)})"
        yield from self.sorting_index()

    def sorting_index(self) -> Iterator[str]:
        """The statements that make the index by which records are listed by name, where people write names."""
        if self.sorts_folded("Name"):
            columns = f"{self.key('Name')}, {quoted('Name')}, Id"
            yield f"CREATE INDEX IF NOT EXISTS {quoted(self.sorting_name)} ON {self.name} ({columns})"

    @property
    def sorting_name(self) -> str:
        """What the index by name is called: another expression has another name."""
        return f"{self.type.name}{SORTED} {self.language}".rstrip()

    def key(self, column: str) -> str:
        """What a column of words sorts by."""
        return sorting_sql(quoted(column), self.language)

    def sorts_folded(self, column: str) -> bool:
        """Whether a column holds words, which sort without case and accents."""
        return held_field(self.type, column).type in _WORDS

    def order(self, column: str, direction: str) -> str:
        """An ORDER BY of a column, ASC or DESC: words by their letters, then by case and accents; then by id."""
        plain = f"{quoted(column)} {direction}"
        return f"{self.key(column)} {direction}, {plain}, Id" if self.sorts_folded(column) else f"{plain}, Id"


@dataclass(frozen=True)
class ObjectTables:
    """Every object's table, by name, masters first."""

    catalog: Catalog
    tables: Mapping[str, ObjectTable]
    language: str = ""

    def __getitem__(self, name: str) -> ObjectTable:
        return self.tables[name]

    def __contains__(self, name: object) -> bool:
        return name in self.tables

    def __iter__(self) -> Iterator[ObjectTable]:
        return iter(self.tables.values())

    @cached_property
    def formulas(self) -> CatalogFormulas:
        """The catalog's formulas, compiled when the first is asked for."""
        return CatalogFormulas(self.catalog)

    def family(self, name: str) -> tuple[ObjectTable, ...]:
        """The tables of an object's family, root first; the object alone when it has none."""
        family = self.catalog.family_of(name)
        return tuple(self.tables[m] for m in (family.members if family else (name,)))


def object_tables(catalog: Catalog, language: str = "") -> ObjectTables:
    """The tables this catalog needs, for somebody who reads lists by the alphabet of this language."""
    return ObjectTables(catalog, {o.name: ObjectTable(o, _way(catalog, o), language) for o in catalog}, language)


def _way(catalog: Catalog, object_type: ObjectType) -> tuple[Step, ...]:
    family = catalog.family_of(object_type.name)
    steps: list[Step] = []
    while family is not None and object_type.name != family.root:
        master = object_type.master
        assert master is not None
        assert master.references is not None
        steps.append(Step(master.name, master.references, master.type is not FieldType.MASTER_DETAIL))
        object_type = catalog[master.references]
    return tuple(steps)
