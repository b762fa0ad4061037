"""Sharing on every read and write: a row that is not shared is a row that is not there (laws L3, L4; FEATURES M01)."""

from __future__ import annotations

import msgspec
import pytest
from tests.server.lab import Lab, Phone, create, delete, downloaded, table, update

from fieldsync.base.problems import Code
from fieldsync.protocol.download import Line, Removed
from fieldsync.protocol.upload import Outcome, Rejected, Saved


@pytest.fixture
def sarah(lab: Lab) -> Phone:
    lab.person("sarah")
    return lab.phone("sarah")


@pytest.fixture
def tom(lab: Lab) -> Phone:
    lab.person("tom")
    return lab.phone("tom")


def code(outcome: Outcome) -> Code:
    assert isinstance(outcome, Rejected), outcome
    return outcome.problems[0].code


def saved(outcome: Outcome) -> None:
    assert isinstance(outcome, Saved), outcome


def removed(lines: list[Line]) -> list[str]:
    return [gone.id for line in lines if isinstance(line, Removed) for gone in line.gone]


def works_in(lab: Lab, phone: Phone, territory: str) -> str:
    [found] = lab.rows("User_Territory", {"UserId": phone.session.user.id, "TerritoryId": territory})
    return found


def test_a_private_record_is_nobody_elses(lab: Lab, sarah: Phone, tom: Phone) -> None:
    clinic, doctor = sarah.new_id("Clinic"), sarah.new_id("Doctor")
    sarah.outcome(create("Clinic", clinic, Name="Corner"))
    sarah.outcome(create("Doctor", doctor, Name="Dr. A", ClinicId=clinic))
    lines = tom.download()
    assert downloaded(lines, "Clinic") == downloaded(lines, "Doctor") == {}
    assert code(tom.outcome(delete("Doctor", doctor, 1))) is Code.NOT_FOUND
    unknown = tom.new_id("Clinic")
    for refused in (update("Clinic", clinic, Name=("x", "y")), update("Clinic", unknown, Name=("x", "y"))):
        response = tom.upload(tom.save(refused))
        assert table(response.rows, "Clinic") == {}, "what is not shared and what is not there look alike"
        assert code(response.results[0].outcome) is Code.NOT_FOUND


def test_a_new_detail_needs_a_master_one_may_write(lab: Lab, sarah: Phone, tom: Phone) -> None:
    clinic = sarah.new_id("Clinic")
    sarah.outcome(create("Clinic", clinic, Name="Corner"))
    assert code(tom.outcome(create("Doctor", tom.new_id("Doctor"), Name="Dr. B", ClinicId=clinic))) is Code.INVALID_REF
    own = tom.new_id("Clinic")
    both = (create("Clinic", own, Name="Own"), create("Doctor", tom.new_id("Doctor"), Name="Dr. B", ClinicId=own))
    for item in both:
        assert isinstance(tom.outcome(item), Saved)


def test_a_read_only_record_is_seen_and_not_written_by_others(lab: Lab, sarah: Phone, tom: Phone) -> None:
    note = sarah.new_id("Note")
    sarah.outcome(create("Note", note, Name="n", Text="seen"))
    assert note in downloaded(tom.download(), "Note")
    assert code(tom.outcome(update("Note", note, Text=("seen", "changed")))) is Code.PERMISSION
    assert isinstance(sarah.outcome(update("Note", note, Text=("seen", "changed"))), Saved)


def test_a_territory_shares_what_is_assigned_to_it_and_below(lab: Lab, sarah: Phone, tom: Phone) -> None:
    (north,) = lab.rows("Territory", {"Name": "North"})
    oslo, bergen = lab.rows("Territory", {"Name": "Oslo", "ParentId": north}, {"Name": "Bergen", "ParentId": north})
    admin = lab.phone("admin")
    clinics = [admin.new_id("Clinic") for _ in "ab"]
    for clinic, territory in zip(clinics, (oslo, bergen), strict=True):
        saved(admin.outcome(create("Clinic", clinic, Name=territory)))
        area = admin.new_id("Clinic_Area")
        saved(admin.outcome(create("Clinic_Area", area, Name="Area", ClinicId=clinic, TerritoryId=territory)))
    works_in(lab, sarah, oslo)
    works_in(lab, tom, north)
    assert set(downloaded(sarah.download(), "Clinic")) == {clinics[0]}
    assert set(downloaded(tom.download(), "Clinic")) == set(clinics)
    assert isinstance(tom.outcome(update("Clinic", clinics[1], City=(None, "Bergen"))), Saved)


def test_a_manager_sees_what_his_people_own(lab: Lab, sarah: Phone, tom: Phone) -> None:
    (north,) = lab.rows("Territory", {"Name": "North"})
    (oslo,) = lab.rows("Territory", {"Name": "Oslo", "ParentId": north})
    works_in(lab, tom, north)
    tom.download()
    clinic = sarah.new_id("Clinic")
    sarah.outcome(create("Clinic", clinic, Name="Corner"))
    assert downloaded(tom.download(), "Clinic") == {}
    works_in(lab, sarah, oslo)
    assert set(downloaded(tom.download(), "Clinic")) == {clinic}, "an alignment brings what it opens, of any age"


def test_losing_access_removes_exactly_and_says_so_to_who_had_it(lab: Lab, sarah: Phone, tom: Phone) -> None:
    clinic, doctor = sarah.new_id("Clinic"), sarah.new_id("Doctor")
    sarah.outcome(create("Clinic", clinic, Name="Corner"))
    sarah.outcome(create("Doctor", doctor, Name="Dr. A", ClinicId=clinic))
    sarah.download()
    tom.download()
    [(seen,)] = lab.query('SELECT _stamp FROM "Clinic" WHERE "Id" = %(i)s', i=clinic)
    admin = lab.phone("admin")
    admin.outcome(update("Clinic", clinic, OwnerId=(sarah.session.user.id, tom.session.user.id)))
    edit = msgspec.structs.replace(update("Clinic", clinic, City=(None, "Graz")), seen=seen)
    assert code(sarah.outcome(edit)) is Code.VISIBILITY_LOST
    assert sorted(removed(sarah.download())) == sorted([clinic, doctor])
    assert set(downloaded(tom.download(), "Clinic")) == {clinic}
    assert removed(tom.download()) == removed(sarah.download()) == []


def test_the_feed_drops_what_is_no_longer_shared(lab: Lab, sarah: Phone) -> None:
    iphone = lab.phone("sarah", "iphone")
    iphone.download()
    clinic = sarah.new_id("Clinic")
    sarah.outcome(create("Clinic", clinic, Name="Corner"))
    [(admin_id,)] = lab.query('SELECT "Id" FROM "User" WHERE "LastName" = \'Admin\'')
    lab.phone("admin").outcome(update("Clinic", clinic, OwnerId=(sarah.session.user.id, admin_id)))
    page = iphone.feed()
    assert table(page.rows, "Clinic") == {}
    assert [(gone.id, gone.deleted) for gone in page.gone] == [(clinic, False)]
