"""The catalog's nouns: objects, fields, families. Frozen values and what follows from them alone.

These structs are also the form of the YAML packs (`load.py`) and of the published JSON schema, so a rename here is a
change of format. Profiles and permission sets are in `access/permissions.py`. No database, no file and no wire here.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from fieldsync.schema.access.permissions import PermissionSet, Profile
from fieldsync.schema.family.declaration import FamilyDeclaration
from fieldsync.schema.layout.declaration import PageLayout
from fieldsync.schema.noun import Noun
from fieldsync.schema.sync_rule import SyncRule


class FieldType(StrEnum):
    """The field types of DESIGN 4. What each stores stands in `fields.TYPES`."""

    ID = "id"
    TEXT = "text"
    LONG_TEXT = "long_text"
    PICKLIST = "picklist"
    MULTI_PICKLIST = "multi_picklist"
    CHECKBOX = "checkbox"
    NUMBER = "number"
    CURRENCY = "currency"
    PERCENT = "percent"
    DATE = "date"
    DATETIME = "datetime"
    TIME = "time"
    EMAIL = "email"
    PHONE = "phone"
    URL = "url"
    LOOKUP = "lookup"
    MASTER_DETAIL = "master_detail"
    AUTO_NUMBER = "auto_number"
    FORMULA = "formula"
    ROLL_UP = "roll_up"
    BASE64 = "base64"
    GEOLOCATION = "geolocation"


class PicklistValue(Noun, frozen=True):
    """One value of a picklist. `value` is stored and compared; `label` is shown."""

    value: str
    label: str | None = None
    default: bool = False
    active: bool = True
    valid_for: tuple[str, ...] = ()
    """Of a dependent picklist: values of the controlling field that allow this one."""


class RollUpFilter(Noun, frozen=True):
    """One condition of a roll-up or list view, as text until the issue that runs it."""

    field: str
    operator: str
    value: str | None = None


class RollUp(Noun, frozen=True):
    """A summary of detail records on their master: COUNT, SUM, MIN or MAX of `field` over `child_object`."""

    operation: str
    child_object: str
    child_reference: str
    """The master-detail field of the child that points here."""
    field: str | None = None
    filters: tuple[RollUpFilter, ...] = ()


class ConflictPolicy(StrEnum):
    """What happens when the old value of an edited field is no longer there (DESIGN 7)."""

    ERROR = "error"
    SERVER = "server"
    DEVICE = "device"


class DeletedElsewhere(StrEnum):
    """What becomes of an edit of a record that was deleted online before it arrived (FEATURES K11)."""

    ERROR = "error"
    RECREATE = "recreate"


class WhenAlike(StrEnum):
    """What becomes of a new record that is like one there is."""

    BLOCK = "block"
    LINK = "link"


class DuplicateRule(Noun, frozen=True):
    """When two records are the same: these fields are equal, and none is empty (FEATURES G19)."""

    name: str
    fields: tuple[str, ...]
    when_alike: WhenAlike = WhenAlike.BLOCK
    """`link`: a new record becomes the one there is, where its maker may read that. Only of what can be merged."""
    active: bool = True
    description: str | None = None


class OnDelete(StrEnum):
    """What deleting the referenced record does to the reference."""

    SET_NULL = "set_null"
    RESTRICT = "restrict"
    CASCADE = "cascade"


class Field(Noun, frozen=True):
    """One field. Which attributes mean something for which type stands in `fields.TYPES`."""

    name: str
    type: FieldType
    label: str | None = None
    required: bool = False
    length: int | None = None
    precision: int | None = None
    scale: int | None = None
    values: tuple[PicklistValue, ...] = ()
    value_set: str | None = None
    """Name of a global value set, instead of `values`."""
    restricted: bool = True
    controlled_by: str | None = None
    """The picklist or checkbox that says which values may be chosen: `PicklistValue.valid_for`."""
    references: str | None = None
    """The object a lookup or master-detail points to."""
    relationship: str | None = None
    """Name for the way up, e.g. `Account` for `AccountId`; derived when absent."""
    children: str | None = None
    """Name of the list of child records on the referenced object."""
    on_delete: OnDelete = OnDelete.SET_NULL
    family: bool = False
    """Of a lookup: a record that points somewhere travels in that record's family, as a detail would; one that points
    nowhere travels alone (a task may belong to a call, or to none)."""
    unique: bool = False
    case_sensitive: bool = False
    external_id: bool = False
    indexed: bool = False
    default: str | None = None
    """A formula, kept as text until formulas run; for a checkbox `true` or `false`, for a picklist its value."""
    formula: str | None = None
    formula_returns: FieldType | None = None
    """Type of a formula's result; of a roll-up's too, where it is not a number (the earliest date of something)."""
    formula_blanks_as_zero: bool = True
    roll_up: RollUp | None = None
    display_format: str | None = None
    """Of an auto-number, e.g. `C-{00000000}` or `I-{YYYY}-{0000}`."""
    starting_number: int = 1
    system: bool = False
    """Set by the platform only; a save that lists it is refused."""
    conflict: ConflictPolicy | None = None
    help: str | None = None
    description: str | None = None


class NameField(Noun, frozen=True):
    """The `Name` of an object: a text, an auto-number, or composed of other text fields (a person's name)."""

    label: str = "Name"
    type: FieldType = FieldType.TEXT
    length: int = 255
    display_format: str | None = None
    starting_number: int = 1
    compose: tuple[str, ...] = ()


class ValidationRule(Noun, frozen=True):
    """A validation rule, its condition kept as text until formulas run."""

    name: str
    condition: str
    message: str
    field: str | None = None
    active: bool = True
    description: str | None = None


class RecordType(Noun, frozen=True):
    """A kind of record of one object: which picklist values it offers. The record's `RecordTypeId` names it."""

    name: str
    label: str | None = None
    description: str | None = None
    active: bool = True
    default: bool = False
    """What new records are that name none."""
    picklists: dict[str, tuple[str, ...]] = msgspec.field(default_factory=dict)
    """Field to the values it offers; a field that is not named offers all of its values."""
    defaults: dict[str, str] = msgspec.field(default_factory=dict)
    """Field to the value a new record of this type begins with."""


class ListView(Noun, frozen=True):
    """A saved list: columns and filters, kept as data."""

    name: str
    label: str
    columns: tuple[str, ...] = ()
    scope: str = "Everything"
    filters: tuple[RollUpFilter, ...] = ()
    filter_logic: str | None = None


class Sharing(StrEnum):
    """Who may see and change an object's records beside their owner."""

    PRIVATE = "private"
    READ = "read"
    READ_WRITE = "read_write"
    BY_PARENT = "controlled_by_parent"


class Bulk(Noun, frozen=True):
    """How rows that nobody saves are loaded from files: sales data, say (FEATURES A38)."""

    key: tuple[str, ...]
    """The fields that say together which row a line is about."""
    period: str
    """The date among them: a file may replace all that is known of a period."""


class Object(Noun, frozen=True):
    """One object as declared. `Catalog` adds the standard fields."""

    name: str
    label: str
    plural: str | None = None
    prefix: str | None = None
    """Key prefix of its ids; the deployment gives one to an object that declares none."""
    description: str | None = None
    name_field: NameField = NameField()
    fields: tuple[Field, ...] = ()
    validation_rules: tuple[ValidationRule, ...] = ()
    list_views: tuple[ListView, ...] = ()
    record_types: tuple[RecordType, ...] = ()
    layouts: tuple[PageLayout, ...] = ()
    duplicate_rules: tuple[DuplicateRule, ...] = ()
    sharing: Sharing = Sharing.READ_WRITE
    shared_with: str | None = None
    """Of a private or read-only object: a SOQL condition for what others than the owner share; with tokens."""
    route: str | None = None
    """The field that most rules compare with the person or the territory: changes of rows of others are then passed
    over without a look at them."""
    family: FamilyDeclaration | None = None
    conflict: ConflictPolicy = ConflictPolicy.ERROR
    when_deleted_elsewhere: DeletedElsewhere = DeletedElsewhere.ERROR
    """`recreate`: an edit made without having seen the delete brings the record back, for who may also create it."""
    system: bool = False
    """An object the platform itself keeps; people write it only where a profile says so."""
    mergeable: bool = False
    """Two of its records may be merged online; the loser's id goes on as an alias of the winner's."""
    one_each: tuple[str, ...] = ()
    """Fields that say together what there is one record of: where a merge makes two of them equal, they become one."""
    bulk: Bulk | None = None
    """Its rows are loaded from files and are read-only for every save; they are never on a feed."""


class Extension(Noun, frozen=True):
    """What one pack adds to an object of another: an org's own fields on `Account`."""

    object: str
    fields: tuple[Field, ...] = ()
    validation_rules: tuple[ValidationRule, ...] = ()
    list_views: tuple[ListView, ...] = ()
    record_types: tuple[RecordType, ...] = ()
    duplicate_rules: tuple[DuplicateRule, ...] = ()


class ValueSet(Noun, frozen=True):
    """A global value set: picklist values that several fields share."""

    name: str
    label: str | None = None
    values: tuple[PicklistValue, ...] = ()
    sorted: bool = False


class Pack(Noun, frozen=True):
    """One YAML pack, or one imported source: a named part of a catalog."""

    name: str
    label: str
    objects: tuple[Object, ...] = ()
    extensions: tuple[Extension, ...] = ()
    value_sets: tuple[ValueSet, ...] = ()
    profiles: tuple[Profile, ...] = ()
    permission_sets: tuple[PermissionSet, ...] = ()
    messages: dict[str, dict[str, str]] = msgspec.field(default_factory=dict)
    """What a person is told for a message key such as `NO_UPD_SUB`, by his language."""
    sync_rules: tuple[SyncRule, ...] | None = None
    """Rules that an org begins with. Absent: each of the pack's own objects goes whole to everybody who may read it."""
