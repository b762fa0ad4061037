"""A sync rule (VMOC, DbSchema): which rows of one object go to which devices of whom (FEATURES A01).

One form for all of them: declared in a pack, brought in from another system, and kept as a record of `Sync_Rule`, whose
columns stand in `COLUMNS`.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from fieldsync.schema.noun import Noun

EVERY_DEVICE = "all"


class RuleType(StrEnum):
    """How a rule selects rows."""

    FULL = "full"
    """Every row the person may read; a condition is refused."""
    TOP_LEVEL = "top_level"
    """Rows the condition holds for."""
    RELATED = "related"
    """As `top_level`, and only under a parent that is selected itself."""
    CHILD_AND_PARENT = "child_and_parent"
    """As `top_level`; the row that `relationship_field` points to comes along."""
    METADATA_ONLY = "metadata_only"
    """The object without rows."""


class SyncRule(Noun, frozen=True):
    """One rule. A blank profile is every profile that has no rule of its own for this object and device type."""

    object: str
    device: str = EVERY_DEVICE
    """iPad, iPhone, Windows, Android, Mac, browser; `all` for every type without a rule of its own."""
    type: RuleType = RuleType.TOP_LEVEL
    where: str | None = None
    """A SOQL condition; may hold tokens such as `@@USER_ID@@` or `{USER.ID}`."""
    active: bool = True
    profile: str | None = None
    profile_id: str | None = None
    application_profile: str | None = None
    """Before a profile's own rules (FEATURES A15)."""
    parent_object: str | None = None
    relationship_field: str | None = None
    """The reference that leads to `parent_object`; of `child_and_parent`, to the rows that come along."""
    include_fields: tuple[str, ...] = ()
    exclude_fields: tuple[str, ...] = ()
    include_related: bool = False
    """Objects that refer to this one and have no rule of their own come with it."""
    metadata_only: bool = False
    enhanced: bool = True
    include_attachments: bool = False
    """Files that hang on these records are fetched by themselves; objects of such files without a rule come along."""
    attachment_fields: tuple[str, ...] = ()
    """Long texts of which a text file may be made: what the field does not hold lies in a file of its record."""
    attachments_max: int | None = None
    attachment_megabytes_max: int | None = None
    attachment_types: tuple[str, ...] = ()
    """Media types, `image/*` for all of a kind, and endings of file names, `pdf`; none: files of any type."""
    order: int | None = None
    rows_max: int | None = None
    one_way: bool = False
    """Server to device only: edits are refused on the device (FEATURES A32)."""
    delta_date_field: str | None = None
    required: bool = False
    """The Field app needs the object: switching the rule off is refused (FEATURES A39)."""

    @property
    def key(self) -> tuple[str, str, str, str, str]:
        """What there may be one rule for: object, device type, application profile, profile, parent."""
        return (
            self.object,
            self.device,
            self.application_profile or "",
            self.profile or self.profile_id or "",
            self.parent_object or "",
        )

    @property
    def without_rows(self) -> bool:
        """Whether the object goes to the device without its rows."""
        return self.metadata_only or self.type is RuleType.METADATA_ONLY


COLUMNS: Mapping[str, str] = {
    "object": "Object_Name",
    "device": "Device_Type",
    "type": "Type",
    "where": "Where_Clause",
    "active": "Active",
    "profile": "Profile_Name",
    "profile_id": "Profile_Id",
    "application_profile": "Application_Profile",
    "parent_object": "Parent_Object",
    "relationship_field": "Relationship_Field",
    "include_fields": "Include_Fields",
    "exclude_fields": "Exclude_Fields",
    "include_related": "Include_Related",
    "metadata_only": "Metadata_Only",
    "enhanced": "Enhanced",
    "include_attachments": "Include_Attachments",
    "attachment_fields": "Attachment_Fields",
    "attachments_max": "Attachments_Max",
    "attachment_megabytes_max": "Attachment_Megabytes_Max",
    "attachment_types": "Attachment_Types",
    "order": "Order_Number",
    "rows_max": "Rows_Max",
    "one_way": "One_Way",
    "delta_date_field": "Delta_Date_Field",
    "required": "Required",
}
"""Attribute of a rule to column of its record."""
LISTS = frozenset({"include_fields", "exclude_fields", "attachment_fields", "attachment_types"})
"""Kept in their column as names with commas between."""
WHOLE_NUMBERS = frozenset({"attachments_max", "attachment_megabytes_max", "order", "rows_max"})
"""Their columns hold decimals."""


def record_of(rule: SyncRule) -> dict[str, Any]:
    """The values of the rule's record."""
    values = {column: getattr(rule, name) for name, column in COLUMNS.items()}
    lists = {COLUMNS[name]: ", ".join(getattr(rule, name)) or None for name in LISTS}
    return {**values, "Type": rule.type.value, **lists, "Name": _name(rule)}


def rule_of(record: Mapping[str, Any]) -> SyncRule:
    """The rule a record holds. A column that is empty means its default."""
    values = {name: record.get(column) for name, column in COLUMNS.items()}
    known: dict[str, Any] = {name: value for name, value in values.items() if value is not None}
    known |= {name: int(known[name]) for name in WHOLE_NUMBERS & known.keys()}
    names = {name: tuple(part.strip() for part in known.get(name, "").split(",") if part.strip()) for name in LISTS}
    return SyncRule(**{**known, **names, "type": RuleType(known.get("type", RuleType.TOP_LEVEL))})


def _name(rule: SyncRule) -> str:
    parts = (rule.object, rule.device, rule.application_profile, rule.profile or rule.profile_id, rule.parent_object)
    return " / ".join(part for part in parts if part)[:255]
