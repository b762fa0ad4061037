"""Downloads: whole or not at all, edits untouched, families whole, versions never back unless history did."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from tests.device.lab import Lab, catalog, error, rejected

from fieldsync.base.problems import Code, Refused, problem
from fieldsync.device import Event, RecordsChanged, Unreachable, WidgetState
from fieldsync.device.sync import download as downloads
from fieldsync.protocol.rows import Gone
from fieldsync.schema.model import Field, FieldType


@pytest.fixture(params=[downloads.FEW_BYTES, -1], ids=["at once", "staged"], autouse=True)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Few rows are applied at once, many through a staging file: nobody can tell which it was."""
    monkeypatch.setattr(downloads, "FEW_BYTES", request.param)


def shop(lab: Lab, number: int, stamp: int = 5, **values: Any) -> dict[str, object]:
    return {"Id": lab.server_id("Shop", number), "_stamp": stamp, "Name": f"S{number:03}", **values}


def names(lab: Lab) -> list[object]:
    return [r.values["Name"] for r in lab.device.find("Shop", limit=10_000)]


def test_values_arrive_equal_field_by_field(lab: Lab) -> None:
    values: dict[str, Any] = {
        "Score": Decimal("12.50"),
        "Big": Decimal("1234567890123456.78"),
        "Visits": 7,
        "Active": True,
        "City": "Wien",
    }
    lab.download(lab.block("Shop", shop(lab, 1, **values)))
    record = lab.device.get("Shop", lab.server_id("Shop", 1))
    assert record is not None
    assert {c: record.values[c] for c in values} == values
    assert [type(record.values[c]) for c in values] == [Decimal, Decimal, int, bool, str]
    assert lab.device.count("Shop", {"Score": Decimal("12.5")}) == lab.device.count("Shop", {"Big": values["Big"]}) == 1


def test_a_full_download_removes_what_it_does_not_bring(lab: Lab) -> None:
    lab.download(lab.block("Shop", *(shop(lab, n) for n in range(700))))
    assert len(names(lab)) == 700
    told: list[Event] = []
    lab.device.subscribe(told.append)
    lab.download(lab.block("Shop", *(shop(lab, n, 6) for n in range(0, 700, 2))))
    assert len(names(lab)) == 350
    assert RecordsChanged("Shop", ()) in told


def test_an_incremental_changes_only_what_it_names(lab: Lab) -> None:
    lab.download(lab.block("Shop", *(shop(lab, n) for n in range(5))))
    gone = (Gone("Shop", lab.server_id("Shop", 1), 9), Gone("Shop", lab.server_id("Shop", 2), 4))
    lab.download(lab.block("Shop", shop(lab, 0, 9, City="new"), shop(lab, 3, 4, City="old")), gone=gone, full=False)
    assert names(lab) == ["S000", "S002", "S003", "S004"]
    assert [r.values["City"] for r in lab.device.find("Shop")] == ["new", None, None, None]
    assert lab.script.asked[-1][1].endswith("?checkpoint=checkpoint&feed=cursor")


@pytest.mark.parametrize("cut_at", range(4))
def test_a_cut_stream_changes_nothing(lab: Lab, cut_at: int) -> None:
    lab.download(lab.block("Shop", shop(lab, 1)))
    whole = lab.lines(lab.block("Shop", shop(lab, 2)), lab.block("Shop", shop(lab, 3)))
    lab.script.then("download", whole[:cut_at] if cut_at else [b'{"line":"hea'])
    with pytest.raises(Refused) as caught:
        lab.device.sync()
    assert caught.value.problem.code is Code.OFFLINE
    assert names(lab) == ["S001"]
    assert [r.successful for r in lab.device.syncs()] == [False, True]


def test_pending_and_failed_records_survive_a_full_download(lab: Lab) -> None:
    lab.download(lab.block("Shop", shop(lab, 1, City="a"), shop(lab, 2, City="a")))
    with lab.device.edit() as edit:
        mine = edit.create("Shop", {"Name": "mine"})
        edit.update("Shop", lab.server_id("Shop", 1), {"City": "edited"})
        edit.update("Shop", lab.server_id("Shop", 2), {"City": "edited"})
    lab.script.then("upload", lab.outcome(rejected()))
    lab.download(lab.block("Shop", shop(lab, 2, 9, City="theirs")))
    cities = {r.id: r.values["City"] for r in lab.device.find("Shop")}
    assert cities == {mine: None, lab.server_id("Shop", 1): "edited", lab.server_id("Shop", 2): "edited"}
    for entry in lab.device.errors():
        lab.device.undo(entry.n)
    cities = {r.id: r.values["City"] for r in lab.device.find("Shop")}
    assert cities == {lab.server_id("Shop", 2): "theirs"}


def test_families_of_three_storeys_are_replaced_and_removed_whole(lab: Lab) -> None:
    ids = {n: lab.server_id(n, 1) for n in ("Shop", "Visit", "Visit_Line", "Line_Part")}
    rows = (
        lab.block("Shop", shop(lab, 1)),
        lab.block("Visit", {"Id": ids["Visit"], "_stamp": 5, "ShopId": ids["Shop"]}),
        lab.block("Visit_Line", {"Id": ids["Visit_Line"], "_stamp": 5, "VisitId": ids["Visit"]}),
        lab.block("Line_Part", {"Id": ids["Line_Part"], "_stamp": 5, "LineId": ids["Visit_Line"]}),
    )
    lab.download(*rows)
    assert lab.device.count("Line_Part") == 1
    lab.download(
        lab.block("Line_Part", {"Id": ids["Line_Part"], "_stamp": 9, "LineId": ids["Visit_Line"], "Size": "L"}),
        full=False,
    )
    assert lab.device.find("Line_Part")[0].values["Size"] == "L"
    with lab.device.view("Line_Part", ids["Line_Part"]) as view:
        lab.download(rows[0])
        assert [lab.device.count(n) for n in ids] == [1, 1, 1, 1]
        assert view.news
    assert [lab.device.count(n) for n in ids] == [1, 0, 0, 0]


def test_a_fork_of_the_server_starts_over_and_may_go_back(lab: Lab) -> None:
    lab.download(lab.block("Shop", shop(lab, 1, 500, City="lost future"), shop(lab, 2, 500)))
    fork = error(409, problem(Code.FORK, reason="restored"))
    lab.script.then("refresh", lab.refresh_lines(lab.block("Shop", shop(lab, 1, 20, City="restored"))))
    lab.script.then("download", fork, lab.lines())
    lab.device.sync()
    assert [r.values["City"] for r in lab.device.find("Shop")] == ["restored"]
    assert [path for _, path, _ in lab.script.asked[-3:]] == [
        "/sync/v1/download?checkpoint=checkpoint&feed=cursor",
        "/sync/v1/refresh",
        "/sync/v1/download?checkpoint=first%20checkpoint&digest=1&anew=1",
    ]


def test_a_lost_cursor_asks_for_an_incremental_and_gets_over_it(lab: Lab) -> None:
    lab.download(lab.block("Shop", shop(lab, 1)))
    assert lab.device.widget().state is WidgetState.OK
    lab.script.then("feed", error(409, problem(Code.INCREMENTAL_REQUIRED)))
    lab.device.wake()
    lab.device.step()
    assert lab.device.widget().sync_required
    lab.clock.advance(4 * 86_400)
    assert lab.device.widget().state is WidgetState.OVERDUE
    lab.download(full=False)
    assert lab.device.widget().state is WidgetState.OK


def test_a_changed_data_model_is_fetched_and_the_queue_is_not_touched(lab: Lab) -> None:
    lab.download(lab.block("Shop", shop(lab, 1)))
    with lab.device.edit() as edit:
        edit.create("Shop", {"Name": "mine"})
    from fieldsync.schema.catalog import encode

    lab.script.catalog = catalog(more=(Field(name="Zip", type=FieldType.TEXT),))
    lab.script.always["catalog"] = encode(lab.script.catalog)
    whole = lab.lines(lab.block("Shop", shop(lab, 1, Zip="1010")))
    lab.script.then("upload", lab.outcome(rejected()))
    lab.script.then("download", whole, whole)
    lab.device.sync()
    found = lab.device.get("Shop", lab.server_id("Shop", 1))
    assert found is not None
    assert found.values["Zip"] == "1010"
    assert len(lab.device.errors()) == 1
    lab.reopen()
    assert "Zip" in lab.device.catalog["Shop"].columns


def test_tokens_are_renewed_once_and_a_refused_renewal_signs_out(lab: Lab) -> None:
    from fieldsync.protocol.session import Tokens

    expired = error(401, problem(Code.AUTH))
    lab.download()
    lab.script.then("download", expired, lab.lines(lab.block("Shop", shop(lab, 1))))
    lab.script.then("session/renew", Tokens("access2", "refresh2", 3600))
    lab.device.sync()
    assert names(lab) == ["S001"]
    lab.script.then("download", expired)
    lab.script.then("session/renew", expired)
    with pytest.raises(Refused) as caught:
        lab.device.sync()
    assert caught.value.problem.code is Code.AUTH
    assert lab.device.widget().signed_out
    with lab.device.edit() as edit:
        edit.create("Shop", {"Name": "still works"})
    asked = len(lab.script.asked)
    for _ in range(3):
        lab.clock.advance(lab.device.step() or 0.0)
    assert {path for _, path, _ in lab.script.asked[asked:]} == {"/sync/v1/device/orders"}, "all else needs a session"
    lab.sign_in()
    lab.upload(lab.saved())
    assert not lab.device.widget().signed_out


def test_flight_mode_sends_nothing(lab: Lab) -> None:
    lab.device.go_offline()
    with lab.device.edit() as edit:
        edit.create("Shop", {"Name": "x"})
    assert lab.device.step() is None
    with pytest.raises(Refused) as caught:
        lab.device.sync()
    assert caught.value.problem.code is Code.OFFLINE
    assert lab.script.uploads == []
    lab.device.go_online()
    lab.upload(lab.saved())
    assert lab.device.queue() == []


def test_a_sync_that_never_ended_is_closed_as_failed(lab: Lab) -> None:
    class Killed(BaseException):
        pass

    def die(_: bytes) -> object:
        raise Killed

    with lab.device.edit() as edit:
        edit.create("Shop", {"Name": "x"})
    lab.script.then("upload", die)
    with pytest.raises(Killed):
        lab.device.sync()
    lab.reopen()
    (report,) = lab.device.syncs()
    assert (report.successful, report.ended_at is not None) == (False, True)
    lab.upload(lab.saved())
    assert lab.device.queue() == []


def test_unreachable_is_said_as_offline(lab: Lab) -> None:
    lab.script.then("refresh", Unreachable("down"))
    with pytest.raises(Refused) as caught:
        lab.device.sync()
    assert caught.value.problem.code is Code.OFFLINE
