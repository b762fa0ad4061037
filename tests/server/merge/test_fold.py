"""Rows that a merge makes say the same become one: a clinic has one plan in each region (FEATURES E22)."""

from __future__ import annotations

import pytest
from tests.server.lab import Lab, downloaded, update
from tests.server.merge.test_merge import Town
from tests.server.merge.test_merge import lab as _lab

from fieldsync.base.ids import RecordId
from fieldsync.protocol.upload import Saved
from fieldsync.schema.check import check
from fieldsync.schema.model import Bulk, Field, FieldType, Object, Pack

lab = _lab


@pytest.fixture
def town(lab: Lab) -> Town:
    return Town(lab)


def plan(town: Town, clinic: RecordId, region: RecordId, **values: object) -> RecordId:
    [made] = town.lab.rows("Plan", {"Name": "p", "ClinicId": clinic, "RegionId": region, **values})
    return made


def present(town: Town) -> list[RecordId]:
    return [one for (one,) in town.lab.query('SELECT "Id" FROM "Plan" WHERE NOT "IsDeleted" ORDER BY "Id"')]


def test_two_of_one_region_become_one_and_those_of_other_regions_move(town: Town) -> None:
    theirs = plan(town, town.old, town.north, Goal=3, Text="theirs", Active=True)
    mine = plan(town, town.main, town.north, Goal=0)
    other = plan(town, town.old, town.south, Goal=4)
    town.merge()
    assert present(town) == sorted([mine, other])
    kept = town.row("Plan", mine)
    assert (kept["Goal"], kept["Text"], kept["Active"]) == (0, "theirs", True), "what it does not say it takes over"
    assert town.row("Plan", other)["ClinicId"] == town.main
    assert town.row("Plan", theirs)["IsDeleted"] is True


def test_what_refers_to_the_one_that_goes_refers_to_the_one_that_stays(town: Town) -> None:
    theirs, mine = plan(town, town.old, town.north), plan(town, town.main, town.north)
    [step] = town.lab.rows("Step", {"Name": "s", "PlanId": theirs})
    town.merge()
    assert town.row("Step", step)["PlanId"] == mine


def test_three_become_one_and_masters_are_summed_up(town: Town) -> None:
    plan(town, town.old, town.north, Goal=3)
    plan(town, town.old, town.north, Text="x")
    mine = plan(town, town.main, town.north)
    town.merge()
    assert present(town) == [mine]
    kept = town.row("Plan", mine)
    assert (kept["Goal"], kept["Text"]) == (3, "x")
    assert town.row("Region", town.north)["Plans"] == 1


def test_a_deleted_one_is_nobodys_twin(town: Town) -> None:
    theirs, mine = plan(town, town.old, town.north), plan(town, town.main, town.north)
    town.lab.query('UPDATE "Plan" SET "IsDeleted" = true WHERE "Id" = %(id)s RETURNING 1', id=mine)
    town.merge()
    assert present(town) == [theirs]


def test_what_a_device_says_later_of_the_one_that_went_is_said_of_the_one_that_stays(town: Town) -> None:
    theirs, mine = plan(town, town.old, town.north), plan(town, town.main, town.north)
    assert set(downloaded(town.sarah.download(), "Plan")) == {theirs, mine}
    late = town.sarah.save(update("Plan", theirs, Text=(None, "late")))
    town.merge()
    assert [r.outcome for r in town.sarah.upload(late).results] == [Saved()]
    assert town.row("Plan", mine)["Text"] == "late"
    assert f"into='{mine}'" in str(town.sarah.download())


def test_it_is_journaled_and_the_preview_counts_it(town: Town) -> None:
    theirs, mine = plan(town, town.old, town.north, Text="theirs"), plan(town, town.main, town.north)
    plan(town, town.old, town.south)
    [moving] = [one for one in town.preview().moving if one.object == "Plan"]
    assert (moving.moved, moving.gone) == (1, 1)
    town.merge()
    told = town.lab.query(
        """SELECT "Record_Id", "Operation" FROM "Sync_Transaction_Record" WHERE "Object_Name" = 'Plan'"""
    )
    assert {(theirs, "delete"), (mine, "update")} <= set(told)


@pytest.mark.parametrize(
    ("one_each", "more", "sentence"),
    [
        (("Nothing",), {}, "it names Nothing, which is no field"),
        (("City",), {}, "none of its fields refers to another record"),
        (("ShopId", "Notes"), {}, "it names Notes, whose values cannot be compared"),
        (("ShopId",), {"bulk": Bulk(key=("City",), period="City")}, "have their key"),
    ],
)
def test_what_cannot_be_kept_is_refused_with_its_reason(
    one_each: tuple[str, ...], more: dict[str, object], sentence: str
) -> None:
    fields = (
        Field(name="City", type=FieldType.TEXT),
        Field(name="Notes", type=FieldType.LONG_TEXT),
        Field(name="ShopId", type=FieldType.LOOKUP, references="X"),
    )
    declared = Object(name="X", label="X", fields=fields, one_each=one_each, **more)  # type: ignore[arg-type]
    found = [str(one) for one in check([Pack(name="p", label="P", objects=(declared,))])]
    assert any(sentence in one for one in found), found
