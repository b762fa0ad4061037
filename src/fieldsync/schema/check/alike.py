"""Whether a duplicate rule can be kept: its fields can be compared and looked up, and what it links can be linked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

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
        is_detail = any(f.type is FieldType.MASTER_DETAIL or f.family for f in declared.fields)
        if rule.when_alike is WhenAlike.LINK and (declared.family is not None or is_detail):
            yield where, "it links records that are saved in a family"


def _field_faults(rule: DuplicateRule, fields: Mapping[str, Field]) -> Iterator[str]:
    if not rule.fields:
        yield "it names no field"
    named = [fields[name] for name in rule.fields if name in fields]
    for name in rule.fields:
        if name not in fields:
            yield f"it names {name}, which is no field of the object"
    for field in named:
        if field.type in _NOT_COMPARED | _NOT_STORED_AS_ONE:
            yield f"it names {field.name}, whose values cannot be compared"
    if named and not any(f.unique or f.external_id or f.indexed or f.references for f in named):
        yield "none of its fields is indexed, so every save would read the whole table"
