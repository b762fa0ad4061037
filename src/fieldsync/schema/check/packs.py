"""Whether packs make sense together: what the form of `model.Pack` cannot say. Pure; never raises.

Run before `catalog.build`, which trusts its packs. What concerns one field alone stands in `field.py`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from fieldsync.base.ids import PREFIX_CHARS
from fieldsync.schema.catalog import REFERENCE_TYPES, columns_of, extended, relationship_name
from fieldsync.schema.check.access import grants_faults
from fieldsync.schema.check.alike import alike_faults, one_each_faults
from fieldsync.schema.check.bulk import bulk_faults
from fieldsync.schema.check.field import bad_name, field_faults, name_field_faults, picklist_faults
from fieldsync.schema.check.layout import layout_faults
from fieldsync.schema.family.declaration import Duplication
from fieldsync.schema.filters import BadFilter, read_filter
from fieldsync.schema.model import Field, FieldType, Object, Pack, RollUp, ValueSet
from fieldsync.schema.standard import STAMP, standard_fields

RESERVED_COLUMNS = frozenset({"tableoid", "xmin", "cmin", "xmax", "cmax", "ctid", "rowid", "oid", "_rowid_", STAMP})
"""Columns that PostgreSQL or SQLite have by themselves, in small letters."""
_PREFIX = re.compile(rf"[0-9A-Za-z]{{{PREFIX_CHARS}}}\Z")
_NUMERIC = {FieldType.NUMBER, FieldType.CURRENCY, FieldType.PERCENT, FieldType.ROLL_UP, FieldType.FORMULA}
_ORDERED = _NUMERIC | {FieldType.DATE, FieldType.DATETIME, FieldType.TIME}
_CHOSEN = (FieldType.PICKLIST, FieldType.MULTI_PICKLIST)
_OPERATIONS = {"COUNT": frozenset[FieldType](), "SUM": _NUMERIC, "MIN": _ORDERED, "MAX": _ORDERED}


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong: in which pack, where (`Call.Status`), and a sentence."""

    pack: str
    where: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.pack}: {self.where}: {self.sentence}"


@dataclass(frozen=True)
class _Facts:
    """What several checks look up."""

    objects: Mapping[str, Object]
    fields: Mapping[str, Mapping[str, Field]]
    """Of every object, standard fields too."""
    value_sets: Mapping[str, ValueSet]


def check(packs: Iterable[Pack]) -> tuple[Finding, ...]:
    """Everything that is wrong with these packs as one catalog; empty when nothing is."""
    parts = tuple(packs)
    facts = _facts(parts)
    found = [*_duplicates(parts), *_prefixes(parts), *_cycles(parts, facts)]
    for pack in parts:
        for where, sentence in _pack_faults(pack, facts):
            found.append(Finding(pack.name, where, sentence))
    return tuple(dict.fromkeys(found))


def _facts(packs: Sequence[Pack]) -> _Facts:
    objects = {o.name: o for o in extended(packs)}
    fields = {o.name: {f.name: f for f in (*standard_fields(o), *o.fields)} for o in objects.values()}
    return _Facts(objects, fields, {s.name: s for pack in packs for s in pack.value_sets})


def _duplicates(packs: Sequence[Pack]) -> Iterator[Finding]:
    """Names that occur twice; they are compared without case, as SQLite compares them."""
    for kind in ("objects", "value_sets", "profiles", "permission_sets"):
        seen = set[str]()
        for pack in packs:
            for item in getattr(pack, kind):
                if item.name.lower() in seen:
                    yield Finding(pack.name, item.name, f"two of the {kind.replace('_', ' ')} have this name")
                seen.add(item.name.lower())
    for name, times in Counter(pack.name for pack in packs).items():
        if times > 1:
            yield Finding(name, name, "there is more than one pack with this name")


def _prefixes(packs: Sequence[Pack]) -> Iterator[Finding]:
    owners: dict[str, str] = {}
    for pack in packs:
        for declared in pack.objects:
            if declared.prefix is None:
                continue
            if not _PREFIX.match(declared.prefix):
                yield Finding(pack.name, declared.name, f"its key prefix must be {PREFIX_CHARS} letters or digits")
            owner = owners.setdefault(declared.prefix, declared.name)
            if owner != declared.name:
                yield Finding(pack.name, declared.name, f"its key prefix {declared.prefix} is that of {owner}")


def _cycles(packs: Sequence[Pack], facts: _Facts) -> Iterator[Finding]:
    """No object may be a detail of itself, by whatever way."""
    masters = {name: _masters(declared) for name, declared in facts.objects.items()}
    for pack in packs:
        for declared in pack.objects:
            above, found = set[str](), list(masters[declared.name])
            while found:
                name = found.pop()
                if name not in above:
                    above.add(name)
                    found += masters.get(name, ())
            if declared.name in above:
                yield Finding(pack.name, declared.name, "its master-detail fields lead back to itself")


def _masters(declared: Object) -> tuple[str, ...]:
    details = [f for f in declared.fields if f.type is FieldType.MASTER_DETAIL or f.family]
    return tuple(f.references for f in details if f.references is not None)


def _pack_faults(pack: Pack, facts: _Facts) -> Iterator[tuple[str, str]]:
    for value_set in pack.value_sets:
        yield from ((value_set.name, sentence) for sentence in picklist_faults(value_set.values))
    for extension in pack.extensions:
        if extension.object not in facts.objects:
            yield extension.object, "it is extended here, but there is no such object"
            continue
        yield from _fields_faults(extension.object, extension.fields, facts)
    for declared in pack.objects:
        yield from _object_faults(declared, facts)
        yield from _fields_faults(declared.name, declared.fields, facts)
    for grants in (*pack.profiles, *pack.permission_sets):
        yield from ((grants.name, sentence) for sentence in grants_faults(grants, facts.objects, facts.fields))


def _object_faults(declared: Object, facts: _Facts) -> Iterator[tuple[str, str]]:
    reason = bad_name(declared.name)
    if reason is not None or declared.name.lower().startswith("sqlite_"):
        yield declared.name, reason or "names that begin with sqlite_ are SQLite's own"
    fields = facts.fields[declared.name]
    for sentence in name_field_faults(declared.name_field, fields):
        yield f"{declared.name}.Name", sentence
    whole = facts.objects[declared.name]
    yield from _column_faults(declared.name, [*standard_fields(whole), *whole.fields])
    yield from _record_type_faults(whole, fields)
    yield from _family_faults(declared, fields)
    yield from alike_faults(whole, fields)
    yield from ((declared.name, sentence) for sentence in one_each_faults(declared, fields))
    yield from ((declared.name, sentence) for sentence in bulk_faults(declared, fields, facts.objects))
    yield from ((declared.name, sentence) for sentence in layout_faults(whole, facts.objects, facts.fields))
    for kind in ("validation_rules", "list_views", "duplicate_rules", "layouts"):
        names = Counter(item.name.lower() for item in getattr(facts.objects[declared.name], kind))
        yield from ((f"{declared.name}.{n}", f"two of its {kind} have this name") for n, k in names.items() if k > 1)


def _column_faults(object_name: str, fields: Sequence[Field]) -> Iterator[tuple[str, str]]:
    """Fields, columns and ways up that have one name."""
    columns = Counter(column.lower() for field in fields for column in columns_of(field))
    ways = Counter(relationship_name(f).lower() for f in fields if f.type in REFERENCE_TYPES)
    for field in fields:
        where = f"{object_name}.{field.name}"
        for column in columns_of(field):
            if columns[column.lower()] > 1:
                yield where, f"the object has the field {column} more than once"
            if column.lower() in RESERVED_COLUMNS:
                yield where, "databases have a column of this name of their own"
        if field.type in REFERENCE_TYPES and ways[relationship_name(field).lower()] > 1:
            yield where, f"two of its fields have the relationship {relationship_name(field)}"


def _duplicate_faults(name: str, plan: Duplication | None, fields: Mapping[str, Field]) -> Iterator[tuple[str, str]]:
    for one in (plan.original, plan.link, plan.reason, *plan.without) if plan is not None else ():
        if one not in fields:
            yield name, f"its duplicate names {one}, which is no field of it"


def _family_faults(declared: Object, fields: Mapping[str, Field]) -> Iterator[tuple[str, str]]:
    family = declared.family
    if family is None:
        return
    if _masters(declared):
        yield declared.name, "the root of a family cannot be a detail of another object"
    if family.submit is None:
        return
    field = fields.get(family.submit.field)
    if field is None:
        yield declared.name, f"it counts as submitted by a field it has not: {family.submit.field}"
    elif field.values and family.submit.value not in {v.value for v in field.values}:
        yield declared.name, f"{family.submit.value} is none of the values of {field.name}"
    for name in (n for n in (family.submit.unlocked, family.submit.override) if n is not None):
        if name not in fields or fields[name].type is not FieldType.CHECKBOX:
            yield declared.name, f"its submit names {name}, which is no checkbox of it"
    yield from _duplicate_faults(declared.name, family.submit.duplicate, fields)
    day = family.submit.date
    if day is not None and (day not in fields or fields[day].type not in (FieldType.DATE, FieldType.DATETIME)):
        yield declared.name, f"its submit names {day}, which is no date of it"


def _record_type_faults(declared: Object, fields: Mapping[str, Field]) -> Iterator[tuple[str, str]]:
    names = Counter(found.name.lower() for found in declared.record_types)
    for found in declared.record_types:
        where = f"{declared.name}.{found.name}"
        if names[found.name.lower()] > 1:
            yield where, "the object has this record type more than once"
        for name in found.picklists.keys() | found.defaults.keys():
            if name not in fields or fields[name].type not in _CHOSEN:
                yield where, f"it names {name}, which is no picklist of the object"
    if sum(found.default for found in declared.record_types) > 1:
        yield declared.name, "more than one record type is the default"


def _fields_faults(object_name: str, fields: Sequence[Field], facts: _Facts) -> Iterator[tuple[str, str]]:
    for field in fields:
        where = f"{object_name}.{field.name}"
        faults = [*field_faults(field), *_reference_faults(object_name, field, facts)]
        if field.value_set is not None and field.value_set not in facts.value_sets:
            faults.append(f"there is no value set {field.value_set}")
        if field.type is FieldType.ROLL_UP and field.roll_up is not None:
            faults += _roll_up_faults(object_name, field.roll_up, facts)
        yield from ((where, sentence) for sentence in faults)


def _reference_faults(object_name: str, field: Field, facts: _Facts) -> Iterator[str]:
    target = field.references
    if field.type not in REFERENCE_TYPES or target is None:
        return
    if target not in facts.objects:
        yield f"it refers to an object that is not there: {target}"
    if field.children is not None:
        siblings = [
            f"{name}.{other.name}"
            for name, fields in facts.fields.items()
            for other in fields.values()
            if other.references == target and (other.children or "").lower() == field.children.lower()
        ]
        if siblings != [f"{object_name}.{field.name}"]:
            yield f"{target} has the list of children {field.children} more than once: {', '.join(siblings)}"


def _roll_up_faults(object_name: str, roll_up: RollUp, facts: _Facts) -> Iterator[str]:
    if roll_up.operation not in _OPERATIONS:
        yield f"{roll_up.operation} is none of {', '.join(_OPERATIONS)}"
        return
    child = facts.fields.get(roll_up.child_object)
    if child is None:
        yield f"it sums up an object that is not there: {roll_up.child_object}"
        return
    reference = child.get(roll_up.child_reference)
    if reference is None or reference.type not in REFERENCE_TYPES or reference.references != object_name:
        yield f"{roll_up.child_object}.{roll_up.child_reference} is no reference to {object_name}"
    wanted = _OPERATIONS[roll_up.operation]
    summed = child.get(roll_up.field or "")
    if wanted and summed is None:
        yield f"it sums up a field that is not there: {roll_up.child_object}.{roll_up.field}"
    elif wanted and summed is not None and summed.type not in wanted:
        yield f"{roll_up.operation} does not work on a field of the type {summed.type.value}"
    for condition in roll_up.filters:
        if condition.field not in child:
            yield f"its filter names a field that is not there: {roll_up.child_object}.{condition.field}"
            continue
        try:
            read_filter(child[condition.field], condition)
        except BadFilter as bad:
            yield f"its filter cannot be run: {bad}"
