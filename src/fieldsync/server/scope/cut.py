"""What everybody with the same rights, rules and kind of device has in common. Pure, and made once for all of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import msgspec

from fieldsync.base.ids import content_hash
from fieldsync.base.problems import Code, Refused, problem
from fieldsync.formula.catalog import CatalogFormulas
from fieldsync.protocol.media import carries_file, may_be_file
from fieldsync.protocol.session import FileLimits
from fieldsync.schema.access.permissions import Access
from fieldsync.schema.access.rights import Rights
from fieldsync.schema.catalog import Catalog
from fieldsync.schema.standard import standard_fields
from fieldsync.schema.sync_rule import SyncRule
from fieldsync.server.scope.alike import tokens_in, written_by_value
from fieldsync.server.scope.choose import in_order
from fieldsync.server.scope.compose import Composer
from fieldsync.server.scope.recipe import Shared
from fieldsync.soql import SoqlError
from fieldsync.soql.bound import BoundCondition, Operand
from fieldsync.soql.nodes import DateLiteral

MEGABYTE = 1_000_000


@dataclass(frozen=True)
class Columns:
    """What of an object goes to a device: stored columns in the order of the wire, and formula fields."""

    stored: tuple[str, ...]
    formulas: tuple[str, ...]


@dataclass(frozen=True)
class Cut:
    """Rules that count, sharing, and columns. Raises Refused(SYNC_RULE) for a rule that does not fit the catalog."""

    catalog: Catalog
    chosen: Mapping[str, tuple[SyncRule, ...]]
    sharing: Mapping[str, Shared]
    columns: Mapping[str, Columns]
    """Of every object that may be read, also of those no rule selects: they may come by the feed."""
    shapes: Mapping[str, str]

    @cached_property
    def objects(self) -> tuple[str, ...]:
        """Objects the device has, masters first."""
        return in_order(self.catalog, self.chosen)

    @cached_property
    def routes(self) -> Mapping[str, str]:
        """Of those objects that have a route: its field."""
        declared = {name: self.catalog[name].declared.route for name in self.chosen if name in self.catalog}
        return {name: route for name, route in declared.items() if route is not None}

    @cached_property
    def one_way(self) -> tuple[str, ...]:
        """Those of them that go to the device only (FEATURES A32)."""
        return tuple(name for name in self.objects if any(rule.one_way for rule in self.chosen[name]))

    @cached_property
    def files(self) -> dict[str, FileLimits]:
        """Which of their files go along by themselves, where rules set a limit: the least of those that count (L10)."""
        return {name: limits for name in self.objects if (limits := _files(self.chosen[name])) != FileLimits()}

    @cached_property
    def attachments(self) -> tuple[str, ...]:
        """Those of them on whose records files hang that go along by themselves (FEATURES L04)."""
        return tuple(name for name in self.objects if any(rule.include_attachments for rule in self.chosen[name]))

    @cached_property
    def texts(self) -> dict[str, tuple[str, ...]]:
        """Fields of theirs of which a long text is a file (FEATURES L06)."""
        listed = {name: {one for rule in self.chosen[name] for one in rule.attachment_fields} for name in self.objects}
        return {name: found for name in self.objects if (found := self._texts(name, listed[name]))}

    def _texts(self, name: str, listed: Collection[str]) -> tuple[str, ...]:
        if name not in self.columns or carries_file(self.catalog[name]):
            return ()  # a record of this object is a file itself
        fields, columns = self.catalog[name].fields, self.columns[name].stored
        return tuple(one for one in columns if one in listed and one in fields and may_be_file(fields[one]))

    @cached_property
    def hash(self) -> str:
        """Equal cuts have equal hashes."""
        parts = (self.chosen, self.sharing, self.shapes, self.columns)
        return content_hash(msgspec.json.encode(parts, order="deterministic"))

    @cached_property
    def composer(self) -> Composer:
        """The conditions."""
        return Composer(self.catalog, self.sharing, self.chosen)

    @cached_property
    def operands(self) -> frozenset[str | None]:
        """Tokens that any condition uses; None among them: something depends on the date."""
        found = (operands_of(condition) for name in self.columns for condition in self._conditions(name))
        return frozenset[str | None]().union(*found)

    @cached_property
    def by_value(self) -> frozenset[str]:
        """Those of them whose values stand in a statement themselves. A cut of the past has no columns."""
        names = self.columns or {name for name in self.chosen if name in self.catalog}
        conditions = (condition for name in names for condition in self._conditions(name))
        return frozenset(token for condition in conditions for token in written_by_value(condition))

    def _conditions(self, name: str) -> list[BoundCondition]:
        try:
            shared = [self.composer.shared(name, writing=writing) for writing in (False, True)] if self.columns else []
            return [*shared, self.composer.selected(name)] if name in self.chosen else shared
        except SoqlError as wrong:
            raise Refused(problem(Code.SYNC_RULE, object=name, reason=f"{name}, {wrong}")) from None


def make_cut(
    catalog: Catalog, formulas: CatalogFormulas, rights: Rights, chosen: Mapping[str, tuple[SyncRule, ...]]
) -> Cut:
    """The cut for these rights and rules; `chosen` is complete (see `choose.py`)."""
    sharing = {
        o.name: Shared(
            o.sharing,
            o.declared.shared_with,
            rights.may(o.name, Access.VIEW_ALL),
            rights.may(o.name, Access.MODIFY_ALL),
        )
        for o in catalog
    }
    readable = [o.name for o in catalog if rights.may(o.name, Access.READ)]
    columns = {name: _columns(catalog, formulas, rights, name, chosen.get(name, ())) for name in readable}
    shapes = {name: _shape(catalog, name, columns[name]) for name in in_order(catalog, chosen)}
    return Cut(catalog, chosen, sharing, columns, shapes)


def _columns(
    catalog: Catalog, formulas: CatalogFormulas, rights: Rights, name: str, rules: tuple[SyncRule, ...]
) -> Columns:
    wanted = _listed(catalog, name, rules)
    fields = catalog[name].column_fields
    stored = tuple(c for c in rights.columns(name) if wanted is None or fields[c].name in wanted)
    sent = [one.field.name for one in formulas.travelling(name) if one.field.name in rights.formulas(name)]
    return Columns(stored, tuple(f for f in sent if wanted is None or f in wanted))


def _listed(catalog: Catalog, name: str, rules: tuple[SyncRule, ...]) -> frozenset[str] | None:
    """The fields the rules' lists let through; None for all. What keeps rows together always goes (FEATURES A30)."""
    if not any(rule.include_fields or rule.exclude_fields for rule in rules):
        return None
    object_type = catalog[name]
    master = object_type.master
    always = {f.name for f in standard_fields(object_type.declared)} | ({master.name} if master is not None else set())
    found: set[str] = set()
    for rule in rules:
        included = set(rule.include_fields) or set(object_type.fields)
        found |= included - set(rule.exclude_fields)
    return frozenset(found | always)


def _shape(catalog: Catalog, name: str, columns: Columns) -> str:
    """A hash of what makes the same row look different: columns with their types, and what computes the others."""
    fields = catalog[name].column_fields
    stored = [(column, fields[column].type) for column in columns.stored]
    definitions = [
        (o.name, f.name, f.formula, f.formula_returns, f.scale, f.formula_blanks_as_zero)
        for o in catalog
        for f in o.formulas
    ]
    parts = (stored, columns.formulas, definitions if columns.formulas else ())
    return content_hash(msgspec.json.encode(parts))


def operands_of(condition: BoundCondition) -> frozenset[str | None]:
    """Tokens a condition uses; None among them: it depends on the date."""
    return frozenset(token for test in condition.tests for operand in test.operands for token in _of_operand(operand))


def _of_operand(operand: Operand) -> Iterator[str | None]:
    if isinstance(operand, DateLiteral):
        yield None
    else:
        yield from tokens_in(operand)


def _files(rules: Iterable[SyncRule]) -> FileLimits:
    rules = tuple(rules)
    each = [rule.attachments_max for rule in rules if rule.attachments_max is not None]
    sizes = [rule.attachment_megabytes_max for rule in rules if rule.attachment_megabytes_max is not None]
    types = dict.fromkeys(tuple(t.lower() for t in rule.attachment_types) for rule in rules if rule.attachment_types)
    return FileLimits(min(each, default=None), min(sizes) * MEGABYTE if sizes else None, tuple(types))
