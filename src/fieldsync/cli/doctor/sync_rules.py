"""What `fieldsync doctor` asks of sync rules: whether they fit, compose, keep what the app needs, and are bounded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sqlalchemy import func, select

from fieldsync.base import limits
from fieldsync.formula.catalog import CatalogFormulas
from fieldsync.formula.catalog.sources import sources
from fieldsync.protocol.session import Platform
from fieldsync.schema.access.rights import RightsTable
from fieldsync.schema.model import Sharing
from fieldsync.schema.sync_rule import COLUMNS, EVERY_DEVICE, RuleType, SyncRule, rule_of
from fieldsync.server.org.begin.sync_rules import declared_rules
from fieldsync.server.org.seed import Seeding
from fieldsync.server.scope.choose import ForWhom, choose, complete
from fieldsync.server.scope.cut import Cut, make_cut
from fieldsync.server.scope.rules import OBJECT, check_rule, check_together
from fieldsync.soql import SoqlError


def unfit(seeding: Seeding) -> Iterator[str]:
    """Rules that the catalog, or another rule, has made meaningless since they were saved."""
    rules = _rules(seeding)
    ids = {id(rule): rule_id for rule_id, rule in rules.items()}
    own = [(rule, fault) for rule in rules.values() for fault in check_rule(seeding.catalog, rule)]
    for rule, fault in (*own, *check_together(seeding.catalog, rules.values())):
        if not fault.warning:
            yield f"{ids[id(rule)]}, {rule.object}: {fault.sentence}"


def uncomposed(seeding: Seeding) -> Iterator[str]:
    """Profiles and device types whose rules make no condition together: their syncs are refused."""
    rules, catalog = tuple(_rules(seeding).values()), seeding.catalog
    formulas = CatalogFormulas(catalog)
    rights = RightsTable(catalog, sources(formulas))
    profile = seeding.metadata.tables["Profile"]
    named = {rule.device for rule in rules} - {EVERY_DEVICE}
    devices = sorted(named) if named == set(Platform) else [*sorted(named), "any other device type"]
    for profile_id, name in seeding.connection.execute(select(profile.c.Id, profile.c.Name).order_by(profile.c.Name)):
        for device in devices:
            chosen = complete(catalog, rights.of(name), choose(rules, ForWhom(device, name, profile_id)))
            wrong = _wrong(make_cut(catalog, formulas, rights.of(name), chosen))
            if wrong is not None:
                yield f"{name} on {device}: {wrong}"


def _wrong(cut: Cut) -> str | None:
    for name in cut.objects:
        try:
            cut.composer.selected(name)
        except SoqlError as wrong:
            return f"{name}, {wrong}"
    return None


def missing(seeding: Seeding) -> Iterator[str]:
    """Objects the field app needs and no rule brings any more (FEATURES A39)."""
    rules = _rules(seeding).values()
    brought = {rule.object for rule in rules if rule.active and not rule.without_rows}
    needed = {rule.object for rule in (*rules, *declared_rules(seeding.catalog)) if rule.required}
    yield from (f"{name}: no rule that is switched on brings its rows" for name in sorted(needed - brought))


def unbounded(seeding: Seeding) -> Iterator[str]:
    """Large objects that go to devices whole, because neither a condition nor sharing bounds them (FEATURES A19)."""
    whole = sorted({rule.object for rule in _rules(seeding).values() if _takes_all(seeding, rule)})
    for name in whole:
        table = seeding.metadata.tables[name]
        present = select(func.count()).select_from(table).where(table.c.IsDeleted.is_(False))
        count = seeding.connection.execute(present).scalar_one()
        if count > limits.UNFILTERED_ROWS_MAX:
            yield f"{name}: {count} rows go to every device its rule is for"


def _takes_all(seeding: Seeding, rule: SyncRule) -> bool:
    if rule.object not in seeding.catalog or not rule.active or rule.without_rows or (rule.where or "").strip():
        return False
    open_to_all = seeding.catalog[rule.object].declared.sharing in (Sharing.READ, Sharing.READ_WRITE)
    return rule.type is not RuleType.RELATED and open_to_all


def _rules(seeding: Seeding) -> Mapping[str, SyncRule]:
    table = seeding.metadata.tables[OBJECT]
    query = select(table.c.Id, *(table.c[column] for column in COLUMNS.values())).where(table.c.IsDeleted.is_(False))
    rows = seeding.connection.execute(query.order_by(table.c.Id)).mappings()
    return {row["Id"]: rule_of(dict(row)) for row in rows}
