"""Objects, references and field types inferred from conditions alone, so that published rules find what they name.

A name before a point is a reference to an object of that name; what is compared says of which type a field is; a field
looked for in a subquery is a reference. Nothing here knows the rules it is used for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import msgspec

from fieldsync.schema.catalog import Catalog, build
from fieldsync.schema.load import load_packs
from fieldsync.schema.model import Extension, Field, FieldType, Object, Pack
from fieldsync.schema.prefixes import assign
from fieldsync.schema.standard import standard_fields
from fieldsync.soql import parse_condition
from fieldsync.soql.nodes import (
    And,
    Boolean,
    Comparison,
    Condition,
    DateLiteral,
    Item,
    Moment,
    Not,
    Number,
    Or,
    Path,
    Query,
    Value,
)

T = FieldType
_TYPES: tuple[tuple[type[Value], FieldType], ...] = (
    (Boolean, T.CHECKBOX),
    (DateLiteral, T.DATETIME),
    (Moment, T.DATETIME),
    (Number, T.NUMBER),
)


@dataclass
class Stubs:
    """What conditions ask of each object: fields by name in small letters, each with a type or what it refers to."""

    objects: dict[str, str] = field(default_factory=dict)
    fields: dict[str, dict[str, Field]] = field(default_factory=dict)

    def object(self, name: str) -> str:
        """The object of this name, in whatever letters it was named first."""
        known = self.objects.setdefault(name.lower(), name)
        self.fields.setdefault(known, {})
        return known

    def has(self, object_name: str, name: str, kind: FieldType, references: str | None = None) -> None:
        """An object has a field; a better type takes the place of a text."""
        fields = self.fields[object_name]
        before = fields.get(name.lower())
        if before is None or (before.type is T.TEXT and kind is not T.TEXT):
            precision, scale = (12, 2) if kind is T.NUMBER else (None, None)
            fields[name.lower()] = Field(name=name, type=kind, references=references, precision=precision, scale=scale)

    def learn(self, object_name: str, condition: Condition) -> None:
        """Everything a condition on rows of an object asks for."""
        match condition:
            case And() | Or():
                for part in condition.parts:
                    self.learn(object_name, part)
            case Not():
                self.learn(object_name, condition.part)
            case Comparison(left=Path() as left, right=Query() as query):
                self.refers(*self.walk(object_name, left), self.subquery(query))
            case Comparison(left=Path() as left, right=tuple() as values):
                owner, name = self.walk(object_name, left)
                kinds = [kind for value in values for node, kind in _TYPES if isinstance(value, node)]
                if name.lower().endswith("id") and not kinds:
                    self.refers(owner, name, None)
                else:
                    self.has(owner, name, kinds[0] if kinds else T.TEXT)

    def walk(self, object_name: str, path: Path) -> tuple[str, str]:
        """The object at the end of the relationships of a path, and the name of its field."""
        for name in path.names[:-1]:
            target = self.object(name)
            self.refers(object_name, f"{name}Id", target)
            object_name = target
        return object_name, path.names[-1]

    def subquery(self, query: Query) -> str | None:
        """What a subquery's ids are of, where it can be known."""
        source = self.object(query.sources[0].path.names[-1])
        if query.where is not None:
            self.learn(source, query.where)
        item = query.items[0]
        assert isinstance(item, Item)
        assert isinstance(item.expression, Path)
        owner, name = self.walk(source, item.expression)
        if name.lower() == "id":
            return owner
        self.refers(owner, name, None)
        return self.fields[owner][name.lower()].references

    def refers(self, object_name: str, name: str, target: str | None) -> None:
        """A field is a reference: to what is known, else to what it is named after."""
        if name.lower() != "id":
            named = self.object(target or name[:-2] or object_name)
            self.has(object_name, name, T.LOOKUP, named)


def stub_catalog(rules: Iterable[tuple[str, str | None]]) -> Catalog:
    """The platform and every object of these (object, condition) pairs."""
    stubs = Stubs()
    platform = list(load_packs(("platform",)))
    there = {o.name: o for pack in platform for o in pack.objects}
    for name in there:
        stubs.object(name)
    for name, condition in rules:
        known = stubs.object(name)
        if condition:
            stubs.learn(known, parse_condition(condition))
    new = [(Object(name=name, label=name), fields) for name, fields in stubs.fields.items() if name not in there]
    own = [msgspec.structs.replace(declared, fields=_without(declared, fields)) for declared, fields in new]
    added = [Extension(object=name, fields=_without(declared, stubs.fields[name])) for name, declared in there.items()]
    pack = Pack(name="stubs", label="Stubs", objects=tuple(own), extensions=tuple(e for e in added if e.fields))
    return build(assign([*platform, pack], {}))


def _without(declared: Object, fields: Mapping[str, Field]) -> tuple[Field, ...]:
    """The fields an object does not have by itself."""
    has = {f.name.lower() for f in (*standard_fields(declared), *declared.fields)}
    return tuple(one for name, one in fields.items() if name not in has)
