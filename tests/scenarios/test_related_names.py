"""Sarah's visits point to clinics that no rule brings to her iPad: with `Related_Record_Names` she reads their names.

Real server, real devices, over HTTP (FEATURES J23).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.scenarios.clinics import clinics_pack
from tests.scenarios.stage import Stage, catch_up, org_with_two, two_made
from tests.scenarios.test_mobile_settings import DaysAhead, set_for_reps

from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Code
from fieldsync.device import Device
from fieldsync.schema.access.permissions import Access
from fieldsync.schema.access.rights import RightsTable
from fieldsync.server.org.create import seeding_org
from fieldsync.server.org.seed import insert_rows
from fieldsync.web.field.reading import facts_by_name
from fieldsync.web.kit.facts import Fact
from fieldsync.web.kit.locales import Manner

PACK = clinics_pack("pointed", visits="")


class Days(NamedTuple):
    """Sarah's iPad, Tom's, and three clinics: open to her, not open to her, and on her device."""

    stage: Stage
    ipad: Device
    toms: Device
    clock: DaysAhead
    clinics: tuple[RecordId, RecordId, RecordId]

    def looks(self) -> list[str | None]:
        """What Sarah reads for each after a sync."""
        assert self.ipad.sync().successful
        catch_up(self.ipad)
        return [self.ipad.mini.name_of(clinic) for clinic in self.clinics]

    def moves(self, clinic: RecordId, city: str) -> None:
        with self.toms.edit() as edit:
            edit.update("Clinic", clinic, {"City": city})
        catch_up(self.toms)


@pytest.fixture
def days(made: str, tmp_path: Path) -> Iterator[Days]:
    with two_made(made, tmp_path, PACK) as (stage, sarah, tom):
        clock = DaysAhead()
        toms, ipad = stage.device(tom, "toms", started=False), stage.device(sarah, "ipad", started=False, clock=clock)
        with toms.edit() as edit:
            open_one = edit.create("Clinic", {"Name": "St Mary", "City": "Leeds"})
            closed = edit.create("Clinic", {"Name": "St Mark", "City": "York"})
            here = edit.create("Clinic", {"Name": "St Paul", "City": "Leeds", "Kept": True})
            for clinic in (open_one, closed, here):
                edit.create("Visit", {"Name": "V", "ClinicId": clinic})
        catch_up(toms)
        yield Days(stage, ipad, toms, clock, (open_one, closed, here))


def test_a_record_out_of_reach_is_called_by_its_name_as_long_as_she_may_know_it(days: Days) -> None:
    open_one, closed, here = days.clinics
    ipad = days.ipad
    assert days.looks() == [None] * 3, "nobody asked for it"
    set_for_reps(days.stage, "Related_Record_Names", "true")
    assert days.looks() == ["St Mary", None, None], "what is not open to her is not told"
    assert ipad.name_of("Clinic", open_one) is None, "it is not here"
    for clinic, fact in (
        (open_one, Fact("Clinic", "St Mary")),
        (closed, Fact("Clinic", closed)),
        (here, Fact("Clinic", "St Paul", f"/objects/Clinic/{here}")),
    ):
        visit = ipad.find("Visit", where={"ClinicId": clinic})[0]
        assert facts_by_name(ipad, visit, Manner())["ClinicId"] == fact, "a name leads nowhere"

    days.moves(open_one, "York")
    assert days.looks()[0] == "St Mary", "it is asked for once an hour at most, and a name counts for a day"
    days.clock.days = 2
    assert days.looks()[0] is None, "she may not know it any more"


def test_a_name_that_nothing_points_to_any_more_is_forgotten(days: Days) -> None:
    _, closed, _ = days.clinics
    days.moves(closed, "Leeds")
    set_for_reps(days.stage, "Related_Record_Names", "true")
    assert days.looks()[1] == "St Mark"
    for visit in days.ipad.find("Visit", where={"ClinicId": closed}):
        with days.ipad.edit() as edit:
            edit.delete("Visit", visit.id)
    catch_up(days.ipad)
    days.clock.days = 1
    assert days.looks()[1] is None


def test_a_visit_whose_clinic_she_may_see_no_more_stays_hers_to_edit(days: Days) -> None:
    """The reference dangles on her device and is sent as it is; one she chooses anew is refused (FEATURES A26)."""
    ipad, (_, _, here) = days.ipad, days.clinics
    days.looks()
    [visit] = [one for one in ipad.find("Visit") if one.values["ClinicId"] == here]
    with ipad.edit() as edit:
        edit.update("Visit", visit.id, {"Name": "before"})
    days.moves(here, "York")
    days.looks()
    assert ipad.get("Clinic", here) is None
    assert [one.values["ClinicId"] for one in ipad.find("Visit") if one.id == visit.id] == [here]
    with ipad.edit() as edit:
        edit.update("Visit", visit.id, {"Name": "after"})
        edit.create("Visit", {"Name": "none"})
    with ipad.edit() as edit:
        edit.create("Visit", {"Name": "new", "ClinicId": here})
    catch_up(ipad)
    assert [[found.code for found in one.problems] for one in ipad.errors()] == [[Code.INVALID_REF]]
    rows = days.stage.rows("Visit")
    assert (rows[visit.id]["Name"], rows[visit.id]["ClinicId"]) == ("after", here)
    assert {"none"} == {row["Name"] for row in rows.values()} & {"none", "new"}


def test_nobody_needs_to_read_the_rules_or_what_they_ask_for(database: str, tmp_path: Path) -> None:
    """Rules are carried out by the server: hers bring their rows to who may read neither them nor `Kept` (A25)."""
    hidden = PACK.replace("delete]}}", "delete]}, fields: {Clinic: {Kept: none}}}")
    with org_with_two(database, tmp_path, hidden) as (stage, sarah, _):
        with seeding_org(database, stage.org, stage.world) as seeding:
            rows = ({"Name": name, "City": "Leeds", "Kept": name == "St Paul"} for name in ("St Mary", "St Paul"))
            insert_rows(seeding, "Clinic", list(rows))
        ipad = stage.device(sarah, "ipad", started=False)
        rights = RightsTable(ipad.catalog, {}).of("Rep")
        assert (rights.may("Sync_Rule", Access.READ), rights.sees("Clinic", "Kept")) == (False, False)
        assert [(one.values["Name"], one.values["Kept"]) for one in ipad.find("Clinic")] == [("St Paul", None)]
