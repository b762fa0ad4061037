"""Two records that are the same, by the duplicate rules of their object: the second is refused or becomes the first."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from tests.server.lab import PASSWORD, START, Lab, Phone, create, delete, table, update

from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Code
from fieldsync.base.world import ManualClock, SeededChance, World
from fieldsync.protocol.upload import Linked, Outcome, Rejected, Saved
from fieldsync.schema.access.permissions import Access, Profile
from fieldsync.schema.catalog import build
from fieldsync.schema.check import check
from fieldsync.schema.family.declaration import EditedElsewhere, FamilyDeclaration, Submit
from fieldsync.schema.load import load_packs
from fieldsync.schema.model import DuplicateRule, Field, FieldType, Object, Pack, PicklistValue, Sharing, WhenAlike
from fieldsync.server.org.create import create_org
from fieldsync.server.org.users import NewUser

if TYPE_CHECKING:
    from tests.conftest import Databases

EVERYTHING = (Access.READ, Access.CREATE, Access.EDIT, Access.DELETE)
FIELDS = (
    Field(name="Number", type=FieldType.TEXT, length=40, external_id=True),
    Field(name="City", type=FieldType.TEXT, length=40),
    Field(name="Born", type=FieldType.DATE),
)


def pack() -> Pack:
    """Doctors become the one there is, nurses are refused; a private diary links too; visits name a doctor."""
    rule = DuplicateRule(name="Same_Number", fields=("Number", "Born"), when_alike=WhenAlike.LINK)
    blocks = DuplicateRule(name="Same_Number", fields=("Number",))
    off = DuplicateRule(name="Same_City", fields=("Number", "City"), active=False)
    doctor = Object(
        name="Doctor", label="Doctor", prefix="d00", fields=FIELDS, mergeable=True, duplicate_rules=(rule, off)
    )
    nurse = Object(name="Nurse", label="Nurse", prefix="d01", fields=FIELDS, duplicate_rules=(blocks,))
    diary = Object(
        name="Diary",
        label="Diary",
        prefix="d02",
        fields=FIELDS,
        mergeable=True,
        sharing=Sharing.PRIVATE,
        duplicate_rules=(DuplicateRule(name="Same_Number", fields=("Number",), when_alike=WhenAlike.LINK),),
    )
    visit = Object(
        name="Visit",
        label="Visit",
        prefix="d03",
        family=FamilyDeclaration(),
        fields=(Field(name="DoctorId", type=FieldType.LOOKUP, references="Doctor", required=True),),
    )
    objects = (doctor, nurse, diary, visit, *_congress())
    rep = Profile(name="Rep", label="Rep", objects={o.name: EVERYTHING for o in objects} | {"User": (Access.READ,)})
    return Pack(name="alike", label="Alike", objects=objects, profiles=(rep,))


def _congress() -> tuple[Object, Object, Object]:
    """A family whose root and whose details are one with those there are: congresses by number, guests by badge."""
    open_or_held = (PicklistValue(value="Open", default=True), PicklistValue(value="Held"))
    submit = Submit(field="Status", value="Held", when_edited_elsewhere=EditedElsewhere.DISCARD)
    text, link = FieldType.TEXT, WhenAlike.LINK
    congress = Object(
        name="Congress",
        label="Congress",
        prefix="d04",
        mergeable=True,
        family=FamilyDeclaration(submit=submit),
        fields=(
            Field(name="Number", type=text, length=40, external_id=True),
            Field(name="City", type=text, length=40),
            Field(name="Status", type=FieldType.PICKLIST, values=open_or_held),
        ),
        duplicate_rules=(DuplicateRule(name="Same_Number", fields=("Number",), when_alike=link),),
    )
    guest = Object(
        name="Guest",
        label="Guest",
        prefix="d05",
        mergeable=True,
        fields=(
            Field(name="CongressId", type=FieldType.MASTER_DETAIL, references="Congress"),
            Field(name="Badge", type=text, length=40),
            Field(name="City", type=text, length=40),
        ),
        duplicate_rules=(DuplicateRule(name="Same_Badge", fields=("CongressId", "Badge"), when_alike=link),),
    )
    meal = Object(
        name="Meal",
        label="Meal",
        prefix="d06",
        fields=(Field(name="GuestId", type=FieldType.MASTER_DETAIL, references="Guest"),),
    )
    return congress, guest, meal


def prepare(uri: str) -> None:
    admin = NewUser("admin@small.example", PASSWORD, "System_Administrator", "Admin")
    catalog = build([*load_packs(("platform",)), pack()])
    create_org(uri, "small", catalog, admin=admin, world=World(ManualClock(START), SeededChance(6)))


@pytest.fixture
def lab(databases: Databases) -> Iterator[Lab]:
    name = databases.create(databases.template("alike", prepare))
    made = Lab(databases.uri(name))
    for person in ("sarah", "tom"):
        made.person(person)
    try:
        yield made
    finally:
        made.close()
        databases.drop(name)


@pytest.fixture
def sarah(lab: Lab) -> Phone:
    return lab.phone("sarah")


@pytest.fixture
def tom(lab: Lab) -> Phone:
    return lab.phone("tom")


def made(phone: Phone, name: str, number: str | None = "7", **values: object) -> tuple[RecordId, Outcome]:
    record = phone.new_id(name)
    given = {"Name": "n", "Born": "1970-01-01", **values} | ({} if number is None else {"Number": number})
    return record, phone.outcome(create(name, record, **given))


def present(lab: Lab, name: str) -> list[str]:
    return [found for (found,) in lab.query(f'SELECT "Id" FROM "{name}" WHERE NOT "IsDeleted" ORDER BY 1')]


def refused(outcome: Outcome) -> dict[str, object]:
    assert isinstance(outcome, Rejected), outcome
    [found] = outcome.problems
    return {"code": found.code, "field": found.field, **found.details}


def test_the_second_becomes_the_first_and_brings_its_row(lab: Lab, sarah: Phone, tom: Phone) -> None:
    first, saved = made(sarah, "Doctor", City="Bonn")
    assert isinstance(saved, Saved)
    second = tom.new_id("Doctor")
    response = tom.upload(tom.save(create("Doctor", second, Name="x", Number="7", Born="1970-01-01")))
    assert response.results[0].outcome == Linked({second: first})
    assert table(response.rows, "Doctor")[first]["City"] == "Bonn"
    assert [(gone.id, gone.into) for gone in response.gone] == [(second, first)]
    assert present(lab, "Doctor") == [first]


def test_what_he_says_of_his_own_id_later_is_said_of_the_record_there_is(lab: Lab, sarah: Phone, tom: Phone) -> None:
    first, _ = made(sarah, "Doctor", City="Bonn")
    second, visit = tom.new_id("Doctor"), tom.new_id("Visit")
    saves = [
        tom.save(create("Doctor", second, Name="x", Number="7", Born="1970-01-01")),
        tom.save(create("Visit", visit, Name="v", DoctorId=second)),
        tom.save(update("Doctor", second, after=1, City=("Bonn", "Köln"))),
    ]
    outcomes = [type(result.outcome) for result in tom.upload(*saves).results]
    assert outcomes == [Linked, Saved, Saved]
    assert lab.query('SELECT "DoctorId" FROM "Visit"') == [(first,)]
    assert lab.query('SELECT "City" FROM "Doctor"') == [("Köln",)]
    replayed = [type(result.outcome) for result in tom.upload(*saves).results]
    assert replayed == outcomes
    assert present(lab, "Doctor") == [first]


@pytest.mark.usefixtures("patient")
def test_two_at_once_are_one(lab: Lab, sarah: Phone, tom: Phone) -> None:
    async def both() -> list[Outcome]:
        saves = [
            phone.send(phone.save(create("Doctor", phone.new_id("Doctor"), Name="x", Number="7", Born="1970-01-01")))
            for phone in (sarah, tom)
        ]
        return [response.results[0].outcome for response in await asyncio.gather(*saves)]

    assert {type(outcome) for outcome in lab.run(both())} == {Saved, Linked}
    assert len(present(lab, "Doctor")) == 1


def test_two_of_one_upload_are_one(lab: Lab, sarah: Phone) -> None:
    saves = [
        sarah.save(create("Doctor", sarah.new_id("Doctor"), Name="x", Number="7", Born="1970-01-01")) for _ in range(3)
    ]
    assert [type(r.outcome) for r in sarah.upload(*saves).results] == [Saved, Linked, Linked]
    assert len(present(lab, "Doctor")) == 1


def test_every_field_of_the_rule_has_to_be_equal_and_filled_in(lab: Lab, sarah: Phone, tom: Phone) -> None:
    made(sarah, "Doctor")
    assert isinstance(made(tom, "Doctor", Born="1971-01-01")[1], Saved)
    assert isinstance(made(tom, "Doctor", None)[1], Saved)
    assert isinstance(made(tom, "Doctor", None)[1], Saved)
    assert len(present(lab, "Doctor")) == 4


def test_a_record_that_was_deleted_is_none_to_be_like(lab: Lab, sarah: Phone, tom: Phone) -> None:
    first, _ = made(sarah, "Nurse")
    [(stamp,)] = lab.query('SELECT _stamp FROM "Nurse"')
    assert isinstance(sarah.outcome(delete("Nurse", first, stamp)), Saved)
    assert isinstance(made(tom, "Nurse")[1], Saved)


def test_a_rule_that_blocks_names_the_other_record(lab: Lab, sarah: Phone, tom: Phone) -> None:
    first, _ = made(sarah, "Nurse")
    told = refused(made(tom, "Nurse")[1])
    assert told == {
        "code": Code.DUPLICATE, "field": "Number", "value": "7", "rule": "Same_Number", "existing": first
    }  # fmt: skip
    assert present(lab, "Nurse") == [first]


def test_an_edit_that_makes_two_alike_is_refused(sarah: Phone, tom: Phone) -> None:
    made(sarah, "Doctor")
    other, _ = made(tom, "Doctor", "8")
    assert refused(tom.outcome(update("Doctor", other, Number=("8", "7"))))["code"] is Code.DUPLICATE


def test_an_edit_of_what_is_not_compared_is_none(lab: Lab, sarah: Phone) -> None:
    """Two that were alike before there was a rule may be worked on."""
    number, born = "7", "1970-01-01"
    first, _ = lab.rows("Doctor", *({"Name": name, "Number": number, "Born": born} for name in ("a", "b")))
    assert isinstance(sarah.outcome(update("Doctor", first, City=(None, "Bonn"))), Saved)


def test_nobody_is_linked_to_what_he_may_not_read(lab: Lab, sarah: Phone, tom: Phone) -> None:
    first, _ = made(sarah, "Diary")
    told = refused(made(tom, "Diary")[1])
    assert told["code"] is Code.DUPLICATE
    assert first not in str(told)
    assert isinstance(made(sarah, "Diary")[1], Linked), "his own he may"
    assert present(lab, "Diary") == [first]


@pytest.mark.parametrize(
    ("rule", "more", "sentence"),
    [
        (DuplicateRule(name="R", fields=()), {}, "it names no field"),
        (DuplicateRule(name="R", fields=("Nothing",)), {}, "it names Nothing, which is no field of the object"),
        (DuplicateRule(name="R", fields=("City",)), {}, "none of its fields is indexed"),
        (DuplicateRule(name="R", fields=("Number",), when_alike=WhenAlike.LINK), {}, "they are not mergeable"),
        (
            DuplicateRule(name="R", fields=("Number",), when_alike=WhenAlike.LINK),
            {"mergeable": True, "fields": (*FIELDS, Field(name="UpId", type=FieldType.MASTER_DETAIL, references="X"))},
            "does not name UpId",
        ),
    ],
)
def test_a_rule_that_cannot_be_kept_is_refused_with_its_reason(
    rule: DuplicateRule, more: dict[str, object], sentence: str
) -> None:
    declared = Object(**{"name": "X", "label": "X", "fields": FIELDS, "duplicate_rules": (rule,), **more})  # type: ignore[arg-type]
    found = [str(one) for one in check([Pack(name="p", label="P", objects=(declared,))])]
    assert any(sentence in one and "X.R" in one for one in found), found
