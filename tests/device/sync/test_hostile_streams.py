"""Streams cut, damaged or made up: the device keeps what it had, says so, loses no edit, and recovers (T10)."""

from __future__ import annotations

import random
from typing import Any

import msgspec
import pytest
from tests.device.lab import Lab, rejected

from fieldsync.base.problems import Code, Refused
from fieldsync.protocol import download as lines
from fieldsync.protocol import refresh as refreshing
from fieldsync.protocol.rows import Gone, RowBlock

Stream = list[bytes]
DAMAGED_STREAMS = 60


def shop(lab: Lab, number: int, **values: Any) -> dict[str, object]:
    return {"Id": lab.server_id("Shop", number), "_stamp": 5, "Name": f"S{number}", **values}


def state(lab: Lab) -> list[tuple[object, ...]]:
    """Rows and refused edits, as a person sees them."""
    rows = [(r.id, r.values["Name"], r.values["City"]) for r in lab.device.find("Shop", limit=1000)]
    return [*rows, *((entry.n, entry.state) for entry in lab.device.errors())]


@pytest.fixture
def edited(lab: Lab) -> Lab:
    """A device with two rows, one of them with an edit that was refused and waits for the person."""
    lab.download(lab.block("Shop", shop(lab, 1), shop(lab, 2)))
    with lab.device.edit() as edit:
        edit.update("Shop", lab.server_id("Shop", 1), {"City": "mine"})
    lab.upload(lab.outcome(rejected()))
    assert len(state(lab)) == 3
    return lab


def bad_blocks(lab: Lab) -> dict[str, RowBlock]:
    """Blocks of rows that no server of ours sends."""
    good = lab.block("Shop", shop(lab, 3))
    [row] = msgspec.json.decode(good.rows)

    def told(*rows: object, columns: tuple[str, ...] = good.columns) -> RowBlock:
        return RowBlock("Shop", columns, msgspec.Raw(msgspec.json.encode(rows)))

    return {
        "no array": RowBlock("Shop", good.columns, msgspec.Raw(b"7")),
        "not rows": told("a", 3),
        "too short": told(row[:3]),
        "too long": told([*row, "more"]),
        "no id": told([row[0], None, *row[2:]]),
        "a number for an id": told([row[0], 17, *row[2:]]),
        "a short id": told([row[0], "a00", *row[2:]]),
        "no stamp": told([None, *row[1:]]),
        "a text for a stamp": told(["new", *row[1:]]),
        "a stamp beyond all": told([2**63, *row[1:]]),
        "a list for a value": told([*row[:-1], [1, 2]]),
        "an object for a value": told([*row[:-1], {"a": 1}]),
        "no id column": told([5, "x"], columns=("_stamp", "Name")),
        "no stamp column": told([row[1], "x"], columns=("Id", "Name")),
        "a column twice": told([*row, "y"], columns=(*good.columns, "Name")),
    }


def bad_downloads(lab: Lab) -> dict[str, Stream]:
    head, rows, end = lab.lines(lab.block("Shop", shop(lab, 3)))
    found = {name: [head, lines.encode_line(lines.Rows(block)), end] for name, block in bad_blocks(lab).items()}
    return found | {
        "nothing": [],
        "no head": [rows, end],
        "the end first": [end, head, rows],
        "two heads": [head, head, rows, end],
        "no end": [head, rows],
        "a line of another protocol": [head, b'{"line":"mark","token":"x"}\n', end],
        "no JSON": [head, b"\x00\xff\n", end],
        "nested without end": [head, b"[" * 100_000 + b"\n", end],
        "a removal of nothing": [head, lines.encode_line(lines.Removed((Gone("Shop", 5, 1),))), end],  # type: ignore[arg-type]
    }


def bad_refreshes(lab: Lab) -> dict[str, Stream]:
    begin, part, rows, mark, done = lab.refresh_lines(lab.block("Shop", shop(lab, 3)))
    found = {
        name: [begin, refreshing.encode_line(refreshing.Part("Shop", block.columns)), bytes(block.rows) + b"\n", mark]
        for name, block in bad_blocks(lab).items()
    }
    return {name: [*stream, done] for name, stream in found.items()} | {
        "nothing": [],
        "no beginning": [part, rows, mark, done],
        "rows without a part": [begin, rows, mark, done],
        "a mark without rows": [begin, part, mark, done],
        "rows without a mark": [begin, part, rows, done],
        "only a beginning": [begin],
        "nested without end": [begin, part, b"[" * 100_000 + b"\n", mark, done],
        "another line": [begin, b'{"line":"head"}\n', done],
    }


def refused(lab: Lab, kind: str) -> Code | None:
    """The code of a sync that fails; None when it does not."""
    try:
        lab.device.sync(kind)
    except Refused as failed:
        return failed.problem.code
    return None


def test_a_download_that_no_server_of_ours_sends_changes_nothing(edited: Lab) -> None:
    before = state(edited)
    for name, stream in bad_downloads(edited).items():
        edited.script.answers.pop("download", None)
        edited.script.then("download", stream)
        assert (refused(edited, "incremental"), state(edited)) == (Code.OFFLINE, before), name
    edited.script.then("download", edited.lines(edited.block("Shop", shop(edited, 3))))
    edited.device.sync()
    assert len(state(edited)) == len(before) + 1


def test_a_refresh_that_no_server_of_ours_sends_changes_nothing(edited: Lab) -> None:
    before = state(edited)
    for name, stream in bad_refreshes(edited).items():
        edited.script.answers.clear()
        edited.script.then("refresh", stream)
        assert (refused(edited, "full"), state(edited)) == (Code.OFFLINE, before), name
    edited.script.answers.clear()
    edited.download(edited.block("Shop", shop(edited, 1), shop(edited, 3)))
    names = [name for _, name, *_ in state(edited)[:2]]
    assert names == ["S1", "S3"]
    assert [e.n for e in edited.device.errors()] == [1]


def test_what_comes_behind_the_end_and_of_unknown_objects_does_not_count(edited: Lab) -> None:
    before = state(edited)
    head, rows, end = edited.lines(edited.block("Shop", shop(edited, 3)))
    foreign = lines.encode_line(lines.Rows(RowBlock("Nowhere", ("_stamp", "Id"), msgspec.Raw(b'[[1,"a"]]'))))
    gone = lines.encode_line(lines.Removed((Gone("Nowhere", edited.server_id("Shop", 1), 9),)))
    edited.script.then("download", [head, foreign, gone, end, rows, end])
    edited.device.sync()
    assert state(edited) == before


def test_a_stream_that_is_damaged_anywhere_is_refused_or_read_and_never_more(edited: Lab) -> None:
    """A changed letter inside a value cannot be seen here; the connection's own checks are there for that."""
    chance = random.Random(11)
    before = state(edited)
    whole = edited.lines(edited.block("Shop", shop(edited, 1, _stamp=9), shop(edited, 3)))
    for _ in range(DAMAGED_STREAMS):
        stream, at = list(whole), chance.randrange(len(whole))
        place = chance.randrange(len(stream[at]))
        cut = stream[at][:place] + (b"" if chance.random() < 0.3 else bytes([chance.randrange(256)]))
        stream[at] = cut + (stream[at][place + 1 :] if chance.random() < 0.6 else b"")
        edited.script.answers.clear()
        edited.script.then("download", stream)
        code = refused(edited, "incremental")
        assert code in (None, Code.OFFLINE), stream
        assert [e.n for e in edited.device.errors()] == [1]
        if code is not None:
            assert state(edited)[-1] == before[-1]
    edited.script.answers.clear()
    honest = (shop(edited, 1), shop(edited, 2))
    edited.download(edited.block("Shop", *(row | {"_stamp": 10} for row in honest)))
    assert state(edited) == before
