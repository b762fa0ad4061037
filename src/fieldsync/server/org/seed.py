"""Rows the platform itself brings in, set-based and outside the save pipeline: an org's first records and bulk loads.

They get all that the pipeline would give them: ids, owner, dates, defaults, auto-numbers, the stamp, and one row each
in the change log, so incremental downloads find them. They never go on a feed. Values are checked like any other;
permissions and rules are not asked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property

from sqlalchemy import ClauseElement, MetaData, func, literal_column, select

from fieldsync.base import ids
from fieldsync.base.ids import DeviceNumber, RecordId
from fieldsync.base.problems import Code, Refused, problem
from fieldsync.base.world import Clock, instant
from fieldsync.protocol.rows import RecordRef
from fieldsync.schema.autonumber import format_number
from fieldsync.schema.catalog import Catalog, ObjectType
from fieldsync.schema.fields import BadValue, FieldValue, canonical, literal_default
from fieldsync.schema.model import FieldType
from fieldsync.schema.standard import STAMP
from fieldsync.server.postgres.compiled import compile_statement
from fieldsync.server.postgres.connect import AdminConnection
from fieldsync.server.postgres.epoch import current_stamp_sql, read_epochs
from fieldsync.server.postgres.json_rows import as_rows
from fieldsync.server.postgres.names import RECORD_COUNTER, auto_number_sequence, quoted
from fieldsync.server.postgres.tables import org_metadata
from fieldsync.server.save.stamp import compose_name
from fieldsync.server.save.statements import insert_rows as insert_statement
from fieldsync.server.scope.delta.routes import route_of

Row = dict[str, FieldValue]
CHUNK_ROWS = 2_000


@dataclass(frozen=True)
class Seeding:
    """One transaction's frame: the org's catalog, the user the rows belong to, and the moment."""

    connection: AdminConnection
    catalog: Catalog
    user_id: RecordId
    clock: Clock

    @cached_property
    def metadata(self) -> MetaData:
        """The org's tables."""
        return org_metadata(self.catalog)

    @cached_property
    def server_number(self) -> DeviceNumber:
        """The number under which the server mints ids in this epoch."""
        return read_epochs(self.connection)[-1].server_number

    @cached_property
    def stamp(self) -> int:
        """The stamp of this transaction."""
        offset = read_epochs(self.connection)[-1].offset
        return self.connection.execute(select(current_stamp_sql(offset))).scalar_one()

    @cached_property
    def now(self) -> str:
        """The moment, as every row of this transaction shows it."""
        return instant(self.clock.now())


def mint_ids(seeding: Seeding, object_name: str, count: int) -> list[RecordId]:
    """Ids for new records, for rows that refer to each other before they are inserted."""
    prefix = seeding.catalog[object_name].prefix
    counters = _draw(seeding.connection, RECORD_COUNTER, count)
    return [ids.mint(prefix, seeding.server_number, counter) for counter in counters]


def number_names(seeding: Seeding, object_name: str, count: int) -> list[str]:
    """So many next names of an object whose `Name` is an auto-number."""
    name = seeding.catalog[object_name].fields["Name"]
    numbers = _draw(seeding.connection, auto_number_sequence(object_name, name.name), count)
    day = date.fromisoformat(seeding.now[:10])
    return [format_number(name.display_format or "{0}", number, day) for number in numbers]


def insert_rows(
    seeding: Seeding, object_name: str, rows: Sequence[Mapping[str, object]], *, checked: bool = True
) -> list[RecordId]:
    """Insert new records; their ids in order.

    A row may bring its `Id` and any column, dates too; what is missing is filled in. Raises Refused with the first
    value its field does not take. Pass `checked=False` for values that are canonical already.
    """
    object_type = seeding.catalog[object_name]
    done: list[RecordId] = []
    for start in range(0, len(rows), CHUNK_ROWS):
        chunk = [_values(object_type, row, checked=checked) for row in rows[start : start + CHUNK_ROWS]]
        _complete(seeding, object_type, chunk)
        _write(seeding, object_name, chunk)
        done += [RecordId(str(row["Id"])) for row in chunk]
    return done


def _values(object_type: ObjectType, given: Mapping[str, object], *, checked: bool) -> Row:
    row: Row = dict.fromkeys(object_type.columns)
    for column, value in given.items():
        field = object_type.column_fields.get(column)
        if field is None:
            raise Refused(problem(Code.UNKNOWN_FIELD, object=object_type.name, field=column))
        try:
            numbered = field.type is FieldType.AUTO_NUMBER
            row[column] = canonical(field, value) if checked and not numbered else value  # type: ignore[assignment]
        except BadValue as bad:
            raise Refused(bad.problem(object_type.name, _text(given.get("Id")), column)) from None
    return row


def _complete(seeding: Seeding, object_type: ObjectType, rows: list[Row]) -> None:
    missing = iter(mint_ids(seeding, object_type.name, sum(row["Id"] is None for row in rows)))
    fixed: Row = {
        "OwnerId": seeding.user_id,
        "CreatedDate": seeding.now,
        "CreatedById": seeding.user_id,
        "LastModifiedDate": seeding.now,
        "LastModifiedById": seeding.user_id,
        "SystemModstamp": seeding.now,
    }
    for row in rows:
        row["Id"] = row["Id"] or next(missing)
        for column, field in object_type.column_fields.items():
            if row[column] is None:
                row[column] = fixed.get(column, literal_default(field))
        compose_name(object_type, row, set())
    for sequence, column, numbered in _auto_numbers(object_type, rows):
        for row, number in zip(numbered, _draw(seeding.connection, sequence, len(numbered)), strict=True):
            pattern = object_type.column_fields[column].display_format or "{0}"
            row[column] = format_number(pattern, number, date.fromisoformat(seeding.now[:10]))
    for row in rows:
        _require(object_type, row)


def _auto_numbers(object_type: ObjectType, rows: list[Row]) -> Iterator[tuple[str, str, list[Row]]]:
    for field in object_type.stored:
        if field.type is FieldType.AUTO_NUMBER:
            sequence = auto_number_sequence(object_type.name, field.name)
            yield sequence, field.name, [row for row in rows if row[field.name] is None]


def _require(object_type: ObjectType, row: Row) -> None:
    for column, field in object_type.column_fields.items():
        if field.required and row[column] is None:
            raise Refused(problem(Code.REQUIRED, object=object_type.name, id=_text(row["Id"]), field=column))


def _write(seeding: Seeding, object_name: str, rows: list[Row]) -> None:
    tables = seeding.metadata.tables
    stamped = [{**row, STAMP: seeding.stamp} for row in rows]
    _run_insert(seeding, insert_statement(tables[object_name]), stamped)
    entry = {"day": seeding.now[:10], "stamp": seeding.stamp, "object": object_name, "kind": "created", "seq": 0}
    changes = [
        {
            **entry,
            "id": row["Id"],
            "version": seeding.stamp,
            "at": seeding.now,
            "route": route_of(seeding.catalog[object_name], row),
        }
        for row in rows
    ]
    _run_insert(seeding, insert_statement(tables["_change"]), changes)


def log_update(seeding: Seeding, ref: RecordRef, old: Row) -> None:
    """Enter a changed row in the change log, so that incremental downloads find it; `old`: what its columns held."""
    entry = {"day": seeding.now[:10], "stamp": seeding.stamp, "object": ref.object, "kind": "updated"}
    change = {**entry, "id": ref.id, "version": seeding.stamp, "seq": 1, "old": old, "at": seeding.now}
    _run_insert(seeding, insert_statement(seeding.metadata.tables["_change"]), [change])


def _run_insert(seeding: Seeding, insert: ClauseElement, rows: Sequence[Mapping[str, object]]) -> None:
    statement = compile_statement(insert)
    seeding.connection.exec_driver_sql(statement.text, statement.bind(as_rows(rows)))


def _draw(connection: AdminConnection, sequence: str, count: int) -> list[int]:
    """The next `count` values of a sequence."""
    numbers = func.generate_series(1, count).table_valued("i")
    drawn = select(func.nextval(literal_column(f"'{quoted(sequence)}'"))).select_from(numbers)
    return list(connection.execute(drawn).scalars()) if count else []


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
