"""Levels: the shapes that the platform's own tables and objects have had, in order; which one an org has.

An org keeps the levels it has reached in `_upgrade`. That table is made here and is no part of any comparison, since
it says what to compare with. A level names what a comparison of tables cannot find: values of rows that are there.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Column, Connection, DateTime, Integer, MetaData, Table, Text, func, select
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.schema import CreateIndex, CreateTable

from fieldsync.base.ids import content_hash
from fieldsync.formula.sql.ddl import ddl
from fieldsync.schema.catalog import build, encode
from fieldsync.schema.load import load_packs
from fieldsync.server.postgres.tables import org_metadata

PLATFORM = "platform"
"""The pack of the platform's own objects: this product's, in every org."""

_REACHED = Table(
    "_upgrade",
    MetaData(),
    Column("level", Integer, primary_key=True, autoincrement=False),
    Column("fingerprint", Text, nullable=False),
    Column("what", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
)


@dataclass(frozen=True)
class Filling:
    """Values for rows that are there. Harmless when it runs again; `{table}` is each part of a parted table in turn."""

    table: str
    sql: str


@dataclass(frozen=True)
class Level:
    """One shape. Released levels stay as they are; level 0 is whatever was made before there were levels."""

    number: int
    what: str
    fillings: tuple[Filling, ...] = ()


def _route(column: str) -> Filling:
    """A route names its object since level 1, so that nothing but its own index serves who asks for it."""
    return Filling(
        "_change",
        f"UPDATE {{table}} SET {column} = object || ':' || {column} "  # noqa: S608 a column's own name
        f"WHERE {column} IS NOT NULL AND NOT starts_with({column}, object || ':')",
    )


_WITH_FILES = Filling(
    "Sync_Rule",
    """
    UPDATE {table} AS r SET "Include_Attachments" = true
    WHERE NOT r."IsDeleted" AND r."Include_Attachments" IS NOT TRUE AND EXISTS (
        SELECT FROM {table} f JOIN information_schema.columns c
            ON (c.table_schema, c.table_name, c.column_name) = (current_schema(), f."Object_Name", 'Checksum')
        WHERE f."Active" AND NOT f."IsDeleted" AND f."Object_Name" <> 'Content'
        AND f."Device_Type" IN ('all', r."Device_Type")
        AND coalesce(f."Application_Profile", '') IN ('', r."Application_Profile")
        AND coalesce(f."Profile_Id", f."Profile_Name", '') IN ('', r."Profile_Id", r."Profile_Name"))
    """,
)
"""Files came with their own object's rule, whatever the rule of the records they hang on said; they go on coming."""


LEVELS = (
    Level(
        1,
        "undecided transactions, duplicates, merged records, cleared errors; changes are found by record and by route",
        (_route("route"), _route("route_before")),
    ),
    Level(2, "sync rules say with which records files come, and of which types", (_WITH_FILES,)),
)
PRESENT = LEVELS[-1].number
FINGERPRINT = "38b5fe3454acf313"
"""Of the present level. An org that has the level with another one was made while the level was written, and is
compared anew."""


@dataclass(frozen=True)
class Reached:
    """Where an org stands."""

    level: int
    fingerprint: str

    @property
    def present(self) -> bool:
        """Whether it has the shape this version works with."""
        return (self.level, self.fingerprint) == (PRESENT, FINGERPRINT)

    @property
    def newer(self) -> bool:
        """Whether a later version has brought it further than this one knows."""
        return self.level > PRESENT


def reached(connection: Connection) -> Reached:
    """Where the org of this connection's search path stands."""
    if connection.execute(select(func.to_regclass(_REACHED.name))).scalar() is None:
        return Reached(0, "")
    newest = select(_REACHED.c.level, _REACHED.c.fingerprint).order_by(_REACHED.c.level.desc()).limit(1)
    row = connection.execute(newest).first()
    return Reached(0, "") if row is None else Reached(*row)


def note_reached(connection: Connection, at: datetime) -> None:
    """Keep that the org has every level up to the present one."""
    _REACHED.create(connection, checkfirst=True)
    rows = [{"level": one.number, "what": one.what, "fingerprint": FINGERPRINT, "at": at} for one in LEVELS]
    new = insert(_REACHED).values(rows)
    known = new.on_conflict_do_update(index_elements=["level"], set_={"fingerprint": new.excluded.fingerprint})
    connection.execute(known)


def fingerprint() -> str:
    """A hash of the platform's tables and objects, and of the functions that formulas are computed with, as this
    version makes them. Pure."""
    catalog = build(load_packs((PLATFORM,)))
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    said = []
    for table in org_metadata(catalog).sorted_tables:
        said.append(str(CreateTable(table).compile(dialect=dialect)))
        said += sorted(str(CreateIndex(index).compile(dialect=dialect)) for index in table.indexes)
    return content_hash("\n".join([*said, *ddl()]).encode() + encode(catalog))[:16]
