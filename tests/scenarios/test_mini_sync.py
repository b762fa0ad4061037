"""Sarah needs an account that is not on her iPad: she finds it online and gets it alone, with its visits.

Later she has this one record synced, and nothing else. Real server, real devices, over HTTP (FEATURES E18, E19).
"""

from __future__ import annotations

import pytest
from tests.conftest import Databases
from tests.scenarios.clinics import clinics_pack
from tests.scenarios.stage import catch_up, org_with_two

from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Code, Refused
from fieldsync.device import Device, SyncKind

PACK = clinics_pack("found", visits=", type: related, parent_object: Clinic, relationship_field: ClinicId")


def test_one_account_is_found_online_and_comes_with_what_hangs_on_it(
    databases: Databases, tmp_path_factory: pytest.TempPathFactory
) -> None:
    database = databases.create()
    with org_with_two(databases.uri(database), tmp_path_factory.mktemp("found"), PACK) as (stage, sarah, tom):
        toms, ipad = stage.device(tom, "toms", started=False), stage.device(sarah, "ipad", started=False)
        with toms.edit() as edit:
            open_one = edit.create("Clinic", {"Name": "St Mary", "City": "Leeds"})
            visits = {edit.create("Visit", {"Name": f"V{n}", "ClinicId": open_one}) for n in range(3)}
            closed = edit.create("Clinic", {"Name": "St Mark", "City": "York"})
        while toms.queue():
            toms.step()
        ipad.sync()
        assert ipad.count("Clinic") == 0, "no rule selects it"

        found = ipad.mini.find("Clinic", "St M")
        assert [record.name for record in found.records] == ["St Mary"], "what is not open to her is not found"
        report = ipad.mini.bring("Clinic", open_one)
        assert (report.kind, report.successful, report.rows_received) == (SyncKind.MINI, True, 4)
        assert ipad.get("Clinic", open_one) is not None
        assert {visit.id for visit in ipad.find("Visit")} == visits
        catch_up(ipad)
        told = [row["Sync_Type"] for row in stage.rows("Sync_Tracking").values()]
        assert told.count("mini") == 1
        for other in (closed, RecordId(closed[:-4] + "zzzz")):
            with pytest.raises(Refused) as refused:
                ipad.mini.bring("Clinic", other)
            assert refused.value.problem.code is Code.NOT_FOUND
        is_synced_alone(ipad, toms, open_one, min(visits))
        ipad.sync()
        assert ipad.count("Clinic") == 0, "what no rule selects leaves with the next sync"
        ipad.go_offline()
        with pytest.raises(Refused) as refused:
            ipad.mini.find("Clinic", "St M")
        assert refused.value.problem.code is Code.OFFLINE
    databases.drop(database)


def is_synced_alone(ipad: Device, toms: Device, clinic: RecordId, visit: RecordId) -> None:
    """Hers goes up and his comes back, of this record and of nothing else."""
    with toms.edit() as edit:
        edit.update("Clinic", clinic, {"Name": "St Mary II"})
        edit.delete("Visit", visit)
    while toms.queue():
        toms.step()
    with ipad.edit() as edit:
        edit.update("Clinic", clinic, {"Kept": True})
    report = ipad.mini.renew("Clinic", clinic)
    assert (report.kind, report.successful, report.rows_received, ipad.queue()) == (SyncKind.MINI, True, 1, [])
    now = ipad.get("Clinic", clinic)
    assert now is not None
    assert (now.values["Name"], now.values["Kept"]) == ("St Mary II", True)
    assert ipad.get("Visit", visit) is not None
    with ipad.edit() as edit:
        edit.update("Clinic", clinic, {"Kept": False})
