"""The file at rest: nothing readable, nothing changed unnoticed, one key, one process."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from tests.device.lab import KEY, Lab

from fieldsync.base.problems import Code, Refused
from fieldsync.device import Device
from fieldsync.device.store.fresh import current_file
from fieldsync.device.store.store import Store

PLANTED = "Planted-Sentence-That-Must-Not-Be-Seen"


def refused(lab: Lab, key: bytes = KEY) -> Code:
    with pytest.raises(Refused) as caught:
        Device.open(lab.folder, key, world=lab.world, transport=lab.script)
    return caught.value.problem.code


def test_no_file_holds_planted_text(lab: Lab) -> None:
    rows = [{"Id": lab.server_id("Shop", n), "_stamp": 5, "Name": f"{PLANTED} {n}"} for n in range(3000)]
    lab.script.then("refresh", [*lab.refresh_lines(lab.block("Shop", *rows))[:-1], b"{cut"])
    with pytest.raises(Refused):
        lab.device.sync()
    lab.download()
    lab.script.then("refresh", [*lab.refresh_lines(lab.block("Shop", *rows))[:-1], b"{cut"])
    with pytest.raises(Refused):
        lab.device.sync("full")
    lab.script.then("download", [*lab.lines(lab.block("Shop", *rows))[:-1], b"{cut"])
    with pytest.raises(Refused):
        lab.device.sync()
    left = {p.name for p in lab.folder.iterdir()}
    assert {"staging.db", "fresh.db"} <= left, "the cut streams left their files, and those are what is looked at"
    lab.device.drafts.put("x", {"text": PLANTED})
    with lab.device.edit() as edit:
        edit.create("Shop", {"Name": PLANTED})
    for path in lab.folder.iterdir():
        assert PLANTED.encode() not in path.read_bytes(), path.name
    lab.device.close()
    for path in lab.folder.iterdir():
        assert PLANTED.encode() not in path.read_bytes(), path.name
    headers = {path.read_bytes()[:16] for path in lab.folder.glob("*.db")}
    assert b"SQLite format 3\x00" not in headers


def test_a_wrong_key_opens_nothing(lab: Lab) -> None:
    lab.device.close()
    assert refused(lab, bytes(32)) is Code.WRONG_KEY
    lab.device = Device.open(lab.folder, KEY, world=lab.world, transport=lab.script)


def test_a_flipped_bit_is_noticed(lab: Lab) -> None:
    rows = [{"Id": lab.server_id("Shop", n), "_stamp": 5, "Name": f"S{n}"} for n in range(500)]
    lab.download(lab.block("Shop", *rows))
    lab.device.close()
    path = current_file(lab.folder)
    whole = path.read_bytes()
    found = set()
    for page in range(len(whole) // 4096):
        broken = bytearray(whole)
        broken[page * 4096 + 2222] ^= 1
        path.write_bytes(broken)
        try:
            store = Store(lab.folder, KEY)
        except Refused as caught:
            found.add(caught.problem.code)
            continue
        try:
            with store.read() as work:
                problems = work.rows("PRAGMA integrity_check")
                assert problems != [("ok",)], f"page {page} was changed unnoticed"
        except Refused as caught:
            found.add(caught.problem.code)
        finally:
            store.close()
    assert found <= {Code.STORE_DAMAGED, Code.WRONG_KEY}
    assert Code.STORE_DAMAGED in found
    path.write_bytes(whole)
    lab.device = Device.open(lab.folder, KEY, world=lab.world, transport=lab.script)


def test_an_unencrypted_file_is_refused(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "store.db") as plain:
        plain.execute("CREATE TABLE t (x)")
    plain.close()
    with pytest.raises(Refused) as caught:
        Store(tmp_path, KEY)
    assert caught.value.problem.code is Code.STORE_DAMAGED


def test_a_second_opener_is_refused_and_told_who_has_it(lab: Lab) -> None:
    with pytest.raises(Refused) as caught:
        Store(lab.folder, KEY)
    assert caught.value.problem.code is Code.OPEN_ELSEWHERE
    assert str(os.getpid()) in caught.value.problem.message
    program = "\n".join(
        [
            "from pathlib import Path",
            "from fieldsync.device.store.store import Store",
            f"Store(Path({str(lab.folder)!r}), bytes(range(32)))",
        ]
    )
    other = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert "OPEN_ELSEWHERE" in other.stderr
    lab.device.close()
    lab.device = Device.open(lab.folder, KEY, world=lab.world, transport=lab.script)


def test_durable_settings_are_in_force(lab: Lab) -> None:
    with lab.device._store.write() as work:
        assert work.value("PRAGMA journal_mode") == "wal"
        assert work.value("PRAGMA synchronous") == 2
        assert work.value("PRAGMA secure_delete") == 1


def test_a_reader_never_waits_for_a_writer(lab: Lab) -> None:
    with lab.device._store.write() as work:
        work.run("INSERT INTO _draft VALUES ('k', 'v')")
        assert lab.device.drafts.get("k") is None
        assert lab.device.count("Shop") == 0
