"""Every formula of a catalog, compiled once. What cannot be compiled is a fault, listed with its place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from fieldsync.formula.bound import Apply, Bound
from fieldsync.formula.check.scope import CatalogScope
from fieldsync.formula.formula import Checked, parse
from fieldsync.formula.problem import BadFormula
from fieldsync.formula.types import FormulaType
from fieldsync.schema.catalog import REFERENCE_TYPES, Catalog, ObjectType, columns_of, relationship_name
from fieldsync.schema.model import Field, FieldType, ValidationRule

Way = tuple[str, ...]
"""Relationships followed one after another: `("Account", "Owner")`."""
LITERAL_DEFAULTS = (FieldType.CHECKBOX, FieldType.PICKLIST, FieldType.MULTI_PICKLIST)
"""Types whose default may be a plain value; see `Field.default`."""


@dataclass(frozen=True)
class LogicFault:
    """A formula that cannot run: where it stands, and why, with line and column."""

    object: str
    element: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.object}.{self.element}: {self.sentence}"


@dataclass(frozen=True)
class FieldFormula:
    """A formula field, or the default of a field."""

    field: Field
    checked: Checked


@dataclass(frozen=True)
class Rule:
    """A validation rule; the record is refused where it is true."""

    declared: ValidationRule
    checked: Checked


@dataclass(frozen=True)
class Reading:
    """A formula field of `reader` reads this column of the row at the end of the way."""

    reader: str
    way: Way
    object: str
    column: str


@dataclass(frozen=True)
class Place:
    """A field that a formula reads: of the row at the end of the way. The references on the way are places too."""

    way: Way
    object: str
    field: str


@dataclass
class ObjectFormulas:
    """The formulas of one object, and the ways to the related rows they read, formulas of formulas included."""

    fields: dict[str, FieldFormula] = field(default_factory=dict)
    rules: list[Rule] = field(default_factory=list)
    defaults: dict[str, FieldFormula] = field(default_factory=dict)
    save_ways: frozenset[Way] = frozenset()
    """Ways that rules and defaults take."""


class CatalogFormulas:
    """The formulas of one catalog by object."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self.faults: list[LogicFault] = []
        self.objects: Mapping[str, ObjectFormulas] = {o.name: self._compile(o) for o in catalog}
        self._refuse_circles()
        for object_type in catalog:
            found = self.objects[object_type.name]
            checked = [rule.checked for rule in found.rules] + [default.checked for default in found.defaults.values()]
            found.save_ways = frozenset(way for one in checked for way in self.ways_of(object_type, one))

    def __getitem__(self, object_name: str) -> ObjectFormulas:
        return self.objects[object_name]

    @cached_property
    def globals(self) -> frozenset[str]:
        """The global values, `$User` and the like, that any rule or default reads."""
        return frozenset(names[0].lower() for checked in self.all_checked for names in checked.formula.globals)

    @property
    def all_checked(self) -> Iterator[Checked]:
        """Every formula that can run."""
        for found in self.objects.values():
            yield from (rule.checked for rule in found.rules)
            yield from (one.checked for one in (*found.defaults.values(), *found.fields.values()))

    def ways_of(self, object_type: ObjectType, checked: Checked) -> Iterator[Way]:
        """Every way to a related row that a formula takes, those of the formula fields it reads included."""
        for path in checked.formula.paths:
            found = CatalogScope(self.catalog, object_type.name).find(path)
            if found is None:
                continue
            *way, name = found.names
            for end in range(1, len(way) + 1):
                yield tuple(way[:end])
            target = follow(self.catalog, object_type, way)
            inner = self.objects[target.name].fields.get(name) if target is not None else None
            if target is not None and inner is not None:
                yield from ((*way, *more) for more in self.ways_of(target, inner.checked))

    def places_of(self, object_type: ObjectType, checked: Checked, before: Way = ()) -> Iterator[Place]:
        """Every field a formula reads; in place of a formula field what that reads."""
        for path in checked.formula.paths:
            found = CatalogScope(self.catalog, object_type.name).find(path)
            if found is None:
                continue
            *way, name = found.names
            current = object_type
            for end, relationship in enumerate(way):
                reference = reference_named(current, relationship)
                assert reference is not None
                assert reference.references is not None
                yield Place((*before, *way[:end]), current.name, reference.name)
                current = self.catalog[reference.references]
            inner = self.objects[current.name].fields.get(name)
            if inner is None:
                yield Place((*before, *way), current.name, name)
            else:
                yield from self.places_of(current, inner.checked, (*before, *way))

    def travelling(self, object_name: str) -> tuple[FieldFormula, ...]:
        """Formula fields whose value the server computes and sends. The others are computed when a device reads them:
        they depend on the clock, the person or the org's settings, and may change without any save."""
        object_type = self.catalog[object_name]
        return tuple(f for f in self[object_name].fields.values() if not self.is_local(object_type, f.checked))

    def local(self, object_name: str) -> tuple[FieldFormula, ...]:
        """Formula fields that a device computes itself."""
        sent = {one.field.name for one in self.travelling(object_name)}
        return tuple(f for name, f in self[object_name].fields.items() if name not in sent)

    def is_local(self, object_type: ObjectType, checked: Checked) -> bool:
        """Whether what a formula comes to depends on more than records, itself or by a formula field it reads."""
        if checked.formula.volatile or uses_python_only(checked.root):
            return True
        return any(self.is_local(target, inner.checked) for target, inner in self._inner(object_type, checked))

    def _inner(self, object_type: ObjectType, checked: Checked) -> Iterator[tuple[ObjectType, FieldFormula]]:
        """Formula fields that a formula reads."""
        for path in checked.formula.paths:
            found = CatalogScope(self.catalog, object_type.name).find(path)
            target = follow(self.catalog, object_type, found.names[:-1]) if found is not None else None
            inner = self.objects[target.name].fields.get(found.names[-1]) if found is not None and target else None
            if target is not None and inner is not None:
                yield target, inner

    @cached_property
    def reads(self) -> frozenset[Reading]:
        """Columns of other objects that travelling formula fields read: a change there is a change of the reader."""
        return frozenset(
            reading
            for object_type in self.catalog
            for one in self.travelling(object_type.name)
            for reading in self._reads_of(object_type, one.checked, object_type.name, ())
        )

    def _reads_of(self, object_type: ObjectType, checked: Checked, reader: str, before: Way) -> Iterator[Reading]:
        for path in checked.formula.paths:
            found = CatalogScope(self.catalog, object_type.name).find(path)
            target = follow(self.catalog, object_type, found.names[:-1]) if found is not None else None
            if found is None or target is None:
                continue
            way = (*before, *found.names[:-1])
            for end in range(len(before), len(way)):
                hop = follow(self.catalog, self.catalog[reader], way[:end])
                reference = reference_named(hop, way[end]) if hop is not None else None
                if end and hop is not None and reference is not None:
                    yield Reading(reader, way[:end], hop.name, reference.name)
            inner = self.objects[target.name].fields.get(found.names[-1])
            if inner is not None:
                yield from self._reads_of(target, inner.checked, reader, way)
            elif way:
                for column in columns_of(target.fields[found.names[-1]]):
                    yield Reading(reader, way, target.name, column)

    def _compile(self, object_type: ObjectType) -> ObjectFormulas:
        found = ObjectFormulas()
        for declared in object_type.fields.values():
            if declared.type is FieldType.FORMULA and declared.formula is not None:
                checked = self._checked(object_type, declared.name, declared.formula)
                if checked is not None:
                    found.fields[declared.name] = FieldFormula(declared, checked)
            elif declared.default is not None and not _is_literal(declared):
                checked = self._checked(object_type, f"{declared.name} (default)", declared.default)
                if checked is not None:
                    found.defaults[declared.name] = FieldFormula(declared, checked)
        for rule in object_type.validation_rules:
            checked = (
                self._checked(object_type, rule.name, rule.condition, FormulaType.BOOLEAN) if rule.active else None
            )
            if checked is not None:
                found.rules.append(Rule(rule, checked))
        return found

    def _checked(
        self, object_type: ObjectType, element: str, text: str, wanted: FormulaType | None = None
    ) -> Checked | None:
        try:
            checked = parse(text).bind(CatalogScope(self.catalog, object_type.name))
        except BadFormula as bad:
            self.faults.append(LogicFault(object_type.name, element, str(bad)))
            return None
        if wanted is not None and checked.type not in (wanted, FormulaType.ANY):
            sentence = f"it gives a {checked.type.value}, and must give a {wanted.value}"
            self.faults.append(LogicFault(object_type.name, element, sentence))
            return None
        return checked

    def _refuse_circles(self) -> None:
        """A formula field that reads itself, directly or by others, has no value."""
        for object_type in self.catalog:
            fields = self.objects[object_type.name].fields
            for name in [n for n in fields if self._reads(object_type, n, (object_type.name, n), set())]:
                del fields[name]
                self.faults.append(LogicFault(object_type.name, name, "it reads itself"))

    def _reads(self, object_type: ObjectType, name: str, wanted: tuple[str, str], seen: set[tuple[str, str]]) -> bool:
        inner = self.objects[object_type.name].fields.get(name)
        if inner is None or (object_type.name, name) in seen:
            return False
        seen.add((object_type.name, name))
        for path in inner.checked.formula.paths:
            found = CatalogScope(self.catalog, object_type.name).find(path)
            target = follow(self.catalog, object_type, found.names[:-1]) if found is not None else None
            if found is None or target is None:
                continue
            if (target.name, found.names[-1]) == wanted or self._reads(target, found.names[-1], wanted, seen):
                return True
        return False


def follow(catalog: Catalog, start: ObjectType, way: Way | list[str]) -> ObjectType | None:
    """The object at the end of a way."""
    current = start
    for name in way:
        reference = reference_named(current, name)
        target = reference.references if reference is not None else None
        if target is None or target not in catalog:
            return None
        current = catalog[target]
    return current


def reference_named(object_type: ObjectType, relationship: str) -> Field | None:
    """The reference field whose relationship has this name."""
    for found in object_type.fields.values():
        if found.type in REFERENCE_TYPES and relationship_name(found) == relationship:
            return found
    return None


def uses_python_only(node: Bound) -> bool:
    """Whether a formula calls a function that has no SQL side."""
    if not isinstance(node, Apply):
        return False
    return bool(node.function.python_only) or any(uses_python_only(argument) for argument in node.arguments)


def _is_literal(declared: Field) -> bool:
    """A plain value as a default: `true`, or one of a picklist's own values."""
    text = declared.default or ""
    if declared.type is FieldType.CHECKBOX:
        return text.lower() in ("true", "false")
    return declared.type in LITERAL_DEFAULTS and any(value.value == text for value in declared.values)
