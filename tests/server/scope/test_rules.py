"""Sync rules: judged when they are saved, and brought to devices as the difference they make (FEATURES A01 to A30)."""

from __future__ import annotations

import pytest
from tests.server.lab import Lab, Phone, create, delete, downloaded, update
from tests.server.scope.test_sharing import removed, saved

from fieldsync.base.problems import Code
from fieldsync.protocol.download import Head
from fieldsync.protocol.upload import Item, Rejected
from fieldsync.schema.sync_rule import RuleType, SyncRule, record_of


@pytest.fixture
def admin(lab: Lab) -> Phone:
    return lab.phone("admin")


@pytest.fixture
def sarah(lab: Lab, admin: Phone) -> Phone:
    """She works in the only territory, to which every clinic of these tests is assigned."""
    lab.person("sarah")
    return lab.phone("sarah")


def rule(admin: Phone, **declared: object) -> Item:
    return create("Sync_Rule", admin.new_id("Sync_Rule"), **record_of(SyncRule(**declared)))  # type: ignore[arg-type]


def drop_rules(lab: Lab, *names: str) -> None:
    """An admin deleted what the org began with."""
    admin = lab.phone("admin", "desk")
    for rule_id, seen in lab.query(
        'SELECT "Id", _stamp FROM "Sync_Rule" WHERE "Object_Name" = ANY(%(n)s)', n=list(names)
    ):
        saved(admin.outcome(delete("Sync_Rule", rule_id, seen)))


@pytest.mark.parametrize(
    ("declared", "field", "told"),
    [
        ({"object": "Nowhere"}, "Object_Name", "no object Nowhere"),
        ({"object": "Clinic", "where": "City = @@NOPE@@"}, "Where_Clause", "no token NOPE. (line 1, column 8)"),
        ({"object": "Clinic", "where": "City = '{User.Nope}'"}, "Where_Clause", "no token {User.Nope}"),
        ({"object": "Clinic", "where": "City = 'a' AND\n  Town = 'b'"}, "Where_Clause", "(line 2, column 3)"),
        ({"object": "Clinic", "where": "City = 'a'); DROP TABLE \"User\"; --"}, "Where_Clause", "line 1"),
        ({"object": "Clinic", "where": "(" * 10_000 + "City = 'a'" + ")" * 10_000}, "Where_Clause", "line 1"),
        ({"object": "Clinic", "where": "City = 'a'", "type": RuleType.FULL}, "Where_Clause", "takes no condition"),
        ({"object": "Clinic", "device": "Pager"}, "Device_Type", "no device type Pager"),
        ({"object": "Clinic", "profile_id": "00e12"}, "Profile_Id", "15 or 18 characters"),
        ({"object": "Clinic", "exclude_fields": ("Nope",)}, "Exclude_Fields", "no field Nope"),
        ({"object": "Clinic", "delta_date_field": "Opened"}, "Delta_Date_Field", "no date and time"),
        ({"object": "Doctor", "type": RuleType.RELATED}, "Relationship_Field", "names the field"),
        ({"object": "Clinic", "device": "iPad", "where": "Id IN ({CLINIC.IDS})"}, "Where_Clause", "in a circle"),
    ],
)
def test_a_rule_that_cannot_work_is_refused_with_field_and_place(
    lab: Lab, admin: Phone, declared: dict[str, object], field: str, told: str
) -> None:
    outcome = admin.outcome(rule(admin, **declared))
    assert isinstance(outcome, Rejected)
    reason = outcome.problems[0]
    if reason.code is Code.PICKLIST:  # refused before, as no value of the field
        assert field == "Device_Type"
        return
    assert (reason.code, reason.field) == (Code.SYNC_RULE, field)
    assert told in reason.message
    assert lab.query('SELECT count(*) FROM "Sync_Rule" WHERE "Where_Clause" IS NOT NULL') == [(0,)]


def test_there_is_one_rule_for_object_device_profile_and_parent(admin: Phone) -> None:
    saved(admin.outcome(rule(admin, object="Clinic", device="iPad", where="City = 'Oslo'")))
    outcome = admin.outcome(rule(admin, object="Clinic", device="iPad", where="City = 'Rome'"))
    assert isinstance(outcome, Rejected)
    assert "already" in outcome.problems[0].message
    saved(admin.outcome(rule(admin, object="Clinic", device="iPhone", where="City = 'Rome'")))


def test_a_rule_without_a_condition_is_warned_of(lab: Lab, admin: Phone) -> None:
    saved(admin.outcome(rule(admin, object="Clinic", device="iPad")))
    [(status, told)] = lab.query(
        'SELECT "Validation_Status", "Validation_Errors" FROM "Sync_Rule" WHERE "Device_Type" = \'iPad\''
    )
    assert (status, told) == ("Valid", "Without a condition every Clinic goes to the device.")


def test_a_changed_rule_brings_exactly_the_difference(lab: Lab, admin: Phone, sarah: Phone) -> None:
    drop_rules(lab, "Clinic", "Doctor", "Note", "Clinic_Area")
    mine = sarah.session.user.id
    big, small, closed = lab.rows(
        "Clinic",
        {"Name": "big", "Beds": 90, "OwnerId": mine},
        {"Name": "small", "Beds": 5, "OwnerId": mine},
        {"Name": "closed", "Beds": None, "OwnerId": mine},
    )
    doctors = lab.rows("Doctor", *({"Name": n, "ClinicId": c} for n, c in (("a", big), ("b", small), ("c", closed))))
    chosen = rule(admin, object="Clinic", where="Beds > 50")
    saved(admin.outcome(chosen))
    saved(admin.outcome(rule(admin, object="Doctor", where="ClinicId IN ({CLINIC.IDS})")))
    lines = sarah.download()
    assert set(downloaded(lines, "Clinic")) == {big}
    assert set(downloaded(lines, "Doctor")) == {doctors[0]}
    saved(admin.outcome(update("Sync_Rule", chosen.id, Where_Clause=("Beds > 50", "Beds < 50"))))
    lines = sarah.download()
    head = lines[0]
    assert isinstance(head, Head)
    assert not head.full, "a difference, not a reload"
    assert set(downloaded(lines, "Clinic")) == {small}
    assert set(downloaded(lines, "Doctor")) == {doctors[1]}
    assert sorted(removed(lines)) == sorted([big, doctors[0]])
    saved(admin.outcome(update("Sync_Rule", chosen.id, Active=(True, False))))
    lines = sarah.download()
    assert sorted(removed(lines)) == sorted([small, doctors[1]])
    assert downloaded(sarah.download(), "Clinic") == {}


def test_the_most_particular_rule_counts(lab: Lab, admin: Phone, sarah: Phone) -> None:
    drop_rules(lab, "Clinic")
    mine = sarah.session.user.id
    oslo, rome, bonn = lab.rows("Clinic", *({"Name": c, "City": c, "OwnerId": mine} for c in ("Oslo", "Rome", "Bonn")))
    saved(admin.outcome(rule(admin, object="Clinic", where="City = 'Oslo'")))
    assert set(downloaded(sarah.download(), "Clinic")) == {oslo}
    saved(admin.outcome(rule(admin, object="Clinic", where="City = 'Rome'", device="iPad")))
    assert set(downloaded(sarah.download(), "Clinic")) == {rome}
    saved(admin.outcome(rule(admin, object="Clinic", where="City = 'Bonn' AND OwnerId = '{User.Id}'", profile="Rep")))
    assert set(downloaded(sarah.download(), "Clinic")) == {bonn}
    assert set(downloaded(lab.phone("sarah", "iphone").download(), "Clinic")) == {bonn}


def test_only_listed_fields_travel(lab: Lab, admin: Phone, sarah: Phone) -> None:
    drop_rules(lab, "Clinic")
    [clinic] = lab.rows("Clinic", {"Name": "a", "City": "Oslo", "Beds": 7, "OwnerId": sarah.session.user.id})
    listed = rule(admin, object="Clinic", where="Beds > 1", exclude_fields=("City",))
    saved(admin.outcome(listed))
    row = downloaded(sarah.download(), "Clinic")[clinic]
    assert "City" not in row
    assert row["Beds"] == 7
    saved(admin.outcome(update("Sync_Rule", listed.id, Exclude_Fields=("City", None))))
    assert downloaded(sarah.download(), "Clinic")[clinic]["City"] == "Oslo"


def test_children_bring_their_parents_and_a_metadata_rule_no_rows(lab: Lab, admin: Phone, sarah: Phone) -> None:
    drop_rules(lab, "Clinic", "Doctor", "Note")
    mine = sarah.session.user.id
    first, second = lab.rows("Clinic", {"Name": "a", "OwnerId": mine}, {"Name": "b", "OwnerId": mine})
    lab.rows(
        "Doctor", {"Name": "Dr", "Field": "x", "ClinicId": first}, {"Name": "Dr", "Field": "y", "ClinicId": second}
    )
    brings = {"object": "Doctor", "type": RuleType.CHILD_AND_PARENT, "relationship_field": "ClinicId"}
    saved(admin.outcome(rule(admin, **brings, where="Field = 'x'")))
    saved(admin.outcome(rule(admin, object="Note", type=RuleType.METADATA_ONLY)))
    lab.rows("Note", {"Name": "n"})
    lines = sarah.download()
    head = lines[0]
    assert isinstance(head, Head)
    assert "Note" in head.objects
    assert downloaded(lines, "Note") == {}
    assert set(downloaded(lines, "Clinic")) == {first}


def test_a_picked_territory_narrows_the_rules(lab: Lab, admin: Phone, sarah: Phone) -> None:
    drop_rules(lab, "Clinic_Area")
    oslo, rome = lab.rows("Territory", {"Name": "Oslo"}, {"Name": "Rome"})
    for territory, first in ((oslo, True), (rome, False)):
        lab.rows("User_Territory", {"UserId": sarah.session.user.id, "TerritoryId": territory, "Primary": first})
    areas = lab.rows("Clinic_Area", {"Name": "o", "TerritoryId": oslo}, {"Name": "r", "TerritoryId": rome})
    saved(admin.outcome(rule(admin, object="Clinic_Area", where="TerritoryId IN ({USER.TERRITORY.IDS})")))
    assert set(downloaded(sarah.download(), "Clinic_Area")) == set(areas)
    [(device,)] = lab.query('SELECT "Id" FROM "Device" WHERE "UserId" = %(u)s', u=sarah.session.user.id)
    saved(admin.outcome(update("Device", device, TerritoryId=(None, rome))))
    assert removed(sarah.download()) == [areas[0]]


def test_a_condition_by_date_moves_at_midnight_of_the_person(lab: Lab, admin: Phone, sarah: Phone) -> None:
    drop_rules(lab, "Clinic")
    mine = sarah.session.user.id
    today, tomorrow = lab.rows(
        "Clinic",
        {"Name": "t", "Opened": "2026-03-02", "OwnerId": mine},
        {"Name": "n", "Opened": "2026-03-03", "OwnerId": mine},
    )
    saved(admin.outcome(rule(admin, object="Clinic", where="Opened = TODAY")))
    assert set(downloaded(sarah.download(), "Clinic")) == {today}
    lab.clock.advance(24 * 3600)
    sarah.renew()
    lines = sarah.download()
    assert set(downloaded(lines, "Clinic")) == {tomorrow}
    assert removed(lines) == [today]
