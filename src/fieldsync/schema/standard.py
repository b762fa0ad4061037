"""The fields every object has without declaring them (DESIGN 4), in the order of their columns."""

from __future__ import annotations

from collections.abc import Iterator

from fieldsync.schema.model import Field, FieldType, NameField, Object, OnDelete

STAMP = "_stamp"
"""The row's version and place in time (DESIGN 5). A column of every table; never a field, never set by a save."""


def standard_fields(declared: Object) -> Iterator[Field]:
    """Id, Name, owner, dates and the deletion mark of an object."""
    yield Field(name="Id", type=FieldType.ID, label="Record ID", system=True)
    yield name_field(declared.name_field)
    yield _user("OwnerId", "Owner", "Owner", system=False)
    yield Field(name="CreatedDate", type=FieldType.DATETIME, label="Created Date", system=True)
    yield _user("CreatedById", "Created By", "CreatedBy", system=True)
    yield Field(name="LastModifiedDate", type=FieldType.DATETIME, label="Last Modified Date", system=True)
    yield _user("LastModifiedById", "Last Modified By", "LastModifiedBy", system=True)
    yield Field(name="SystemModstamp", type=FieldType.DATETIME, label="System Modstamp", system=True)
    if declared.record_types:
        yield Field(name="RecordTypeId", type=FieldType.LOOKUP, label="Record Type", references="RecordType")
    yield Field(name="IsDeleted", type=FieldType.CHECKBOX, label="Deleted", system=True)


def name_field(declared: NameField) -> Field:
    """`Name` as an ordinary field. A text name must be filled in; a composed or numbered one fills itself."""
    written_by_people = declared.type is FieldType.TEXT and not declared.compose
    return Field(
        name="Name",
        type=declared.type,
        label=declared.label,
        length=declared.length,
        required=written_by_people,
        system=not written_by_people,
        display_format=declared.display_format,
        starting_number=declared.starting_number,
    )


def _user(name: str, label: str, relationship: str, *, system: bool) -> Field:
    return Field(
        name=name,
        type=FieldType.LOOKUP,
        label=label,
        references="User",
        relationship=relationship,
        on_delete=OnDelete.RESTRICT,
        system=system,
    )
