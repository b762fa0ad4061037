"""Five kinds of objects, each with a root and its details: what conflicts are decided by, and nothing else."""

from __future__ import annotations

from tests.server.lab import PASSWORD, START

from fieldsync.base.world import ManualClock, SeededChance, World
from fieldsync.schema.access.permissions import Access, Profile
from fieldsync.schema.catalog import Catalog, build
from fieldsync.schema.family.declaration import Duplication, EditedElsewhere, FamilyConflict, FamilyDeclaration, Submit
from fieldsync.schema.load import load_packs
from fieldsync.schema.model import ConflictPolicy, Field, FieldType, Object, Pack, PicklistValue
from fieldsync.server.org.create import create_org
from fieldsync.server.org.users import NewUser

NAMES = {"plain": "Clinic", "strict": "Survey", "override": "Visit", "call": "Trip", "order": "Purchase"}
"""Kind to its root object; its details are `<Root>_Line`."""
FIELDS = {"error": "Notes", "server": "Rating", "device": "Mood"}
"""Policy to the field that has it."""
EVERYTHING = (Access.READ, Access.CREATE, Access.EDIT, Access.DELETE)


def pack() -> Pack:
    """The five kinds and the profile of those who edit them."""
    linked = Duplication(status="Saved", original="Original", link="Duplicate", reason="Why", without=("Signed_On",))
    submits = {
        "call": Submit("Status", "Submitted", EditedElsewhere.DUPLICATE, duplicate=linked, unlocked="Unlocked"),
        "order": Submit("Status", "Submitted", EditedElsewhere.DISCARD, unlocked="Unlocked"),
    }
    families = {
        "plain": None,
        "strict": FamilyDeclaration(FamilyConflict.ERROR),
        "override": FamilyDeclaration(),
        "call": FamilyDeclaration(submit=submits["call"]),
        "order": FamilyDeclaration(submit=submits["order"]),
    }
    objects = [o for n, (kind, family) in enumerate(families.items()) for o in _kind(NAMES[kind], n, family)]
    allowed = {o.name: EVERYTHING for o in objects}
    rep = Profile(name="Rep", label="Rep", objects={**allowed, "User": (Access.READ,)})
    return Pack(name="kinds", label="Kinds", objects=tuple(objects), profiles=(rep,))


def _kind(name: str, number: int, family: FamilyDeclaration | None) -> tuple[Object, Object]:
    states = (PicklistValue("Planned", default=True), PicklistValue("Saved"), PicklistValue("Submitted"))
    text = (
        Field(name=FIELDS["error"], type=FieldType.TEXT),
        Field(name=FIELDS["server"], type=FieldType.TEXT, conflict=ConflictPolicy.SERVER),
        Field(name=FIELDS["device"], type=FieldType.TEXT, conflict=ConflictPolicy.DEVICE),
        Field(name="Other", type=FieldType.TEXT),
    )
    own = (
        Field(name="Status", type=FieldType.PICKLIST, values=states),
        Field(name="Unlocked", type=FieldType.CHECKBOX),
        Field(name="Signature", type=FieldType.BASE64),
        Field(name="Signed_On", type=FieldType.DATETIME),
        Field(name="Original", type=FieldType.LOOKUP, references=name),
        Field(name="Duplicate", type=FieldType.LOOKUP, references=name),
        Field(name="Why", type=FieldType.TEXT),
    )
    master = Field(name="RootId", type=FieldType.MASTER_DETAIL, references=name)
    root = Object(name=name, label=name, prefix=f"a{number}0", fields=(*text, *own), family=family)
    return root, Object(name=f"{name}_Line", label=f"{name} line", prefix=f"a{number}1", fields=(*text, master))


def catalog() -> Catalog:
    """The platform's own objects and the five kinds."""
    return build([*load_packs(("platform",)), pack()])


def prepare(uri: str) -> None:
    """Create the org `small`, the name the lab opens, with these objects."""
    admin = NewUser("admin@small.example", PASSWORD, "System_Administrator", "Admin")
    create_org(uri, "small", catalog(), admin=admin, world=World(ManualClock(START), SeededChance(6)))
