"""The rows of record types: made and kept up with each deploy, and known by id to an open org."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select, update

from fieldsync.protocol.rows import RecordRef
from fieldsync.schema.catalog import Catalog
from fieldsync.schema.model import RecordType
from fieldsync.schema.standard import STAMP
from fieldsync.server.org.runtime import KnownRecordType
from fieldsync.server.org.seed import Seeding, insert_rows, log_update
from fieldsync.server.postgres.connect import AdminConnection
from fieldsync.server.postgres.tables import org_metadata

OBJECT = "RecordType"


def seed_record_types(seeding: Seeding) -> None:
    """A row for every record type of the catalog; labels and the active mark as they are declared now."""
    if OBJECT not in seeding.catalog:
        return
    table = seeding.metadata.tables[OBJECT]
    rows = seeding.connection.execute(select(table)).mappings()
    there = {(row["SobjectType"], row["DeveloperName"]): row for row in rows}
    wanted = {
        (o.name, found.name): _values(o.name, found) for o in seeding.catalog for found in o.record_types.values()
    }
    insert_rows(seeding, OBJECT, [values for key, values in wanted.items() if key not in there])
    for key, row in there.items():
        new = wanted.get(key, {"IsActive": False})
        changes = {name: value for name, value in new.items() if row[name] != value}
        if changes:
            stamps = {STAMP: seeding.stamp, "SystemModstamp": seeding.now, "LastModifiedDate": seeding.now}
            seeding.connection.execute(update(table).where(table.c.Id == row["Id"]).values(**changes, **stamps))
            log_update(seeding, RecordRef(OBJECT, row["Id"]), {name: row[name] for name in changes})


def _values(object_name: str, found: RecordType) -> dict[str, Any]:
    return {
        "Name": found.label or found.name.replace("_", " "),
        "DeveloperName": found.name,
        "SobjectType": object_name,
        "IsActive": found.active,
        "Description": found.description,
    }


def known_record_types(connection: AdminConnection, catalog: Catalog) -> dict[str, KnownRecordType]:
    """Record types of the catalog by the ids of their rows."""
    if OBJECT not in catalog:
        return {}
    table = org_metadata(catalog).tables[OBJECT]
    rows = connection.execute(select(table.c.Id, table.c.SobjectType, table.c.DeveloperName))
    return {
        record_id: KnownRecordType(name, catalog[name].record_types[developer_name])
        for record_id, name, developer_name in rows
        if name in catalog and developer_name in catalog[name].record_types
    }
