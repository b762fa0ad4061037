"""The tables of an org: one per object of its catalog, and the platform's own, whose names begin with `_`.

Only shapes live here. Everything that creates, compares or reads them works on these SQLAlchemy values, so the deploy
plan, the save pipeline and the downloads cannot disagree. An org is one PostgreSQL schema; connections carry it as
their search path, so names here are unqualified.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from fieldsync.schema.catalog import Catalog, ObjectType, columns_of
from fieldsync.schema.fields import TYPES
from fieldsync.schema.model import Field, FieldType
from fieldsync.schema.standard import STAMP
from fieldsync.server.postgres.names import index_name
from fieldsync.server.postgres.own.columns import ID, NUMBER, Sql
from fieldsync.server.postgres.own.devices import clearing_tables, duplicate_tables, log_tables
from fieldsync.server.postgres.own.email import email_tables
from fieldsync.server.postgres.own.guesses import guess_tables
from fieldsync.server.postgres.own.media import media_tables
from fieldsync.server.postgres.own.uploads import upload_tables

CATALOGS_KEPT = 4
"""Data models whose tables are kept: an org's present one, and that of a deploy."""

WRITTEN = "kind <> 'fed' AND kind <> 'outcome'"
"""Entries of the change log that tell of a written row; the others only announce. `past.is_written` says the same."""

LISTED: Mapping[str, tuple[str, frozenset[str]]] = {
    "Sync_Transaction": ("Received_At", frozenset({"Status", "UserId", "Received_At"})),
}
"""Objects that the console lists however many there are: by which moment, and the columns it is filtered by. Their
indexes go on in the order of the list, so that a page costs the same anywhere."""


def data_table(object_type: ObjectType, metadata: MetaData) -> Table:
    """The table of one object: `Id`, its stored fields in wire order, and the stamp.

    The stamp is not indexed: an index on it would end PostgreSQL's in-page updates (DESIGN 5).
    """
    columns = [_column(name, field) for name, field in object_type.column_fields.items()]
    table = Table(
        object_type.name, metadata, *columns, Column(STAMP, BigInteger, nullable=False), PrimaryKeyConstraint("Id")
    )
    for field in object_type.stored:
        for name in columns_of(field):
            if _wants_index(field):
                _index(table, name, unique=field.unique)
    bulk = object_type.declared.bulk
    if bulk is not None:
        Index(index_name(object_type.name, "bulk_key"), *(table.c[name] for name in bulk.key), unique=True)
    return table


def _index(table: Table, name: str, *, unique: bool) -> None:
    moment, filtered = LISTED.get(table.name, ("", frozenset()))
    if name in filtered:
        columns = dict.fromkeys((name, moment, "Id"))
        Index(index_name(table.name, f"{name}_listed"), *(table.c[column] for column in columns))
    else:
        Index(index_name(table.name, name), table.c[name], unique=unique)


def _column(name: str, field: Field) -> Column[object]:
    nullable = field.type is not FieldType.CHECKBOX and name != "Id"
    default = "false" if field.type is FieldType.CHECKBOX else None
    return Column(name, Sql(TYPES[field.type].sql(field)), nullable=nullable, server_default=default)


def _wants_index(field: Field) -> bool:
    stamps = ("CreatedById", "LastModifiedById")
    reference = field.type in (FieldType.LOOKUP, FieldType.MASTER_DETAIL) and field.name not in stamps
    return reference or field.unique or field.external_id or field.indexed


@lru_cache(maxsize=CATALOGS_KEPT)
def org_metadata(catalog: Catalog) -> MetaData:
    """All tables of an org with this catalog, for the deploy plan and for building statements. To be read only: who
    asks again gets the same."""
    metadata = MetaData()
    system_tables(metadata)
    for object_type in catalog:
        data_table(object_type, metadata)
    return metadata


def system_tables(metadata: MetaData) -> None:
    """The platform's own tables, see DESIGN 5, 6 and 8."""
    _identity_tables(metadata)
    _change_tables(metadata)
    upload_tables(metadata)
    _people_tables(metadata)
    duplicate_tables(metadata)
    clearing_tables(metadata)
    log_tables(metadata)
    media_tables(metadata)
    email_tables(metadata)
    guess_tables(metadata)
    _merge_tables(metadata)
    _derived_tables(metadata)


def system_table(name: str) -> Table:
    """One of the platform's own tables, for statements that need no catalog."""
    return _system_metadata().tables[name]


@lru_cache(maxsize=1)
def _system_metadata() -> MetaData:
    metadata = MetaData()
    system_tables(metadata)
    return metadata


def _identity_tables(metadata: MetaData) -> None:
    Table(
        "_catalog",
        metadata,
        Column("version", Text, primary_key=True),
        Column("packs", LargeBinary, nullable=False),
        Column("deployed_at", DateTime(timezone=True), nullable=False),
        Column("current", Boolean, nullable=False),
    )
    Table(
        "_epoch",
        metadata,
        Column("number", Integer, primary_key=True, autoincrement=False),
        Column("nonce", Text, nullable=False, unique=True),
        Column("first_stamp", BigInteger, nullable=False),
        Column("offset", BigInteger, nullable=False),
        Column("cluster", Text, nullable=False, comment="system identifier and start time of the running PostgreSQL"),
        Column("server_number", NUMBER, nullable=False),
        Column("begun_at", DateTime(timezone=True), nullable=False),
    )
    Table("_secret", metadata, Column("name", Text, primary_key=True), Column("value", LargeBinary, nullable=False))
    Table(
        "_device_number",
        metadata,
        Column("number", NUMBER, primary_key=True),
        Column("device_id", ID, nullable=True, comment="record of Device; null for a server epoch's number"),
        Column("key_hash", Text, nullable=True),
        Column("user_id", ID, nullable=True),
        Column("high_n", BigInteger, nullable=False, server_default="0"),
        Column("confirmed_through", BigInteger, nullable=False, server_default="0"),
        Column("issued_at", DateTime(timezone=True), nullable=False),
        Index("ix__device_number_key", "key_hash"),
    )
    Table("_rescue", metadata, Column("device_id", ID, primary_key=True), Column("secret", Text, nullable=False))


def _change_tables(metadata: MetaData) -> None:
    Table(
        "_change",
        metadata,
        Column("day", Date, nullable=False),
        Column("stamp", BigInteger, nullable=False),
        Column("version", BigInteger, nullable=False, comment="the row's stamp after it"),
        Column("seq", Integer, nullable=False, comment="order within its transaction"),
        Column("object", Text, nullable=False),
        Column("id", ID, nullable=False),
        Column("kind", Text, nullable=False, comment="created updated deleted undeleted purged fed outcome"),
        Column("transaction_id", Text, nullable=True),
        Column("old", JSONB, nullable=True, comment="of the columns that changed; null for created"),
        Column("root_object", Text, nullable=True),
        Column("root_id", ID, nullable=True),
        Column("device", NUMBER, nullable=True),
        Column("route", Text, nullable=True, comment="object:value of the field that is its route"),
        Column("route_before", Text, nullable=True, comment="where the write changed it"),
        Column("feed_user", ID, nullable=True),
        Column("feed_position", BigInteger, nullable=True),
        Column("beside", Boolean, nullable=True, comment="fed, but neither uploaded nor master of what was"),
        Column("at", DateTime(timezone=True), nullable=False),
        Index("ix__change_written", "object", "stamp", postgresql_where=text(WRITTEN)),
        Index("ix__change_id", "id", "stamp"),
        Index("ix__change_route", "route", "stamp", postgresql_where=text("route IS NOT NULL")),
        Index("ix__change_left", "route_before", "stamp", postgresql_where=text("route_before IS NOT NULL")),
        Index("ix__change_of_user", "feed_user", "feed_position", "stamp"),
        postgresql_partition_by="RANGE (day)",
    )
    Table(
        "_user_head",
        metadata,
        Column("user_id", ID, primary_key=True),
        Column("position", BigInteger, nullable=False, server_default="0"),
        Column("floor", BigInteger, nullable=False, server_default="0"),
        Column("rights_version", BigInteger, nullable=False, server_default="0"),
        Column("revoked", Boolean, nullable=False, server_default="false"),
    )


def _merge_tables(metadata: MetaData) -> None:
    Table(
        "_alias",
        metadata,
        Column("object", Text, nullable=False),
        Column("loser", ID, primary_key=True),
        Column("winner", ID, nullable=False, comment="the record that is there now, however often it was merged"),
        Column("at", DateTime(timezone=True), nullable=False),
        Index("ix__alias_winner", "winner"),
    )


def _derived_tables(metadata: MetaData) -> None:
    Table(
        "_recipe",
        metadata,
        Column("hash", Text, primary_key=True),
        Column("content", LargeBinary, nullable=False, comment="what decided, beside the rows, what a device holds"),
        Column("at", DateTime(timezone=True), nullable=False),
    )
    Table(
        "_recalculation",
        metadata,
        Column("object", Text, primary_key=True),
        Column("after", ID, nullable=False, server_default="", comment="masters up to this id are summed up anew"),
    )


def _people_tables(metadata: MetaData) -> None:
    Table(
        "_credential",
        metadata,
        Column("user_id", ID, primary_key=True),
        Column("password_hash", Text, nullable=False),
        Column("changed_at", DateTime(timezone=True), nullable=False),
    )
    Table(
        "_session",
        metadata,
        Column("access_hash", Text, primary_key=True),
        Column("refresh_hash", Text, nullable=True, unique=True),
        Column("previous_refresh_hash", Text, nullable=True, unique=True),
        Column("user_id", ID, nullable=False),
        Column("device", NUMBER, nullable=True, comment="null for a console session"),
        Column("access_expires", DateTime(timezone=True), nullable=False),
        Column("refresh_expires", DateTime(timezone=True), nullable=True),
        Index("ix__session_user", "user_id"),
    )
