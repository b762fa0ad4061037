"""Whether what is said of records that are the same can be kept: their fields can be compared and looked up, and what
a rule links can be linked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from fieldsync.schema.model import DuplicateRule, Field, FieldType, Object, WhenAlike

_NOT_COMPARED = frozenset({FieldType.FORMULA, FieldType.ROLL_UP, FieldType.LONG_TEXT, FieldType.BASE64})
_NOT_STORED_AS_ONE = frozenset({FieldType.GEOLOCATION, FieldType.AUTO_NUMBER, FieldType.ID})


def alike_faults(declared: Object, fields: Mapping[str, Field]) -> Iterator[tuple[str, str]]:
    """What is wrong with the duplicate rules of an object: where, and a sentence."""
    for rule in declared.duplicate_rules:
        where = f"{declared.name}.{rule.name}"
        yield from ((where, sentence) for sentence in _field_faults(rule, fields))
        if rule.when_alike is WhenAlike.LINK and not declared.mergeable:
            yield where, "it links records, but they are not mergeable"
        master = next((f.name for f in declared.fields if f.type is FieldType.MASTER_DETAIL or f.family), None)
        if rule.when_alike is WhenAlike.LINK and master is not None and master not in rule.fields:
            yield where, f"it links details, and does not name {master}: one could become a detail of another record"


def one_each_faults(declared: Object, fields: Mapping[str, Field]) -> Iterator[str]:
    """What is wrong with the fields that say what there is one record of."""
    yield from (f"of what there is one each: {sentence}" for sentence in _compared_faults(declared.one_each, fields))
    if declared.one_each and not any(fields[name].references for name in declared.one_each if name in fields):
        yield "of what there is one each: none of its fields refers to another record, so no merge makes two the same"
    if declared.one_each and (declared.bulk is not None or declared.family is not None):
        yield "of what there is one each: rows that are loaded from files have their key, and a family stays whole"


def _compared_faults(names: Iterable[str], fields: Mapping[str, Field]) -> Iterator[str]:
    for name in names:
        if name not in fields:
            yield f"it names {name}, which is no field of the object"
        elif fields[name].type in _NOT_COMPARED | _NOT_STORED_AS_ONE:
            yield f"it names {name}, whose values cannot be compared"


def _field_faults(rule: DuplicateRule, fields: Mapping[str, Field]) -> Iterator[str]:
    if not rule.fields:
        yield "it names no field"
    yield from _compared_faults(rule.fields, fields)
    named = [fields[name] for name in rule.fields if name in fields]
    if named and not any(f.unique or f.external_id or f.indexed or f.references for f in named):
        yield "none of its fields is indexed, so every save would read the whole table"
