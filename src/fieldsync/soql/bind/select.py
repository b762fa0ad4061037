"""What is selected: fields, FIELDS(...), TYPEOF, and the place of each in the record of the answer."""

from __future__ import annotations

from collections.abc import Iterator

from fieldsync.schema.catalog import relationship_name
from fieldsync.schema.model import FieldType
from fieldsync.soql.bind.expression import bind_plain
from fieldsync.soql.bind.scope import Scope, reference
from fieldsync.soql.bound import ROOT, Column, Label, Output
from fieldsync.soql.errors import SoqlError
from fieldsync.soql.functions import Kind
from fieldsync.soql.nodes import Call, Item, Path, Query, TypeOf

FIELD_GROUPS = ("ALL", "STANDARD", "CUSTOM")


def bind_items(scope: Scope, query: Query, *, grouped: bool) -> tuple[Output, ...]:
    """The columns of the answer, each named once. Raises SoqlError."""
    outputs: list[Output] = []
    taken: set[tuple[str, ...]] = set()
    unnamed = 0
    for item in query.items:
        for output in _outputs(scope, item, unnamed, grouped=grouped):
            if output.keys not in taken:
                outputs.append(output)
                taken.add(output.keys)
            unnamed += output.keys == (f"expr{unnamed}",)
    return tuple(outputs)


def _outputs(scope: Scope, item: object, unnamed: int, *, grouped: bool) -> Iterator[Output]:
    if isinstance(item, TypeOf):
        yield from _typeof(scope, item)
    elif isinstance(item, Item):
        if isinstance(item.expression, Call) and item.expression.name.upper() == "FIELDS":
            yield from _fields(scope, item.expression, grouped=grouped)
        else:
            yield from _item(scope, item, unnamed, grouped=grouped)


def _item(scope: Scope, item: Item, unnamed: int, *, grouped: bool) -> Iterator[Output]:
    bound = bind_plain(scope, item.expression)
    plain = isinstance(bound, Column)
    shown = bound.of if isinstance(bound, Label) else bound
    if isinstance(shown, Column):
        keys = _keys(scope, shown)
        keys = keys[-1:] if grouped else keys
    else:
        keys = (f"expr{unnamed}",)
    if item.alias and (grouped or not (plain and isinstance(item.expression, Path))):
        keys = (item.alias,)
    if isinstance(bound, Column) and bound.kind is Kind.LOCATION:
        first, second = scope.halves(bound)
        yield Output(first, (*keys, "latitude"))
        yield Output(second, (*keys, "longitude"))
    else:
        yield Output(bound, keys)


def _keys(scope: Scope, column: Column) -> tuple[str, ...]:
    """Relationship names as the catalog writes them, then the field."""
    keys = [column.name if column.kind is not Kind.LOCATION else column.field.name]
    alias = column.alias
    by_alias = {join.alias: join for join in scope.joins.values()}
    while alias in by_alias:
        join = by_alias[alias]
        alias = join.parent
        owner = by_alias[alias].object if alias in by_alias else scope.object.name
        keys.append(relationship_name(scope.catalog[owner].fields[join.reference]))
    return tuple(reversed(keys))


def _fields(scope: Scope, call: Call, *, grouped: bool) -> Iterator[Output]:
    (argument,) = call.arguments
    group = str(argument).upper() if isinstance(argument, Path) else ""
    if grouped or group not in FIELD_GROUPS:
        raise SoqlError("FIELDS takes ALL, STANDARD or CUSTOM, and no groups.", call.at)
    for declared in scope.object.stored:
        custom = declared.name.endswith("__c")
        if group == "ALL" or custom == (group == "CUSTOM"):
            item = Item(Path((scope.object.name, declared.name), call.at), None, call.at)
            yield from _item(scope, item, 0, grouped=False)


def _typeof(scope: Scope, item: TypeOf) -> Iterator[Output]:
    """A reference points to one object here, so the case for it is known before any row is read."""
    names = scope.stripped(item.reference)
    owner = scope.object
    for name in names:
        found = reference(owner, name)
        if found is None or found.references not in scope.catalog or found.type is FieldType.FORMULA:
            raise SoqlError(f"{owner.name} has no relationship {name}.", item.at)
        owner = scope.catalog[str(found.references)]
    cases = {name.lower(): paths for name, paths in item.cases}
    for path in cases.get(owner.name.lower(), item.otherwise):
        full = Path((scope.object.name, *names, *path.names), path.at)
        yield from _item(scope, Item(full, None, path.at), 0, grouped=False)


def hops_of(scope: Scope, outputs: tuple[Output, ...]) -> tuple[tuple[tuple[str, ...], str], ...]:
    """Each relationship in the answer with the alias of its row."""
    joins = {join.alias: join for join in scope.joins.values()}
    found: dict[tuple[str, ...], str] = {}
    for output in outputs:
        column = output.expression.of if isinstance(output.expression, Label) else output.expression
        if not isinstance(column, Column) or len(output.keys) == 1:
            continue
        keys = output.keys[: -1 - (output.keys[-1] in ("latitude", "longitude"))]
        alias = column.alias
        while keys and alias != ROOT:
            found.setdefault(keys, alias)
            keys, alias = keys[:-1], joins[alias].parent
    return tuple(found.items())
