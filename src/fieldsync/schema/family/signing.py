"""Signed records (FEATURES L02): what somebody put a signature under stays as it was, unless the save takes the
signature back. Pure.

A signed root covers its whole family, so that no sample and no document is added above the signature; a detail that
only looks its root up, as a task, is nothing the person signed for.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from fieldsync.schema.model import FieldType

if TYPE_CHECKING:
    from fieldsync.schema.catalog import ObjectType
    from fieldsync.schema.family.declaration import Submit

Values = Mapping[str, Any]
"""Columns of a record; canonical values."""
STATE = "Status"
"""How far a record has got that is never submitted; a picklist."""
OWNER = "OwnerId"


def signatures(object_type: ObjectType) -> tuple[str, ...]:
    """The fields that hold a signature."""
    return tuple(f.name for f in object_type.stored if f.name in object_type.files and "signature" in f.name.lower())


def given(object_type: ObjectType, row: Values) -> tuple[str, ...]:
    """The signatures this record holds."""
    return tuple(name for name in signatures(object_type) if row.get(name) is not None)


def covered(object_type: ObjectType) -> bool:
    """Whether a signature on the record's master covers it: a detail that only looks its master up stays free."""
    return object_type.master is not None and object_type.master.type is FieldType.MASTER_DETAIL


def is_open(row: Values, submit: Submit | None) -> bool:
    """Whether nothing else says already who may change it: that it was submitted, or that an admin unlocked it."""
    if submit is None:
        return True
    return row.get(submit.field) != submit.value and not row.get(submit.unlocked or "")


def breaking(
    object_type: ObjectType, before: Values, after: Values, changed: Collection[str], submit: Submit | None
) -> set[str]:
    """Those of the changed fields of a signed record that have to stay as they were when it was signed.

    Its state and its owner may change, another signature may be added, and submitting fills in what was empty.
    """
    free = {OWNER}
    if submit is not None:
        free |= {name for name in (submit.field, submit.unlocked, submit.override) if name is not None}
    elif STATE in object_type.fields and object_type.fields[STATE].type is FieldType.PICKLIST:
        free.add(STATE)
    submits = submit is not None and after.get(submit.field) == submit.value != before.get(submit.field)
    fillable = set(changed) if submits else {n for one in signatures(object_type) for n in (one, date_of(one))}
    return {name for name in changed if name not in free and not (name in fillable and before.get(name) is None)}


def date_of(signature: str) -> str:
    """The field beside a signature that says when it was given."""
    custom = "__c" if signature.endswith("__c") else ""
    return f"{signature.removesuffix('__c')}_Date{custom}"
