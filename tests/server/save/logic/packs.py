"""Orders with lines, lines with deliveries: every kind of roll-up, summed up over two storeys."""

from __future__ import annotations

from fieldsync.schema.access.permissions import Access, Profile
from fieldsync.schema.family.declaration import EditedElsewhere, FamilyDeclaration, Submit
from fieldsync.schema.model import (
    Field,
    FieldType,
    Object,
    Pack,
    PicklistValue,
    RecordType,
    RollUp,
    RollUpFilter,
    ValidationRule,
)


def rolled(name: str, child: str, reference: str, operation: str, of: str | None = None, **more: object) -> Field:
    """A roll-up field."""
    filters = tuple(RollUpFilter(*f) for f in more.pop("filters", ()))  # type: ignore[attr-defined]
    roll_up = RollUp(operation=operation, child_object=child, child_reference=reference, field=of, filters=filters)
    return Field(name=name, type=FieldType.ROLL_UP, roll_up=roll_up, **more)  # type: ignore[arg-type]


def computed(name: str, formula: str, returns: FieldType, scale: int | None = None) -> Field:
    """A formula field."""
    return Field(name=name, type=FieldType.FORMULA, formula=formula, formula_returns=returns, scale=scale)


def rule(name: str, condition: str, message: str, field: str | None = None, *, active: bool = True) -> ValidationRule:
    """A validation rule."""
    return ValidationRule(name=name, condition=condition, message=message, field=field, active=active)


def orders_pack() -> Pack:
    """An account that counts orders, an order that sums up lines, a line that sums up deliveries."""
    everything = (Access.READ, Access.CREATE, Access.EDIT, Access.DELETE)
    names = ("Buyer", "Purchase", "Purchase_Line", "Delivery")
    profile = Profile(
        name="Rep",
        label="Rep",
        objects=dict.fromkeys(names, everything) | dict.fromkeys(("User", "RecordType"), (Access.READ,)),
    )
    robot = Profile(name="Robot", label="Robot", integration=True, objects=profile.objects)
    return Pack(
        name="orders",
        label="Orders",
        objects=(_buyer(), _purchase(), _line(), _delivery()),
        profiles=(profile, robot),
        messages={"NO_UPD_SUB": {"de": "Gesendet ist gesendet."}},
    )


def _kinds() -> tuple[RecordType, ...]:
    return (
        RecordType(name="Shop", default=True, picklists={"Size": ("Small", "Large")}, defaults={"Size": "Small"}),
        RecordType(name="Clinic", label="A Clinic", picklists={"Size": ("Large",)}),
        RecordType(name="Closed", active=False),
    )


def _buyer() -> Object:
    sizes = tuple(PicklistValue(value=v) for v in ("Small", "Large", "Huge"))
    wards = (
        PicklistValue(value="One", valid_for=("Small", "Large")),
        PicklistValue(value="Many", valid_for=("Large",)),
    )
    return Object(
        name="Buyer",
        label="Buyer",
        prefix="b00",
        record_types=_kinds(),
        fields=(
            Field(name="Size", type=FieldType.PICKLIST, values=sizes),
            Field(name="Wards", type=FieldType.PICKLIST, values=wards, controlled_by="Size"),
            rolled("Purchases", "Purchase", "BuyerId", "COUNT"),
            rolled("Turnover", "Purchase", "BuyerId", "SUM", "Total", precision=16, scale=2),
            Field(name="Limit", type=FieldType.CURRENCY, precision=16, scale=2),
            computed("Free", "Limit - Turnover", FieldType.CURRENCY, scale=2),
            computed("Share", "Turnover / Limit", FieldType.PERCENT, scale=1),
        ),
        validation_rules=(
            rule("Within_Limit", "NOT(ISBLANK(Limit)) && Free < 0", "The limit of this buyer is reached.", "Limit"),
        ),
    )


def _purchase() -> Object:
    return Object(
        name="Purchase",
        label="Purchase",
        prefix="b01",
        family=FamilyDeclaration(
            submit=Submit(
                field="Status",
                value="Sent",
                when_edited_elsewhere=EditedElsewhere.DISCARD,
                unlocked="Unlocked",
                override="Override_Lock",
                date="Placed_On",
                backdate_days=30,
            )
        ),
        fields=(
            Field(name="BuyerId", type=FieldType.MASTER_DETAIL, references="Buyer"),
            Field(name="Notes", type=FieldType.TEXT),
            Field(
                name="Status",
                type=FieldType.PICKLIST,
                values=(PicklistValue(value="Open"), PicklistValue(value="Sent")),
            ),
            Field(name="Unlocked", type=FieldType.CHECKBOX),
            Field(name="Override_Lock", type=FieldType.CHECKBOX),
            Field(name="Placed_On", type=FieldType.DATE, default="TODAY() + 1"),
            Field(name="Reference", type=FieldType.TEXT, default='$User.LastName & "/" & Buyer.Name'),
            computed("Title", 'Buyer.Name & ": 100% " & Name', FieldType.TEXT),
            *_summaries(),
        ),
        validation_rules=(
            rule(
                "Not_Backdated", "Placed_On < DATE(2026, 1, 1)", "An order cannot be placed before 2026.", "Placed_On"
            ),
            rule("Shy", 'ISCHANGED(Notes) && PRIORVALUE(Notes) = "final"', "The notes are final.", "Notes"),
            rule("Off", "TRUE", "never", active=False),
        ),
    )


def _summaries() -> tuple[Field, ...]:
    line = ("Purchase_Line", "PurchaseId")
    return (
        rolled("Lines", *line, "COUNT"),
        rolled("Total", *line, "SUM", "Price", precision=16, scale=2),
        rolled("Gifts", *line, "COUNT", filters=[("Kind", "equals", 'Gift, "Sample, free"')]),
        rolled("First_Due", *line, "MIN", "Due", formula_returns=FieldType.DATE),
        rolled("Dearest", *line, "MAX", "Price", precision=16, scale=2, filters=[("Price", "greaterThan", "10")]),
        rolled("Delivered", *line, "SUM", "Deliveries"),
        rolled("With_Tax", *line, "SUM", "Gross", precision=16, scale=2, filters=[("Label", "contains", "LINE")]),
    )


def _line() -> Object:
    kinds = tuple(PicklistValue(value=v) for v in ("Sale", "Gift", "Sample, free"))
    return Object(
        name="Purchase_Line",
        label="Line",
        prefix="b02",
        fields=(
            Field(name="PurchaseId", type=FieldType.MASTER_DETAIL, references="Purchase"),
            Field(name="Price", type=FieldType.CURRENCY, precision=10, scale=2),
            Field(name="Due", type=FieldType.DATE),
            computed("Gross", "Price * 1.2", FieldType.CURRENCY, scale=2),
            computed("Label", '"Line of " & Purchase.Name', FieldType.TEXT),
            Field(name="Kind", type=FieldType.PICKLIST, values=kinds),
            rolled("Deliveries", "Delivery", "LineId", "COUNT"),
        ),
        validation_rules=(
            rule("No_Negative", "Price < 0", "A price is not negative.", "Price"),
            rule("Closed_Buyer", 'Purchase.Buyer.Name = "Closed"', "This buyer is closed."),
            rule("Share", "Price > 0 && 1 / (Price - 13) > 5", "Too near to 13."),
            rule("Known_Kind", 'NOT(ISNEW()) && ISPICKVAL(Kind, "Gift") && Price > 100', "No such gifts.", "Kind"),
        ),
    )


def _delivery() -> Object:
    return Object(
        name="Delivery",
        label="Delivery",
        prefix="b03",
        fields=(Field(name="LineId", type=FieldType.MASTER_DETAIL, references="Purchase_Line"),),
    )
