"""An org as a running server holds it: its catalog, its database, its secrets, and what chance and time are.

Passed to everything that serves a request. Holds no request's state: any number of servers may run the same org.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import MetaData

from fieldsync.base.recent import Recent
from fieldsync.base.world import World
from fieldsync.formula.catalog.sources import sources
from fieldsync.schema.access.rights import RightsTable
from fieldsync.schema.catalog import Catalog
from fieldsync.schema.model import RecordType
from fieldsync.server.postgres.tables import org_metadata
from fieldsync.server.postgres.work import Pool
from fieldsync.server.save.batch import Caller
from fieldsync.server.save.logic.compiled import Logic, compile_logic
from fieldsync.server.save.statements import SaveStatements
from fieldsync.server.scope.scope import Around
from fieldsync.server.scope.scopes import Scopes
from fieldsync.server.sync.session_statements import SessionStatements
from fieldsync.server.sync.statements import ReadStatements

CALLERS_MAX = 10_000


@dataclass(frozen=True)
class KnownRecordType:
    """One row: of which object it is a record type, and what that declares."""

    object: str
    declared: RecordType


@dataclass(frozen=True)
class Org:
    """One org, ready to serve."""

    name: str
    org_id: str
    schema: str
    catalog: Catalog
    metadata: MetaData
    pool: Pool
    beside: Pool
    """For what is written while a connection of `pool` is held."""
    mac_key: bytes
    world: World
    save: SaveStatements
    logic: Logic
    record_types: Mapping[str, KnownRecordType]
    rights: RightsTable
    read: ReadStatements
    scopes: Scopes
    session: SessionStatements
    callers: Recent[str, Caller] = field(default_factory=lambda: Recent(CALLERS_MAX), compare=False)
    """Who a token was last time, by its hash: only what to ask together with who it is now."""


@dataclass(frozen=True)
class OrgRow:
    """What the directory and the org's own tables say of it."""

    name: str
    org_id: str
    schema: str
    mac_key: bytes


def make_org(
    row: OrgRow, catalog: Catalog, pools: tuple[Pool, Pool], world: World, record_types: Mapping[str, KnownRecordType]
) -> Org:
    """An org with its statements built once. `pools`: that of its requests, and the one beside."""
    pool, beside = pools
    metadata = org_metadata(catalog)
    logic = compile_logic(catalog, metadata)
    return Org(
        name=row.name,
        org_id=row.org_id,
        schema=row.schema,
        catalog=catalog,
        metadata=metadata,
        pool=pool,
        beside=beside,
        mac_key=row.mac_key,
        world=world,
        save=SaveStatements(catalog, metadata),
        logic=logic,
        record_types=record_types,
        rights=RightsTable(catalog, sources(logic.formulas)),
        read=ReadStatements(metadata),
        scopes=Scopes(Around(catalog, metadata, logic.formulas), row.org_id, beside),
        session=SessionStatements(metadata.tables),
    )
