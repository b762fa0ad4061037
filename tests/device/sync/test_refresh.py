"""Database refresh: whole or not at all, continued where it was cut, and nothing the person has here is lost (E09, E10,
E23, E25, E32, D07)."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from tests.device.lab import Answer, Lab, catalog, rejected

from fieldsync.base.problems import Code, Refused
from fieldsync.device import Unreachable
from fieldsync.device.store.fresh import current_file
from fieldsync.protocol.refresh import Begin, Done, Mark, Part, encode_line
from fieldsync.protocol.rows import Gone
from fieldsync.protocol.tracking import Tracked
from fieldsync.protocol.upload import Accepted
from fieldsync.schema.catalog import encode
from fieldsync.schema.model import Field, FieldType


def shop(lab: Lab, number: int, stamp: int = 5, **values: Any) -> dict[str, Any]:
    return {"Id": lab.server_id("Shop", number), "_stamp": stamp, "Name": f"S{number:03}", **values}


def cities(lab: Lab) -> list[object]:
    return [r.values["City"] for r in lab.device.find("Shop", limit=1_000)]


class Meanwhile(list[Any]):
    """Lines of a stream; at one of them something happens, and it goes on."""

    def __init__(self, lines: list[bytes], at: int, act: Any) -> None:
        super().__init__(lines)
        self._at, self._act = at, act

    def __iter__(self) -> Iterator[bytes]:
        for number, line in enumerate(super().__iter__()):
            if number == self._at:
                self._act()
            yield line


def test_two_errors_and_three_pending_are_all_there_afterwards_and_can_be_resolved(lab: Lab) -> None:
    lab.download(lab.block("Shop", *(shop(lab, n, City="old") for n in range(6))))
    with lab.device.edit() as edit:
        edit.update("Shop", lab.server_id("Shop", 0), {"City": "mine"})
        edit.update("Shop", lab.server_id("Shop", 1), {"City": "mine"})
    lab.upload(lab.outcome(rejected()))
    with lab.device.edit() as edit:
        edit.update("Shop", lab.server_id("Shop", 2), {"City": "mine"})
    lab.upload(lab.outcome(Accepted(1, 1)))

    def save() -> None:
        with lab.device.edit() as edit:
            edit.update("Shop", lab.server_id("Shop", 3), {"City": "mine"})
            edit.delete("Shop", lab.server_id("Shop", 4))

    lines = lab.refresh_lines(lab.block("Shop", *(shop(lab, n, 9, City="new") for n in range(6))))
    lab.script.then("refresh", Meanwhile(lines, 3, save))
    lab.script.then("download", lab.lines())
    lab.device.sync("full")
    assert (len(lab.device.errors()), len(lab.device.queue())) == (2, 3)
    assert cities(lab) == ["mine", "mine", "mine", "mine", "new"]
    for entry in lab.device.errors():
        lab.device.undo(entry.n)
    assert cities(lab) == ["new", "new", "mine", "mine", "new"]
    lab.reopen()
    lab.upload(lab.saved(_stamp=20))
    assert lab.device.errors() == []


def test_what_people_do_meanwhile_goes_along(lab: Lab) -> None:
    lab.download(lab.block("Shop", shop(lab, 1, City="old"), shop(lab, 2, City="old")))

    def work() -> None:
        assert cities(lab) == ["old", "old"]
        lab.device.drafts.put("form", {"a": 1})
        lab.device.view("Shop", lab.server_id("Shop", 1))
        with lab.device.edit() as edit:
            edit.create("Visit", {"ShopId": lab.server_id("Shop", 2)})

    lines = lab.refresh_lines(
        lab.block("Shop", shop(lab, 1, 9, City="new")), lab.block("Shop", shop(lab, 2, 9, City="new"))
    )
    lab.script.then("refresh", Meanwhile(lines, 4, work))
    lab.script.then("download", lab.lines())
    lab.device.sync("full")
    assert cities(lab) == ["old", "new"]
    assert lab.device.drafts.get("form") == {"a": 1}
    assert [entry.object for entry in lab.device.queue()] == ["Visit"]
    made = lab.device.find("Visit")[0].id
    with lab.device.edit() as edit:
        assert edit.create("Visit", {"ShopId": lab.server_id("Shop", 2)}) > made, "the counter goes on"
    assert [entry.n for entry in lab.device.queue()] == [1, 2]
    assert len(lab.device.syncs()) == 2


@pytest.mark.parametrize("cut_at", range(1, 10))
def test_a_cut_stream_shows_nothing_and_is_continued(lab: Lab, cut_at: int) -> None:
    lab.download(lab.block("Shop", shop(lab, 1, City="old")))
    blocks = [lab.block("Shop", shop(lab, n, 9, City="new")) for n in (1, 2, 3)]
    lab.script.then("refresh", lab.refresh_lines(*blocks)[:cut_at], Unreachable("down"))
    with pytest.raises(Refused) as caught:
        lab.device.sync("full")
    lab.script.answers["refresh"].clear()
    assert caught.value.problem.code is Code.OFFLINE
    assert cities(lab) == ["old"]
    lab.reopen()
    marks = (cut_at - 1) // 3
    lab.script.then("refresh", lambda _: rest(lab, lab.refresh_lines(*blocks), marks))
    lab.script.then("download", lab.lines())
    lab.device.sync("full")
    asked = [path for _, path, _ in lab.script.asked if "refresh" in path]
    assert asked[-1] == "/sync/v1/refresh" + (f"?resume=mark%20{marks}" if marks else "")
    assert cities(lab) == ["new"] * 3


def rest(lab: Lab, lines: list[bytes], marks: int) -> list[bytes]:
    """What a server sends that knows the mark it is asked for."""
    begin = encode_line(Begin(lab.script.catalog.version, "first checkpoint", 3, resumed=marks > 0))
    return [begin, *lines[1 + 3 * marks :]]


def test_a_server_that_cannot_go_on_begins_anew(lab: Lab) -> None:
    lab.download(lab.block("Shop", shop(lab, 1, City="old")))
    stale = lab.refresh_lines(lab.block("Shop", shop(lab, 7, 9, City="stale")))
    lab.script.then("refresh", stale[:-1], Unreachable("down"))
    with pytest.raises(Refused):
        lab.device.sync("full")
    lab.download(lab.block("Shop", shop(lab, 1, 9, City="new")))
    assert cities(lab) == ["new"]


def test_streams_that_end_behind_a_mark_are_asked_on(lab: Lab) -> None:
    blocks = [lab.block("Shop", shop(lab, n, 9, City="new")) for n in (1, 2, 3)]
    lines = lab.refresh_lines(*blocks)
    lab.script.then("refresh", lines[:4], [*rest(lab, lines, 1)[:4]], rest(lab, lines, 2))
    lab.script.then("download", lab.lines())
    lab.device.sync()
    assert cities(lab) == ["new"] * 3
    assert [r.rows_received for r in lab.device.syncs()] == [3]


def test_the_catch_up_is_part_of_what_is_shown(lab: Lab) -> None:
    lab.script.then("refresh", lab.refresh_lines(lab.block("Shop", *(shop(lab, n, City="then") for n in range(3)))))
    gone = (Gone("Shop", lab.server_id("Shop", 2), 9),)
    lab.script.then("download", lab.lines(lab.block("Shop", shop(lab, 1, 9, City="now")), gone=gone))
    lab.device.sync("full")
    assert cities(lab) == ["then", "now"]


def test_a_failure_at_99_percent_leaves_the_old_database(lab: Lab) -> None:
    lab.download(lab.block("Shop", shop(lab, 1, City="old")))
    before = current_file(lab.folder)
    lab.script.then("refresh", lab.refresh_lines(lab.block("Shop", shop(lab, 1, 9, City="new"))))
    lab.script.then("download", lab.lines()[:-1])
    with pytest.raises(Refused):
        lab.device.sync("full")
    assert (cities(lab), current_file(lab.folder)) == (["old"], before)
    lab.script.then("download", lab.lines())
    lab.device.sync("full")
    assert cities(lab) == ["new"]
    lab.device.step()
    assert not before.exists(), "the first step behind a refresh gives back the room of the old file"
    assert [path for _, path, _ in lab.script.asked].count("/sync/v1/refresh") == 2, "the rows were not asked for again"


@pytest.mark.parametrize(
    "lines",
    [
        [b"<html>"],
        [encode_line(Done())],
        [b'[["x"]]\n', encode_line(Mark("m"))],
        [encode_line(Part("Shop", ("_stamp", "Id"))), encode_line(Mark("m"))],
        [encode_line(Part("Shop", ("_stamp", "Id"))), b"[[1,", encode_line(Mark("m"))],
        [encode_line(Part("Shop", ("_stamp", "Id"))), b"[[1]]", encode_line(Mark("m"))],
        [encode_line(Part("Nothing", ("_stamp", "Id")))],
        [encode_line(Part("Shop", ("_stamp", "Id", "Nothing")))],
    ],
)
def test_a_stream_that_makes_no_sense_changes_nothing(lab: Lab, lines: list[bytes]) -> None:
    lab.download(lab.block("Shop", shop(lab, 1, City="old")))
    begin = encode_line(Begin(lab.script.catalog.version, "first checkpoint", 1, resumed=False))
    lab.script.always["refresh"] = [begin, *lines] if lines[0] != b"<html>" else lines
    with pytest.raises(Refused) as caught:
        lab.device.sync("full")
    assert caught.value.problem.code in (Code.OFFLINE, Code.BUSY)
    assert cities(lab) == ["old"]


def test_columns_that_are_not_open_to_the_person_are_null(lab: Lab) -> None:
    part = Part("Shop", ("_stamp", "Id", "Score"))
    rows = b'[[9,"%s",12.50]]\n' % lab.server_id("Shop", 1).encode()
    begin = Begin(lab.script.catalog.version, "first checkpoint", 1, resumed=False)
    lines = [encode_line(begin), encode_line(part), rows, encode_line(Mark("m")), encode_line(Done())]
    lab.script.then("refresh", lines)
    lab.script.then("download", lab.lines())
    lab.device.sync()
    record = lab.device.get("Shop", lab.server_id("Shop", 1))
    assert record is not None
    assert (record.values["Score"], record.values["Name"], record.values["City"]) == (Decimal("12.50"), None, None)


def test_rows_are_held_as_an_incremental_holds_them(lab: Lab) -> None:
    """Byte for byte, with the type SQLite gives each: so that neither way of arriving can be told from the other."""
    values: list[dict[str, Answer]] = [
        {"Score": Decimal("0.10"), "Big": Decimal("1234567890123456.78"), "Visits": 7, "Active": True, "City": "é\n"},
        {"Score": Decimal("-5.00"), "Big": Decimal("0.01"), "Visits": -1, "Active": False, "City": " x\\"},
        {"Score": None, "Big": Decimal("9999999999999999.99"), "Visits": 0, "Active": None, "City": None},
        {"Score": Decimal(12), "Big": 3, "Visits": 10**5, "Active": True, "City": "1"},
    ]
    rows = [shop(lab, n, **row) for n, row in enumerate(values)]
    lab.download(lab.block("Shop", *rows))
    refreshed = held(lab)
    lab.download(gone=tuple(Gone("Shop", row["Id"], 9) for row in rows), full=False)
    assert held(lab) == []
    lab.download(lab.block("Shop", *rows), full=False)
    assert held(lab) == refreshed


def held(lab: Lab) -> list[tuple[Any, ...]]:
    with lab.device._store.read() as work:
        types = ", ".join(f"typeof({c}), quote({c})" for c in ("Score", "Big", "Visits", "Active", "City", "_stamp"))
        return work.rows(f"SELECT Id, {types} FROM Shop ORDER BY Id")


def test_readers_of_the_old_file_finish_there_and_the_next_see_the_new(lab: Lab) -> None:
    lab.download(lab.block("Shop", shop(lab, 1, City="old")))
    with lab.device._store.read() as reading:
        lab.download(lab.block("Shop", shop(lab, 1, 9, City="new")))
        assert reading.value("SELECT City FROM Shop") == "old"
        assert cities(lab) == ["new"]
    assert cities(lab) == ["new"]


def test_a_folder_whose_pointer_is_lost_is_not_taken_for_an_empty_one(lab: Lab) -> None:
    lab.download(lab.block("Shop", shop(lab, 1)))
    lab.device.close()
    pointer = lab.folder / "store.current"
    named = pointer.read_text()
    for text in (None, "store-99.db", "../elsewhere.db"):
        pointer.unlink() if text is None else pointer.write_text(text)
        with pytest.raises(Refused) as caught:
            lab.reopen()
        assert caught.value.problem.code is Code.STORE_DAMAGED
        assert (lab.folder / named).exists()
    pointer.write_text(named)
    lab.reopen()
    assert len(cities(lab)) == 1


def test_its_steps_come_in_their_order(lab: Lab) -> None:
    """What is saved here goes up before anything comes; a newer data model before the rows that need it; what changed
    while they came behind them; the record of it last (FEATURES E09)."""
    lab.download(lab.block("Shop", shop(lab, 1)))
    with lab.device.edit() as edit:
        edit.update("Shop", lab.server_id("Shop", 1), {"City": "mine"})
    lab.script.catalog = newer = catalog(more=(Field(name="Zip", type=FieldType.TEXT),))
    lab.script.always["catalog"] = encode(newer)
    lab.script.then("upload", lab.saved())
    lab.script.then("refresh", *2 * [lab.refresh_lines(lab.block("Shop", shop(lab, 1, 9)))])
    lab.script.then("download", lab.lines())
    lab.script.always["tracking"] = Tracked(9)
    lab.script.asked.clear()
    assert lab.device.sync("full").successful
    while not lab.script.tracked:
        lab.device.step()
    asked = [path.partition("?")[0].removeprefix("/sync/v1/") for _, path, _ in lab.script.asked]
    assert asked == ["upload", "refresh", "catalog", "refresh", "download", "feed"]
