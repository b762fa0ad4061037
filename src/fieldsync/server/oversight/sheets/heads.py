"""What the first line of a CSV file says: which column of the file is which field of an object."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fieldsync.base.problems import Code, Refused, problem
from fieldsync.schema.access.rights import Rights
from fieldsync.schema.catalog import Catalog, ObjectType, relationship_name
from fieldsync.schema.model import Field

ID = "Id"


@dataclass(frozen=True)
class Head:
    """One column of the file. `by` is a unique field of the object that a reference leads to: the cell holds its
    value instead of an id. `field` None: the column is left out, because nobody may write it."""

    name: str
    field: Field | None
    column: str = ""
    by: Field | None = None


@dataclass(frozen=True)
class Heads:
    """All of them; `key` says by which column records that are there are found, empty where all are new."""

    object: ObjectType
    heads: tuple[Head, ...]
    key: str

    @property
    def left_out(self) -> tuple[str, ...]:
        """Columns that are read over."""
        return tuple(head.name for head in self.heads if head.field is None)

    @property
    def place(self) -> int:
        """Which column of the file is the key; -1 for none."""
        return next((i for i, head in enumerate(self.heads) if head.column == self.key), -1) if self.key else -1


def keys_of(object_type: ObjectType) -> tuple[str, ...]:
    """What records can be found by: their id, and fields that are unique."""
    return (ID, *(field.name for field in object_type.stored if field.unique or field.external_id))


def heads_of(catalog: Catalog, object_type: ObjectType, rights: Rights, names: Sequence[str], key: str) -> Heads:
    """The columns by field name, label, or `Relationship.Unique_Field`. Raises Refused(UNUSABLE)."""
    if key and key not in keys_of(object_type):
        raise _unusable(f"{object_type.name} has no unique field {key}")
    heads = tuple(_head(catalog, object_type, rights, name.strip(), key) for name in names)
    columns = [head.column for head in heads if head.field is not None]
    twice = {column for column in columns if columns.count(column) > 1}
    if twice:
        raise _unusable(f"two columns are {', '.join(sorted(twice))}")
    if key and key not in columns:
        raise _unusable(f"it has no column {key}, by which records are to be found")
    if not columns:
        raise _unusable(f"none of its columns is a field of {object_type.label}")
    return Heads(object_type, heads, key)


def _head(catalog: Catalog, object_type: ObjectType, rights: Rights, name: str, key: str) -> Head:
    relationship, _, unique = name.partition(".")
    if unique:
        way = next((f for f in object_type.references if relationship_name(f).lower() == relationship.lower()), None)
        target = catalog.objects.get(way.references or "") if way is not None else None
        by = next((f for f in target.stored if f.name.lower() == unique.lower()), None) if target is not None else None
        if way is None or by is None or not (by.unique or by.external_id):
            raise _unusable(f"{name} is no unique field of a record that {object_type.label} refers to")
        return Head(name, way, way.name, by)
    wanted = name.lower()
    column = next((c for c in object_type.columns if c.lower() == wanted), None)
    labelled = [c for c, f in object_type.column_fields.items() if (f.label or "").lower() == wanted]
    column = column or (labelled[0] if len(labelled) == 1 else None)
    if column is None:
        raise _unusable(f"{object_type.label} has no field {name[:60] or 'without a name'}")
    may = column in object_type.writable and rights.edits(object_type.name, column)
    return Head(name, object_type.column_fields[column] if may or column == key else None, column)


def _unusable(reason: str) -> Refused:
    return Refused(problem(Code.UNUSABLE, what="This file", reason=reason))
