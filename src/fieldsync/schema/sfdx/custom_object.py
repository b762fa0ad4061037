"""One object with what belongs to it: its own element, and its list views and validation rules.

The same elements stand in files of their own (`fields/X.field-meta.xml`) or inside the object's file (`X.object`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import unquote

from fieldsync.schema import autonumber
from fieldsync.schema.model import FieldType, ListView, NameField, RecordType, RollUpFilter, Sharing, ValidationRule
from fieldsync.schema.sfdx.document import Element
from fieldsync.schema.sfdx.fates import LIST_VIEW, NAME_FIELD, OBJECT, RECORD_TYPE, STANDARD_OBJECT, VALIDATION_RULE
from fieldsync.schema.sfdx.field import FieldDraft, read_field
from fieldsync.schema.sfdx.report import Level

_SHARING = {
    "Private": Sharing.PRIVATE,
    "Read": Sharing.READ,
    "ReadWrite": Sharing.READ_WRITE,
    "ReadWriteTransfer": Sharing.READ_WRITE,
    "FullAccess": Sharing.READ_WRITE,
    "ControlledByParent": Sharing.BY_PARENT,
}
_COLUMNS = {
    "NAME": "Name",
    "OBJECT_ID": "Id",
    "CREATED_DATE": "CreatedDate",
    "CREATEDBY_USER": "CreatedById",
    "CREATEDBY_USER.ALIAS": "CreatedById",
    "LAST_UPDATE": "LastModifiedDate",
    "UPDATEDBY_USER": "LastModifiedById",
    "UPDATEDBY_USER.ALIAS": "LastModifiedById",
    "OWNER.ALIAS": "OwnerId",
    "OWNER.FIRST_NAME": "OwnerId",
    "OWNER.LAST_NAME": "OwnerId",
    "CORE.USERS.ALIAS": "OwnerId",
    "CORE.USERS.FULL_NAME": "OwnerId",
}
"""What list views call the standard fields."""


@dataclass(frozen=True)
class RecordTypeDraft:
    """A record type with the element it was read from, so that later findings name their place."""

    declared: RecordType
    element: Element


@dataclass
class ObjectDraft:
    """An object as it is put together from its files."""

    name: str
    files: list[str] = field(default_factory=list)
    """Every file that says something about it."""
    element: Element | None = None
    """Its own definition; None for an object of which only parts are there."""
    label: str | None = None
    plural: str | None = None
    description: str | None = None
    name_field: NameField = field(default_factory=NameField)
    sharing: Sharing = Sharing.READ_WRITE
    refused: str | None = None
    """Why the object and all that belongs to it cannot be taken over."""
    fields: list[FieldDraft] = field(default_factory=list)
    validation_rules: list[ValidationRule] = field(default_factory=list)
    list_views: list[ListView] = field(default_factory=list)
    record_types: list[RecordTypeDraft] = field(default_factory=list)
    untyped: list[tuple[str, Element]] = field(default_factory=list)
    """Standard fields that the project only adjusts: they say no type."""


def read_object(draft: ObjectDraft, element: Element, *, custom: bool) -> None:
    """Take an object's own element over into its draft."""
    if element.text("customSettingsType") is not None:
        draft.refused = "custom settings are not supported"
        element.leave()
        return
    if element.text("externalDataSource") is not None:
        draft.refused = "only objects whose rows are kept here are supported"
        element.leave()
        return
    draft.element = element
    read_inline(draft, element)
    if custom:
        draft.label = element.text("label")
        draft.plural = element.text("pluralLabel")
        draft.description = element.text("description")
        draft.sharing = _sharing(element)
        for name in element.elements("nameField"):
            draft.name_field = _name_field(name)
    element.finish(OBJECT if custom else STANDARD_OBJECT)


def read_inline(draft: ObjectDraft, element: Element) -> None:
    """Fields, rules and list views that stand inside the object's own file."""
    for inner in element.elements("fields", named="fullName"):
        add_field(draft, inner, inner.text("fullName"))
    for inner in element.elements("validationRules", named="fullName"):
        add_rule(draft, inner, inner.text("fullName"))
    for inner in element.elements("listViews", named="fullName"):
        add_list_view(draft, inner, inner.text("fullName"))
    for inner in element.elements("recordTypes", named="fullName"):
        add_record_type(draft, inner, inner.text("fullName"))


def add_field(draft: ObjectDraft, element: Element, name: str | None) -> None:
    """Add a field to its object, unless it cannot be taken over."""
    if name is None:
        element.leave()
        element.note("", "a field without a name", Level.ERROR)
        return
    if not any(child.tag == "type" for child in element.node.children):
        draft.untyped.append((name, element))
        return
    found = read_field(element, name)
    if found is not None and any(other.field.name.lower() == name.lower() for other in draft.fields):
        element.note("" if element.path else name, "the project defines this field more than once", Level.ERROR)
    elif found is not None:
        draft.fields.append(found)


def add_rule(draft: ObjectDraft, element: Element, name: str | None) -> None:
    """Add a validation rule to its object; its condition stays text."""
    element.taken |= {"fullName"}
    condition, message = element.text("errorConditionFormula"), element.text("errorMessage")
    rule_field, active = element.text("errorDisplayField"), element.flag("active", default=True)
    description = element.text("description")
    element.finish(VALIDATION_RULE)
    if name is None or condition is None:
        element.note("" if element.path else element.node.tag, "it has no name or no condition", Level.ERROR)
        return
    if any(rule.name.lower() == name.lower() for rule in draft.validation_rules):
        element.note("" if element.path else name, "the project defines this rule more than once", Level.ERROR)
        return
    draft.validation_rules.append(
        ValidationRule(
            name=name,
            condition=condition,
            message=message or name,
            field=rule_field,
            active=active,
            description=description,
        )
    )


def add_list_view(draft: ObjectDraft, element: Element, name: str | None) -> None:
    """Add a list view to its object; filters stay as they are written."""
    element.taken |= {"fullName"}
    filters = tuple(_filter(item) for item in element.elements("filters"))
    view = ListView(
        name=name or "",
        label=element.text("label") or name or "",
        columns=tuple(dict.fromkeys(_COLUMNS.get(column, column) for column in element.texts("columns"))),
        scope=element.text("filterScope") or "Everything",
        filters=filters,
        filter_logic=element.text("booleanFilter"),
    )
    element.finish(LIST_VIEW)
    if name is None or any(other.name.lower() == name.lower() for other in draft.list_views):
        element.note("" if element.path else element.node.tag, "it has no name, or one used before", Level.ERROR)
    else:
        draft.list_views.append(view)


def add_record_type(draft: ObjectDraft, element: Element, name: str | None) -> None:
    """Add a record type to its object, with the picklist values it offers."""
    element.taken |= {"fullName"}
    picklists: dict[str, tuple[str, ...]] = {}
    defaults: dict[str, str] = {}
    for part in element.elements("picklistValues", named="picklist"):
        field_name, values = part.text("picklist") or "", []
        for value in part.elements("values", named="fullName"):
            values.append(unquote(value.text("fullName") or ""))
            if value.flag("default"):
                defaults[field_name] = values[-1]
            value.finish({})
        part.finish({})
        picklists[field_name] = tuple(values)
    found = RecordType(
        name=name or "",
        label=element.text("label"),
        description=element.text("description"),
        active=element.flag("active", default=True),
        picklists=picklists,
        defaults=defaults,
    )
    element.finish(RECORD_TYPE)
    if name is None or any(other.declared.name.lower() == name.lower() for other in draft.record_types):
        element.note("" if element.path else element.node.tag, "it has no name, or one used before", Level.ERROR)
    else:
        draft.record_types.append(RecordTypeDraft(found, element))


def _filter(element: Element) -> RollUpFilter:
    name = element.text("field") or ""
    operator, value = element.text("operation") or "equals", element.text("value")
    element.finish({})
    return RollUpFilter(field=_COLUMNS.get(name, name), operator=operator, value=value)


def _sharing(element: Element) -> Sharing:
    model = element.text("sharingModel") or "ReadWrite"
    if model not in _SHARING:
        element.note("sharingModel", f"{model} is not known here; the object is open to everybody")
    if model in ("ReadWriteTransfer", "FullAccess"):
        element.note("sharingModel", f"{model} is read and write here", Level.IGNORED)
    return _SHARING.get(model, Sharing.READ_WRITE)


def _name_field(element: Element) -> NameField:
    kind, label, display_format = element.text("type"), element.text("label") or "Name", element.text("displayFormat")
    length, start = element.number("length"), element.number("startingNumber")
    element.finish(NAME_FIELD)
    if kind != "AutoNumber":
        return NameField(label=label, length=min(length or 80, 255))
    display_format = display_format or "{0}"
    try:
        autonumber.parse(display_format)
    except autonumber.BadFormat as bad:
        element.note("displayFormat", f"{display_format} cannot be used: {bad}; plain numbers are given")
        display_format = "{0}"
    return NameField(
        label=label,
        type=FieldType.AUTO_NUMBER,
        display_format=display_format,
        starting_number=1 if start is None else start,
    )
