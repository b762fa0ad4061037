"""Standard objects of Salesforce that a project may extend or refer to without defining them.

They are described in short in `standard_objects.yaml`. A project gets only those it needs and no pack has.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from importlib import resources

import msgspec

from fieldsync.schema.catalog import REFERENCE_TYPES
from fieldsync.schema.load import parse_pack
from fieldsync.schema.model import Object

_FILE = "standard_objects.yaml"


@lru_cache(maxsize=1)
def _known() -> dict[str, Object]:
    text = (resources.files("fieldsync.schema.sfdx") / _FILE).read_text(encoding="utf-8")
    return {declared.name: declared for declared in parse_pack(text, _FILE).objects}


def is_standard(name: str) -> bool:
    """Whether this is a standard object that is described here."""
    return name in _known()


def standard_object(name: str, there: Callable[[str], bool], taken_prefixes: frozenset[str]) -> Object:
    """The standard object in short. Lookups to objects that are not `there` are left out, and so is a key prefix that
    another object has."""
    declared = _known()[name]
    kept = tuple(
        field
        for field in declared.fields
        if field.type not in REFERENCE_TYPES or field.references == name or there(field.references or "")
    )
    prefix = None if declared.prefix in taken_prefixes else declared.prefix
    return msgspec.structs.replace(declared, fields=kept, prefix=prefix)
