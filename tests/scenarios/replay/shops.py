"""An org for proofs of the upload: regions that sum up their sales, shops, and visits with lines that travel whole."""

from __future__ import annotations

from collections.abc import Sequence

from fieldsync.base.ids import RecordId
from fieldsync.base.world import system_world
from fieldsync.schema.access.permissions import Access, Profile
from fieldsync.schema.catalog import build
from fieldsync.schema.family.declaration import FamilyDeclaration
from fieldsync.schema.load import load_packs
from fieldsync.schema.model import Field, FieldType, NameField, Object, Pack, RollUp, ValidationRule
from fieldsync.server.org.create import create_org, seeding_org
from fieldsync.server.org.seed import insert_rows
from fieldsync.server.org.users import NewUser, create_user

ORG, PASSWORD = "shops", "every reply may be lost 7"
REFUSED_CITY = "nowhere"
"""A city that a validation rule of the org refuses."""
OBJECTS = ("Region", "Sale", "Shop", "Visit", "Visit_Line")


def person(name: str) -> str:
    """The user name of somebody."""
    return f"{name}@shops.example"


def shops_pack() -> Pack:
    """Details of a plain master, a plain object with a rule, and a family with a roll-up of its own."""
    everything = (Access.READ, Access.CREATE, Access.EDIT, Access.DELETE)
    rep: dict[str, tuple[Access, ...]] = {**dict.fromkeys(OBJECTS, everything), "User": (Access.READ,)}
    profile = Profile(name="Rep", label="Rep", objects=rep)
    return Pack(name="shops", label="Shops", objects=(*_sales(), _shop(), *_visits()), profiles=(profile,))


def _sales() -> tuple[Object, Object]:
    many = RollUp(operation="COUNT", child_object="Sale", child_reference="RegionId")
    much = RollUp(operation="SUM", child_object="Sale", child_reference="RegionId", field="Amount")
    region = Object(
        name="Region",
        label="Region",
        prefix="b00",
        fields=(
            Field(name="Sales", type=FieldType.ROLL_UP, roll_up=many, precision=10, scale=0),
            Field(name="Turnover", type=FieldType.ROLL_UP, roll_up=much, precision=16, scale=2),
        ),
    )
    amount = Field(name="Amount", type=FieldType.NUMBER, precision=12, scale=2)
    master = Field(name="RegionId", type=FieldType.MASTER_DETAIL, references="Region")
    return region, Object(name="Sale", label="Sale", prefix="b01", fields=(master, amount))


def _shop() -> Object:
    condition = f'AND(City = "{REFUSED_CITY}", OR(ISNEW(), TRUE))'  # whether it is new, only the server asks
    rule = ValidationRule(name="Somewhere", condition=condition, message="Shops are somewhere.")
    fields = (
        Field(name="City", type=FieldType.TEXT, length=40),
        Field(name="Phone", type=FieldType.TEXT, length=40),
        Field(name="RegionId", type=FieldType.LOOKUP, references="Region"),
    )
    return Object(name="Shop", label="Shop", prefix="b02", fields=fields, validation_rules=(rule,))


def _visits() -> tuple[Object, Object]:
    number = NameField(type=FieldType.AUTO_NUMBER, display_format="V-{0000}")
    lines = RollUp(operation="COUNT", child_object="Visit_Line", child_reference="VisitId")
    visit = Object(
        name="Visit",
        label="Visit",
        prefix="b03",
        name_field=number,
        family=FamilyDeclaration(),
        fields=(
            Field(name="ShopId", type=FieldType.LOOKUP, references="Shop", required=True),
            Field(name="Notes", type=FieldType.TEXT, length=80),
            Field(name="Lines", type=FieldType.ROLL_UP, roll_up=lines, precision=8, scale=0),
        ),
    )
    line = Object(
        name="Visit_Line",
        label="Line",
        prefix="b04",
        name_field=number,
        fields=(
            Field(name="VisitId", type=FieldType.MASTER_DETAIL, references="Visit"),
            Field(name="Product", type=FieldType.TEXT, length=20),
        ),
    )
    return visit, line


def prepare(uri: str) -> None:
    """Create the org in a database; nobody but its admin is in it."""
    admin = NewUser(person("admin"), PASSWORD, "System_Administrator", "Admin")
    create_org(uri, ORG, build([*load_packs(("platform",)), shops_pack()]), admin=admin, world=system_world())


def add_people(uri: str, names: Sequence[str]) -> None:
    """Representatives, who may do everything with shops."""
    world = system_world()
    with seeding_org(uri, ORG, world) as seeding:
        for name in names:
            create_user(seeding, NewUser(person(name), PASSWORD, "Rep", name), world.chance)


def add_rows(uri: str, object_name: str, *rows: dict[str, object]) -> list[RecordId]:
    """Records that are there from the start."""
    with seeding_org(uri, ORG, system_world()) as seeding:
        return insert_rows(seeding, object_name, rows)
