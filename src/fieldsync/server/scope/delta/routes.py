"""Routes: which of other people's changes can be passed over without a look at them.

An object may declare a field that most rules compare with the person or the territory. Its value stands in the change
log beside every change, indexed. Where a condition cannot hold without that field having one of a person's values, only
those changes are read, however many others there are.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from fieldsync.schema.catalog import ObjectType
from fieldsync.server.save.batch import Row
from fieldsync.server.scope.delta.past import Route, route_key
from fieldsync.server.scope.scope import Scope
from fieldsync.soql import SoqlError
from fieldsync.soql.bound import ROOT, AllOf, BoundTerm, Column, Test
from fieldsync.soql.functions import Kind
from fieldsync.soql.values import Context, Slot, fold, ground

ROUTED = (Kind.ID, Kind.TEXT)
"""Kinds a route can have."""


def route_of(object_type: ObjectType, row: Row | None) -> str | None:
    """What the change log notes of a row."""
    field = object_type.declared.route
    value = None if field is None or row is None else row.get(field)
    return route_key(object_type.name, fold(value)) if isinstance(value, str) else None


def route_values(scope: Scope, name: str) -> list[str] | None:
    """The values one of which the route of a selected row has; None where it may have any."""
    test = _deciding(scope, name)
    return None if test is None else _values(test, scope.context)


def route_keys(scope: Scope, name: str) -> Route | None:
    """Those values as the change log names them; a slot for them, where the statement is written once for many."""
    test = _deciding(scope, name)
    if test is None:
        return None
    made = partial(_keys, name, test)
    here = made(scope.context)
    return here if scope.whose is None else Slot(scope.whose, made, here)


def _keys(name: str, test: Test, context: Context) -> list[str]:
    return [route_key(name, value) for value in _values(test, context)]


def _deciding(scope: Scope, name: str) -> Test | None:
    """The comparison that says which route a selected row has."""
    field = scope.around.catalog[name].declared.route
    term = scope.cut.composer.selected(name).term
    if field is None or term is None:
        return None
    for test in _needed(term):
        left = test.left
        named = isinstance(left, Column) and (left.alias, left.name) == (ROOT, field) and left.kind in ROUTED
        if named and test.operator in ("=", "IN"):
            try:
                found = ground(test.operands, left.kind, scope.context)
            except SoqlError:
                return None
            if all(isinstance(value, str) for value in found):
                return test
    return None


def _values(test: Test, context: Context) -> list[str]:
    return [fold(str(value)) for value in ground(test.operands, test.left.kind, context)]


def _needed(term: BoundTerm) -> Iterator[Test]:
    """Comparisons without which the condition does not hold."""
    if isinstance(term, Test):
        yield term
    elif isinstance(term, AllOf):
        for part in term.parts:
            yield from _needed(part)
