"""Two people enter the same visit: it becomes one, with what both entered under it (FEATURES G19)."""

from __future__ import annotations

from tests.scenarios.test_same_record import Two, two

from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Code
from fieldsync.device import Device

__all__ = ["two"]


def test_two_visits_with_one_number_are_one_with_the_lines_of_both(two: Two) -> None:
    """What Sarah entered offline becomes Tom's visit, and her lines are lines of it, on her device too."""
    made: list[RecordId] = []

    def entered(device: Device) -> None:
        with device.edit() as edit:
            made.append(edit.create("Visit", {"Name": "v", "Number": "V-1", "City": device.account.user.name}))  # type: ignore[union-attr]
            made.append(edit.create("Visit_Line", {"Name": "l", "VisitId": made[-1], "City": "x"}))

    two.both(entered, entered)
    visit, line, hers, her_line = made
    assert [one for one, row in two.stage.rows("Visit").items() if row["Number"] == "V-1"] == [visit]
    lines = two.stage.rows("Visit_Line")
    assert {lines[line]["VisitId"], lines[her_line]["VisitId"]} == {visit}
    assert two.sarah.get("Visit", hers) is None
    assert {one.id for one in two.sarah.find("Visit_Line", where={"VisitId": visit})} >= {her_line}
    assert two.sarah.sync().successful
    assert two.tom.sync().successful
    for device in (two.sarah, two.tom):
        assert {one.id for one in device.find("Visit_Line", where={"VisitId": visit})} == {line, her_line}
        assert device.get("Visit", visit).values["City"] == "tom"  # type: ignore[union-attr]
    [notice] = [one for one in two.sarah.notices() if one.record.id == visit]
    assert notice.problem.code is Code.LINKED
    assert not [entry for entry in two.sarah.queue() if hers in entry.records]
