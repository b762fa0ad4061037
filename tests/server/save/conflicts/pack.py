"""Six kinds of objects, each with a root and its details: what conflicts are decided by, and nothing else."""

from __future__ import annotations

from msgspec.structs import replace
from tests.server.lab import PASSWORD, START

from fieldsync.base.world import ManualClock, SeededChance, World
from fieldsync.schema.access.permissions import Access, Profile
from fieldsync.schema.catalog import Catalog, build
from fieldsync.schema.family.declaration import Duplication, EditedElsewhere, FamilyConflict, FamilyDeclaration, Submit
from fieldsync.schema.load import load_packs
from fieldsync.schema.model import (
    ConflictPolicy,
    DeletedElsewhere,
    Field,
    FieldType,
    Object,
    Pack,
    PicklistValue,
    RollUp,
    Sharing,
)
from fieldsync.server.org.create import create_org
from fieldsync.server.org.users import NewUser

NAMES = {
    "plain": "Clinic",
    "strict": "Survey",
    "override": "Visit",
    "call": "Trip",
    "order": "Purchase",
    "recreate": "Depot",
}
"""Kind to its root object; its details are `<Root>_Line`."""
FIELDS = {"error": "Notes", "server": "Rating", "device": "Mood"}
"""Policy to the field that has it."""
EVERYTHING = (Access.READ, Access.CREATE, Access.EDIT, Access.DELETE)


def pack() -> Pack:
    """The six kinds and the profile of those who edit them."""
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
        "recreate": None,
    }
    objects = [o for n, (kind, family) in enumerate(families.items()) for o in _kind(NAMES[kind], n, family)]
    objects += _diary()
    allowed = {o.name: EVERYTHING for o in objects}
    rep = Profile(name="Rep", label="Rep", objects={**allowed, "User": (Access.READ,)})
    changes: dict[str, tuple[Access, ...]] = dict.fromkeys(allowed, (Access.READ, Access.EDIT))
    changes["User"] = (Access.READ,)
    helper = Profile(name="Helper", label="Helper", objects=changes)
    return Pack(name="kinds", label="Kinds", objects=tuple(objects), profiles=(rep, helper))


def _diary() -> tuple[Object, Object]:
    """Open to its owner alone, and counting its lines; brought back by an edit as a depot is."""
    count = RollUp(operation="COUNT", child_object="Diary_Line", child_reference="DiaryId")
    page = Object(
        name="Diary",
        label="Diary",
        prefix="a90",
        sharing=Sharing.PRIVATE,
        when_deleted_elsewhere=DeletedElsewhere.RECREATE,
        fields=(
            Field(name="Notes", type=FieldType.TEXT),
            Field(name="Lines", type=FieldType.ROLL_UP, roll_up=count),
        ),
    )
    master = Field(name="DiaryId", type=FieldType.MASTER_DETAIL, references="Diary")
    notes = Field(name="Notes", type=FieldType.TEXT)
    return page, replace(
        page, name="Diary_Line", label="Line", prefix="a91", sharing=Sharing.BY_PARENT, fields=(notes, master)
    )


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
    kept = DeletedElsewhere.RECREATE if name == NAMES["recreate"] else DeletedElsewhere.ERROR
    root = Object(name=name, label=name, prefix=f"a{number}0", fields=(*text, *own), family=family)
    line = Object(name=f"{name}_Line", label=f"{name} line", prefix=f"a{number}1", fields=(*text, master))
    return replace(root, when_deleted_elsewhere=kept), replace(line, when_deleted_elsewhere=kept)


def catalog() -> Catalog:
    """The platform's own objects and the six kinds."""
    return build([*load_packs(("platform",)), pack()])


def prepare(uri: str) -> None:
    """Create the org `small`, the name the lab opens, with these objects."""
    admin = NewUser("admin@small.example", PASSWORD, "System_Administrator", "Admin")
    create_org(uri, "small", catalog(), admin=admin, world=World(ManualClock(START), SeededChance(6)))
