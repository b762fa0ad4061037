"""Sarah's visits point to clinics that no rule brings to her iPad: with `Related_Record_Names` she reads their names.

Real server, real devices, over HTTP (FEATURES J23).
"""

from __future__ import annotations

from pathlib import Path

from tests.scenarios.stage import catch_up, org_with_two
from tests.scenarios.test_mobile_settings import DaysAhead, set_for_reps

from fieldsync.device import Device
from fieldsync.web.field.reading import facts_by_name
from fieldsync.web.kit.facts import Fact
from fieldsync.web.kit.locales import Manner

PACK = """
name: pointed
label: Pointed
objects:
  - name: Clinic
    label: Clinic
    prefix: s00
    sharing: private
    shared_with: "City = 'Leeds'"
    fields: [{name: City, type: text}, {name: Kept, type: checkbox}]
  - name: Visit
    label: Visit
    prefix: s01
    fields:
      - {name: ClinicId, type: lookup, label: Clinic, references: Clinic, children: Visits}
sync_rules:
  - {object: Clinic, where: 'Kept = true'}
  - {object: Visit}
profiles:
  - {name: Rep, label: Rep, objects: {'*': [read, create, edit, delete]}}
"""


def test_a_record_out_of_reach_is_called_by_its_name_as_long_as_she_may_know_it(database: str, tmp_path: Path) -> None:
    with org_with_two(database, tmp_path, PACK) as (stage, sarah, tom):
        clock = DaysAhead()
        toms, ipad = stage.device(tom, "toms", started=False), stage.device(sarah, "ipad", started=False, clock=clock)

        def looks(one: Device) -> list[str | None]:
            assert one.sync().successful
            catch_up(one)
            return [one.mini.name_of(clinic) for clinic in (open_one, closed, here)]

        with toms.edit() as edit:
            open_one = edit.create("Clinic", {"Name": "St Mary", "City": "Leeds"})
            closed = edit.create("Clinic", {"Name": "St Mark", "City": "York"})
            here = edit.create("Clinic", {"Name": "St Paul", "City": "Leeds", "Kept": True})
            for clinic in (open_one, closed, here):
                edit.create("Visit", {"Name": "V", "ClinicId": clinic})
        catch_up(toms)
        assert looks(ipad) == [None] * 3, "nobody asked for it"
        set_for_reps(stage, "Related_Record_Names", "true")
        assert looks(ipad) == ["St Mary", None, None], "what is not open to her is not told"
        assert ipad.name_of("Clinic", open_one) is None, "it is not here"
        for clinic, fact in (
            (open_one, Fact("Clinic", "St Mary")),
            (closed, Fact("Clinic", closed)),
            (here, Fact("Clinic", "St Paul", f"/objects/Clinic/{here}")),
        ):
            visit = ipad.find("Visit", where={"ClinicId": clinic})[0]
            assert facts_by_name(ipad, visit, Manner())["ClinicId"] == fact, "a name leads nowhere"

        with toms.edit() as edit:
            edit.update("Clinic", open_one, {"City": "York"})
        catch_up(toms)
        assert looks(ipad)[0] == "St Mary", "it is asked for once an hour at most, and a name counts for a day"
        clock.days = 2
        assert looks(ipad)[0] is None, "she may not know it any more"

        with toms.edit() as edit:
            edit.update("Clinic", closed, {"City": "Leeds"})
        catch_up(toms)
        clock.days = 4
        assert looks(ipad)[1] == "St Mark"
        for visit in ipad.find("Visit", where={"ClinicId": closed}):
            with ipad.edit() as edit:
                edit.delete("Visit", visit.id)
        catch_up(ipad)
        clock.days = 5
        assert looks(ipad)[1] is None, "nothing points to it any more"
