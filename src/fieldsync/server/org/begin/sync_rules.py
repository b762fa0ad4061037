"""Rules that an org begins with: those its packs declare, and one for each object of a pack that declares none."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import select

from fieldsync.schema.catalog import Catalog
from fieldsync.schema.sync_rule import COLUMNS, RuleType, SyncRule, record_of, rule_of
from fieldsync.server.org.seed import Seeding, insert_rows

OBJECT = "Sync_Rule"


def declared_rules(catalog: Catalog) -> Iterator[SyncRule]:
    """The rules of a catalog's packs."""
    for pack in catalog.packs:
        if pack.sync_rules is not None:
            yield from pack.sync_rules
        else:
            names = [o.name for o in pack.objects if not o.system]
            yield from (SyncRule(object=name, type=RuleType.FULL, include_attachments=True) for name in names)


def seed_sync_rules(seeding: Seeding) -> None:
    """A record for each declared rule that the org never had. One that an admin deleted does not come back."""
    if OBJECT not in seeding.catalog:
        return
    table = seeding.metadata.tables[OBJECT]
    columns = {column: table.c[column] for column in COLUMNS.values()}
    rows = seeding.connection.execute(select(*columns.values())).mappings()
    there = {rule_of(dict(row)).key for row in rows}
    missing = {rule.key: rule for rule in declared_rules(seeding.catalog) if rule.key not in there}
    insert_rows(seeding, OBJECT, [record_of(rule) for rule in missing.values()])
