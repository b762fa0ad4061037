"""What a deploy would do: the steps from the tables that are there to those a catalog asks for.

Alembic's comparison finds the differences; here they become steps a person can read, each with the SQL that `deploy.py`
will run, word for word. Nothing here changes a database.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from io import StringIO

from alembic.autogenerate import produce_migrations
from alembic.operations import Operations, ops
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Column, Connection, MetaData, Table, text
from sqlalchemy.types import TypeEngine

from fieldsync.schema.catalog import Catalog
from fieldsync.schema.model import FieldType
from fieldsync.server.postgres.deploy import retype
from fieldsync.server.postgres.names import RECORD_COUNTER, auto_number_sequence, quoted
from fieldsync.server.postgres.own.columns import Sql
from fieldsync.server.postgres.stored_catalog import current_catalog
from fieldsync.server.postgres.tables import org_metadata


class StepKind(StrEnum):
    """What a step does."""

    CREATE_TABLE = "create table"
    DROP_TABLE = "drop table"
    ADD_COLUMN = "add column"
    ALTER_COLUMN = "alter column"
    DROP_COLUMN = "drop column"
    CREATE_INDEX = "create index"
    DROP_INDEX = "drop index"
    CREATE_SEQUENCE = "create sequence"
    DROP_SEQUENCE = "drop sequence"
    OTHER = "other"


@dataclass(frozen=True)
class Step:
    """One step; `field` is None when the whole object is meant. `sql` may hold several statements."""

    kind: StepKind
    object: str
    field: str | None
    destructive: bool
    sql: str
    note: str = ""


@dataclass(frozen=True)
class Plan:
    """The steps in the order they run. `catalog_changed` also when only labels, rules or the like differ."""

    steps: tuple[Step, ...]
    catalog: Catalog
    catalog_changed: bool

    @property
    def empty(self) -> bool:
        """Whether there is nothing to deploy."""
        return not self.steps and not self.catalog_changed

    @property
    def destructive(self) -> tuple[Step, ...]:
        """The steps that lose data."""
        return tuple(step for step in self.steps if step.destructive)


def plan(connection: Connection, catalog: Catalog) -> Plan:
    """The steps that bring the org of this connection's search path to `catalog`. Reads only."""
    before = current_catalog(connection)
    known = frozenset(before.objects) if before is not None else frozenset()
    types = _column_types(connection)
    metadata = org_metadata(catalog)
    context = _comparison(connection, metadata, known, types)
    script = produce_migrations(context, metadata)
    assert script.upgrade_ops is not None
    writer = _Writer(connection, metadata, types)
    tables = [step for op in script.upgrade_ops.ops for step in writer.steps(op)]
    sequences = list(_sequence_steps(connection, catalog, before))
    created = [step for step in sequences if not step.destructive]
    dropped = [step for step in sequences if step.destructive]
    steps = (*created, *_safest_first(tables), *dropped)
    return Plan(steps, catalog, before is None or before.version != catalog.version)


def _comparison(
    connection: Connection, metadata: MetaData, known: frozenset[str], types: dict[tuple[str, str], str]
) -> MigrationContext:
    def ours(name: str | None, kind: str, _: object) -> bool:
        """A table that is neither asked for nor an object of the last catalog is somebody else's: left alone."""
        return kind != "table" or name in metadata.tables or name in known

    def differs(
        _: MigrationContext, __: Column[object], asked: Column[object], ___: object, wanted: TypeEngine[object]
    ) -> bool | None:
        if not isinstance(wanted, Sql):
            return None
        there = types.get((asked.table.name, asked.name))
        return there != retype.normal(wanted.text)

    options = {"compare_type": differs, "include_name": ours, "target_metadata": metadata}
    return MigrationContext.configure(connection, opts=options)


def _column_types(connection: Connection) -> dict[tuple[str, str], str]:
    """(table, column) to its type as PostgreSQL writes it, with the collation where it is not the default."""
    found = text(
        "SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod) || "
        "CASE WHEN a.attcollation <> t.typcollation THEN ' COLLATE \"' || l.collname || '\"' ELSE '' END "
        "FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped "
        "JOIN pg_type t ON t.oid = a.atttypid LEFT JOIN pg_collation l ON l.oid = a.attcollation "
        "WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p')"
    )
    return {(table, column): kind for table, column, kind in connection.execute(found)}


class _Writer:
    """Turns Alembic's operations into steps."""

    def __init__(self, connection: Connection, metadata: MetaData, types: dict[tuple[str, str], str]) -> None:
        self._dialect = connection.dialect
        self._metadata = metadata
        self._types = types

    def steps(self, op: ops.MigrateOperation) -> Iterator[Step]:
        """The steps of one operation, those inside it included."""
        match op:
            case ops.ModifyTableOps():
                for inner in op.ops:
                    yield from self.steps(inner)
            case ops.CreateTableOp():
                yield Step(StepKind.CREATE_TABLE, str(op.table_name), None, False, self._sql(op))
            case ops.DropTableOp():
                yield Step(StepKind.DROP_TABLE, str(op.table_name), None, True, self._sql(op))
            case ops.AddColumnOp():
                yield Step(StepKind.ADD_COLUMN, str(op.table_name), str(op.column.name), False, self._sql(op))
            case ops.DropColumnOp():
                yield Step(StepKind.DROP_COLUMN, str(op.table_name), str(op.column_name), True, self._sql(op))
            case ops.AlterColumnOp():
                yield self._alter(op)
            case ops.CreateIndexOp():
                yield Step(StepKind.CREATE_INDEX, str(op.table_name), str(op.index_name), False, self._sql(op))
            case ops.DropIndexOp():
                yield Step(StepKind.DROP_INDEX, str(op.table_name), str(op.index_name), False, self._sql(op))
            case _:
                table = str(getattr(op, "table_name", ""))
                yield Step(StepKind.OTHER, table, None, False, self._sql(op), type(op).__name__)

    def _alter(self, op: ops.AlterColumnOp) -> Step:
        asked: Table = self._metadata.tables[op.table_name]
        column = asked.c[op.column_name]
        old = self._types[op.table_name, op.column_name]
        if not isinstance(op.modify_type, Sql):
            return Step(StepKind.ALTER_COLUMN, str(op.table_name), str(op.column_name), False, self._sql(op))
        new = retype.normal(op.modify_type.text)
        change = retype.conversion(old, new, quoted(op.column_name))
        sql = _retype_sql(column, new, change)
        return Step(
            StepKind.ALTER_COLUMN, str(op.table_name), str(op.column_name), not change.safe, sql, f"{old} to {new}"
        )

    def _sql(self, op: ops.MigrateOperation) -> str:
        """The operation as text, written by Alembic in its offline mode."""
        out = StringIO()
        offline = {"as_sql": True, "output_buffer": out}
        Operations(MigrationContext.configure(dialect=self._dialect, opts=offline)).invoke(op)
        return out.getvalue().strip()


def _retype_sql(column: Column[object], new: str, change: retype.Conversion) -> str:
    """Defaults and the ban on nulls go first and come back last: the old ones need not fit the new type."""
    assert column.table is not None
    alter = f"ALTER TABLE {quoted(column.table.name)} ALTER COLUMN {quoted(column.name)}"
    lines = [f"{alter} DROP DEFAULT", f"{alter} DROP NOT NULL", f"{alter} TYPE {new} USING {change.using}"]
    if column.server_default is not None:
        default = str(column.server_default.arg)  # type: ignore[attr-defined]
        lines.append(f"{alter} SET DEFAULT {default}")
        name = quoted(column.name)
        lines.append(f"UPDATE {quoted(column.table.name)} SET {name} = {default} WHERE {name} IS NULL")  # noqa: S608 quoted names
    if not column.nullable:
        lines.append(f"{alter} SET NOT NULL")
    return ";\n".join(lines) + ";"


def _sequence_steps(connection: Connection, catalog: Catalog, before: Catalog | None) -> Iterator[Step]:
    """Sequences Alembic does not compare. One that is there keeps its position, whatever its starting number."""
    there = set(
        connection.execute(text("SELECT sequencename FROM pg_sequences WHERE schemaname = current_schema()")).scalars()
    )
    if RECORD_COUNTER not in there:
        sql = f"CREATE SEQUENCE {quoted(RECORD_COUNTER)} MINVALUE 0 START WITH 0 CACHE 32;"
        yield Step(StepKind.CREATE_SEQUENCE, RECORD_COUNTER, None, False, sql)
    wanted = set()
    for object_name, field, name, start in _auto_numbers(catalog):
        wanted.add(name)
        if name not in there:
            sql = f"CREATE SEQUENCE {quoted(name)} MINVALUE 0 START WITH {start};"
            yield Step(StepKind.CREATE_SEQUENCE, object_name, field, False, sql)
    for object_name, field, name, _ in _auto_numbers(before) if before is not None else ():
        if name in there and name not in wanted:
            yield Step(StepKind.DROP_SEQUENCE, object_name, field, True, f"DROP SEQUENCE {quoted(name)};")


def _auto_numbers(catalog: Catalog) -> Iterator[tuple[str, str, str, int]]:
    for object_type in catalog:
        for field in object_type.stored:
            if field.type is FieldType.AUTO_NUMBER:
                sequence = auto_number_sequence(object_type.name, field.name)
                yield object_type.name, field.name, sequence, field.starting_number


_ORDER: tuple[Callable[[Step], bool], ...] = (
    lambda step: step.kind is StepKind.CREATE_TABLE,
    lambda step: step.kind is StepKind.DROP_INDEX,
    lambda step: step.kind is StepKind.ADD_COLUMN,
    lambda step: step.kind in (StepKind.ALTER_COLUMN, StepKind.OTHER),
    lambda step: step.kind is StepKind.CREATE_INDEX,
    lambda step: step.kind is StepKind.DROP_COLUMN,
    lambda step: step.kind is StepKind.DROP_TABLE,
)


def _safest_first(steps: Iterable[Step]) -> list[Step]:
    """What adds comes before what takes away; an index goes before its column changes and comes after.

    The indexes of a table that is dropped go with it.
    """
    listed = list(steps)
    dropped = {step.object for step in listed if step.kind is StepKind.DROP_TABLE}
    own = [step for step in listed if not (step.kind is StepKind.DROP_INDEX and step.object in dropped)]
    return sorted(own, key=lambda step: next((i for i, fits in enumerate(_ORDER) if fits(step)), len(_ORDER)))
