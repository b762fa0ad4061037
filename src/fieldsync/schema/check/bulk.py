"""Whether an object that is loaded from files can be: what its key is, and that nothing is summed up from it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from fieldsync.schema.model import Field, FieldType, Object


def bulk_faults(declared: Object, fields: Mapping[str, Field], objects: Mapping[str, Object]) -> Iterator[str]:
    """What is wrong with the object's way of being loaded."""
    bulk = declared.bulk
    if bulk is None:
        return
    for name in bulk.key:
        field = fields.get(name)
        if field is None:
            yield f"it is loaded by a field it has not: {name}"
        elif not field.required and field.type is not FieldType.MASTER_DETAIL:
            yield f"it is loaded by {name}, which may be empty"
    period = fields.get(bulk.period)
    if bulk.period not in bulk.key or period is None or period.type is not FieldType.DATE:
        yield f"its period {bulk.period} is no date of its key"
    if declared.name_field.type is not FieldType.AUTO_NUMBER:
        yield "the Name of what is loaded from files is an auto-number"
    if declared.family is not None or declared.route is not None:
        yield "what is loaded from files has no family and no route"
    for other in objects.values():
        if any(f.roll_up is not None and f.roll_up.child_object == declared.name for f in other.fields):
            yield f"{other.name} sums it up, and sums do not follow what is loaded from files"
