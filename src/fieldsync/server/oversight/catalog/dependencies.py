"""What reads each field of an object: formulas, validation rules, defaults, roll-ups, list views and sync rules.

Found from what was parsed and checked, never by searching texts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from fieldsync.formula.catalog.sources import places_of
from fieldsync.schema.access.rights import Place
from fieldsync.schema.catalog import Catalog
from fieldsync.schema.sync_rule import SyncRule
from fieldsync.server.org.runtime import Org
from fieldsync.server.scope.tokens import known_tokens
from fieldsync.soql import SoqlError, bind_condition, parse_condition


@dataclass(frozen=True)
class Use:
    """Something that reads a field. `kind`: formula, validation rule, default, roll-up, list view or sync rule."""

    kind: str
    object: str
    name: str


def uses_of(org: Org, rules: tuple[SyncRule, ...], name: str) -> Mapping[str, tuple[Use, ...]]:
    """What reads each field of this object."""
    found: defaultdict[str, dict[Use, None]] = defaultdict(dict)
    for use, place in (*_logic(org), *_roll_ups(org.catalog), *_list_views(org.catalog), *_rules(org.catalog, rules)):
        if place[0] == name:
            found[place[1]][use] = None
    return {field: tuple(uses) for field, uses in found.items()}


def _logic(org: Org) -> Iterator[tuple[Use, Place]]:
    formulas = org.logic.formulas
    for object_type in org.catalog:
        mine = formulas[object_type.name]
        checked = [("formula", name, one.checked) for name, one in mine.fields.items()]
        checked += [("validation rule", rule.declared.name, rule.checked) for rule in mine.rules]
        checked += [("default", name, one.checked) for name, one in mine.defaults.items()]
        for kind, name, one in checked:
            for place in places_of(formulas, object_type, one):
                yield Use(kind, object_type.name, name), place


def _roll_ups(catalog: Catalog) -> Iterator[tuple[Use, Place]]:
    for object_type in catalog:
        for field in object_type.fields.values():
            summed = field.roll_up
            if summed is not None:
                read = {summed.child_reference, *(f.field for f in summed.filters)} | {summed.field or "Id"}
                for name in read:
                    yield Use("roll-up", object_type.name, field.name), (summed.child_object, name)


def _list_views(catalog: Catalog) -> Iterator[tuple[Use, Place]]:
    for object_type in catalog:
        for view in object_type.list_views:
            for name in {*view.columns, *(one.field for one in view.filters)}:
                yield Use("list view", object_type.name, view.label), (object_type.name, name)


def _rules(catalog: Catalog, rules: tuple[SyncRule, ...]) -> Iterator[tuple[Use, Place]]:
    tokens = known_tokens(catalog)
    for rule in rules:
        if rule.object in catalog and rule.where and rule.where.strip():
            try:
                bound = bind_condition(parse_condition(rule.where), catalog, rule.object, tokens=tokens)
            except SoqlError:  # it is told where the rule is looked at
                continue
            for place in bound.reads:
                yield Use("sync rule", rule.object, f"{rule.type.value} for {rule.device}"), place
