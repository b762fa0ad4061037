"""The non-blocking sync: prepared while people work, applied when they say so, taking back nothing (E04 to E07)."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import pytest
from tests.device.lab import Lab

from fieldsync.base.problems import Code, Refused
from fieldsync.device import PreparationState, SyncKind, Trigger, Unreachable
from fieldsync.protocol.feed import FamilyImage, FeedPage
from fieldsync.protocol.rows import Gone, RecordRef

ROWS = 100_000
SECONDS_MAX = 3.0
WAIT_SECONDS_MAX = 0.5
"""A save waits for one slice, 50 ms. Both are seconds of this process: the machine may be busy with others."""


def shop(lab: Lab, number: int, stamp: int = 5, **values: Any) -> dict[str, object]:
    return {"Id": lab.server_id("Shop", number), "_stamp": stamp, "Name": f"S{number:03}", **values}


def cities(lab: Lab) -> dict[str, object]:
    return {str(r.values["Name"]): r.values["City"] for r in lab.device.find("Shop", limit=1_000)}


def prepare(lab: Lab, *rows: dict[str, object], gone: tuple[Gone, ...] = ()) -> None:
    blocks = [lab.block("Shop", *rows)] if rows else []
    lab.script.then("download", lab.lines(*blocks, gone=gone))
    lab.device.updates.prepare()


@pytest.fixture
def three(lab: Lab) -> Lab:
    """A device with three shops, up to date."""
    lab.download(lab.block("Shop", *(shop(lab, n, City="old") for n in (1, 2, 3))))
    return lab


def test_nothing_shows_before_apply_and_everything_after(three: Lab) -> None:
    prepare(
        three,
        shop(three, 1, 8, City="new"),
        shop(three, 4, 8, City="new"),
        gone=(Gone("Shop", three.server_id("Shop", 3), 9),),
    )
    assert cities(three) == {"S001": "old", "S002": "old", "S003": "old"}
    assert three.device.updates.state().state is PreparationState.READY
    report = three.device.updates.apply()
    assert cities(three) == {"S001": "new", "S002": "old", "S004": "new"}
    assert (report.kind, report.successful, report.rows_received, report.rows_removed) == (
        SyncKind.NON_BLOCKING,
        True,
        2,
        1,
    )
    assert three.device.updates.state().state is PreparationState.IDLE
    with pytest.raises(Refused) as refused:
        three.device.updates.apply()
    assert refused.value.problem.code is Code.NOT_FOUND


def test_edits_made_meanwhile_survive_and_undo_shows_what_was_prepared(three: Lab) -> None:
    prepare(three, shop(three, 1, 8, City="theirs"))
    with three.device.edit() as edit:
        edit.update("Shop", three.server_id("Shop", 1), {"City": "mine"})
        made = edit.create("Shop", {"Name": "S900", "City": "mine"})
    three.device.updates.apply()
    assert cities(three) == {"S001": "mine", "S002": "old", "S003": "old", "S900": "mine"}
    assert [entry.record_id for entry in three.device.queue()] == [three.server_id("Shop", 1), made]


def test_an_update_outlives_a_restart(three: Lab) -> None:
    prepare(three, shop(three, 1, 8, City="new"))
    three.reopen()
    assert three.device.updates.state().rows == 1
    three.device.updates.apply()
    assert cities(three)["S001"] == "new"


def test_what_arrives_meanwhile_is_newer_and_stays(three: Lab) -> None:
    ids = [three.server_id("Shop", n) for n in (1, 2, 3)]
    gone = (Gone("Shop", ids[2], 0),)
    prepare(three, shop(three, 1, 8, City="prepared"), shop(three, 2, 8, City="prepared"), gone=gone)
    rows = (three.block("Shop", shop(three, 1, 12, City="fed"), shop(three, 3, 13, City="fed")),)
    page = FeedPage("later", rows=rows, gone=(Gone("Shop", ids[1], 14),))
    three.script.then("feed", page)
    three.device.wake()
    three.device.step()
    assert cities(three) == {"S001": "fed", "S003": "fed"}
    three.device.updates.apply()
    assert cities(three) == {"S001": "fed", "S003": "fed"}


def test_a_family_that_is_incomplete_since_stays_as_it_was_behind_the_update(three: Lab) -> None:
    visit, line = three.server_id("Visit", 1), three.server_id("Visit_Line", 1)
    root = {"Id": visit, "_stamp": 5, "Notes": "old", "Stage": "Open"}
    detail = {"Id": line, "_stamp": 9, "VisitId": visit, "Product": "x"}
    three.download(three.block("Visit", root))
    prepare(three, shop(three, 1, 8, City="new"))
    newer = three.block("Visit", root | {"_stamp": 9, "Notes": "new"})
    members = (RecordRef("Visit", visit), RecordRef("Visit_Line", line))
    three.script.then("feed", FeedPage("cursor2", (FamilyImage(members[0], members),), (newer,)))
    three.clock.advance(60)
    three.device.step()
    three.device.updates.apply()
    assert [record.values["Notes"] for record in three.device.find("Visit")] == ["old"]
    three.download(newer, three.block("Visit_Line", detail), full=False)
    assert [record.values["Notes"] for record in three.device.find("Visit")] == ["new"]
    assert three.device.count("Visit_Line") == 1


def test_an_ordinary_sync_throws_the_prepared_update_away(three: Lab) -> None:
    prepare(three, shop(three, 1, 8, City="prepared"))
    three.download(three.block("Shop", shop(three, 1, 9, City="synced")), full=False)
    assert three.device.updates.state().state is PreparationState.IDLE
    assert cities(three)["S001"] == "synced"
    with pytest.raises(Refused):
        three.device.updates.apply()


def test_a_cut_stream_leaves_nothing_and_says_so(three: Lab) -> None:
    three.script.then("download", three.lines(three.block("Shop", shop(three, 1, 8, City="new")))[:-1])
    with pytest.raises(Refused) as refused:
        three.device.updates.prepare()
    assert refused.value.problem.code is Code.OFFLINE
    state = three.device.updates.state()
    assert state.state is PreparationState.FAILED
    assert state.problem is not None
    assert not (three.folder / "prepared.db").exists()
    assert three.device.syncs()[0].successful is False
    prepare(three, shop(three, 1, 8, City="new"))
    assert three.device.updates.state().state is PreparationState.READY


def test_uploads_go_before_and_the_sync_is_tracked_with_what_started_it(three: Lab) -> None:
    with three.device.edit() as edit:
        edit.update("Shop", three.server_id("Shop", 2), {"City": "mine"})
    three.script.then("upload", three.saved())
    three.script.then("download", three.lines())
    report = three.device.updates.prepare(trigger=Trigger.FIRST_OF_DAY)
    assert (report.uploads, report.trigger, report.ended_at) == (1, Trigger.FIRST_OF_DAY, None)
    paths = [path.partition("?")[0].rpartition("/")[2] for _, path, _ in three.script.asked]
    assert paths.index("upload") < len(paths) - 1 - paths[::-1].index("download")


def test_the_first_opening_of_the_persons_day_is_due_once(three: Lab) -> None:
    assert not three.device.updates.due()
    three.clock.advance(15 * 3600 + 59 * 60)
    assert not three.device.updates.due()
    three.clock.advance(120)
    assert three.device.updates.due()
    three.script.then("download", Unreachable("away"))
    with pytest.raises(Refused):
        three.device.updates.prepare(trigger=Trigger.FIRST_OF_DAY)
    assert not three.device.updates.due()


def test_a_hundred_thousand_prepared_rows_are_applied_within_seconds_and_nobody_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = Lab(tmp_path / "device")
    monkeypatch.setattr(lab.clock, "steady", time.process_time)
    lab.download(lab.block("Shop", *(shop(lab, n, City="old") for n in range(2_000))))
    rows = [shop(lab, n, 8, City="new", Score=n) for n in range(ROWS)]
    lab.script.then("download", lab.lines(*(lab.block("Shop", *rows[n : n + 2_000]) for n in range(0, ROWS, 2_000))))
    lab.device.updates.prepare()
    waited: list[float] = []
    ended = threading.Event()

    def work() -> None:
        while not ended.wait(0.01):
            began = time.process_time()
            with lab.device.edit() as edit:
                edit.update("Shop", lab.server_id("Shop", len(waited)), {"City": "mine"})
            waited.append(time.process_time() - began)

    person = threading.Thread(target=work)
    person.start()
    took = lab.device.updates.apply().apply_seconds
    ended.set()
    person.join()
    assert took < SECONDS_MAX
    assert max(waited) < WAIT_SECONDS_MAX
    assert lab.device.count("Shop") == ROWS
    assert lab.device.count("Shop", {"City": "mine"}) == len(waited) == len(lab.device.queue())
    lab.device.close()
