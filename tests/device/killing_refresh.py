"""Run as a program: a device is killed at one named point of a database refresh after another (TESTING I25).

As `killing.py`: a child process for each point, which dies by SIGKILL; then the parent opens the store, looks whether
it has the old or the new database, whole, with everything the person had, and lets it finish.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from tests.device.killing import Ledger, prepared_world
from tests.device.lab import KEY, Lab, rejected

from fieldsync.base import faults
from fieldsync.device import Device
from fieldsync.device.sync import refresh as refreshing
from fieldsync.protocol.refresh import Begin, encode_line

SHOPS, PER_BLOCK = 24, 4
DRAFT = {"text": "half written"}


class Stream(list[bytes]):
    """Lines of a refresh, during which the person saves twice."""

    def __init__(self, lab: Lab, ledger: Ledger, lines: list[bytes]) -> None:
        super().__init__(lines)
        self._lab, self._ledger = lab, ledger

    def __iter__(self) -> Iterator[bytes]:
        for number, line in enumerate(super().__iter__()):
            yield line
            if number in (4, 9):
                with self._lab.device.edit() as edit:
                    visit = edit.create("Visit", {"ShopId": self._lab.server_id("Shop", 3), "Notes": str(number)})
                    edit.create("Visit_Line", {"VisitId": visit})
                for n in edit.queue_numbers:
                    self._ledger.promise(n)


def blocks(lab: Lab, city: str, stamp: int) -> list[object]:
    """The server's shops, all of one city."""
    rows = [{"Id": lab.server_id("Shop", n), "_stamp": stamp, "Name": f"S{n}", "City": city} for n in range(SHOPS)]
    return [lab.block("Shop", *rows[start : start + PER_BLOCK]) for start in range(0, SHOPS, PER_BLOCK)]


def refresh_from(lab: Lab, ledger: Ledger | None) -> list[bytes]:
    """What the server streams: everything, or what is behind the mark that was asked for."""
    lines = lab.refresh_lines(*blocks(lab, "new", 9))  # type: ignore[arg-type]
    token = parse_qs(urlsplit(lab.script.asked[-1][1]).query).get("resume", [None])[0]
    if token is not None:
        behind = next(i for i, line in enumerate(lines) if f'"{token}"'.encode() in line) + 1
        begin = Begin(lab.script.catalog.version, "first checkpoint", SHOPS, resumed=True)
        lines = [encode_line(begin), *lines[behind:]]
    return lines if ledger is None else Stream(lab, ledger, lines)


def prepare(folder: Path) -> None:
    """Old rows; two errors, one held behind them; a draft; something taken back; an open page."""
    lab = Lab(folder / "device")
    lab.download(*blocks(lab, "old", 5))  # type: ignore[arg-type]
    with lab.device.edit() as edit:
        edit.update("Shop", lab.server_id("Shop", 0), {"City": "mine"})
        edit.create("Visit", {"ShopId": lab.server_id("Shop", 1), "Notes": "refused"})
        taken_back = edit.create("Shop", {"Name": "taken back"})
    lab.upload(lab.outcome(rejected()))
    with lab.device.edit() as edit:
        edit.update("Shop", lab.server_id("Shop", 0), {"Name": "also mine"})
    lab.device.undo(next(e.n for e in lab.device.errors() if e.record_id == taken_back))
    lab.device.drafts.put("form", DRAFT)
    lab.device.view("Shop", lab.server_id("Shop", 2))
    lab.device.close()


def opened(folder: Path) -> tuple[Lab, Ledger]:
    """The device of this folder, and what it promised."""
    lab, ledger = prepared_world(folder), Ledger(folder)
    lab.clock.advance(-50)
    lab.device = Device.open(folder / "device", KEY, world=lab.world, transport=lab.script)
    lab.script.always["upload"] = lab.saved()
    lab.script.always["download"] = lambda _: lab.lines()
    return lab, ledger


def child(folder: Path, k: int) -> None:
    """Refresh until the k-th point, and die there."""
    lab, ledger = opened(folder)
    lab.script.always["refresh"] = lambda _: refresh_from(lab, ledger)
    left = count(1)

    def plan(_: str) -> None:
        if next(left) == k:
            os.kill(os.getpid(), signal.SIGKILL)

    faults.install(plan)
    refreshing.KEEP_BYTES = 1_000
    lab.device.sync("full")
    os._exit(0)


def look(folder: Path) -> list[str]:
    """Open again, look, finish, look again."""
    lab, ledger = opened(folder)
    lab.script.always["refresh"] = lambda _: refresh_from(lab, None)
    wrong = kept(lab, ledger) + whole(lab)
    lab.device.sync("full")
    wrong += [f"after the next refresh: {found}" for found in whole(lab) + held(lab)]
    for entry in sorted(lab.device.errors(), key=lambda e: e.n):
        if any(e.n == entry.n for e in lab.device.errors()):
            lab.device.undo(entry.n)
    if {r.values["City"] for r in lab.device.find("Shop", limit=1_000) if r.id != lab.server_id("Shop", 2)} != {"new"}:
        wrong.append("what the server has does not show after undo")
    lab.device.step()
    if {p.name for p in lab.folder.glob("*.db")} != {(lab.folder / "store.current").read_text()}:
        wrong.append(f"files are left: {sorted(p.name for p in lab.folder.iterdir())}")
    lab.device.close()
    return wrong


def kept(lab: Lab, ledger: Ledger) -> list[str]:
    """What the person had before the kill is there after it."""
    waiting = {e.n for e in lab.device.queue()}
    wrong = [f"L1: save {n} is nowhere" for n in sorted(ledger.promises - waiting)]
    if lab.device.count("Visit") - 1 - len(ledger.promises) not in (0, 1):  # one may have been saved and not promised
        wrong.append("a visit that was saved is not shown")
    return wrong + held(lab)


def held(lab: Lab) -> list[str]:
    """Errors, draft and what was taken back."""
    wrong = []
    if [e.object for e in lab.device.errors()] != ["Shop", "Visit", "Shop"]:
        wrong.append(f"errors: {lab.device.errors()}")
    if lab.device.drafts.get("form") != DRAFT or len(lab.device.undone()) != 1:
        wrong.append("a draft or a copy of what was taken back is gone")
    mine = lab.device.get("Shop", lab.server_id("Shop", 0))
    if mine is None or (mine.values["City"], mine.values["Name"]) != ("mine", "also mine"):
        wrong.append("a failed edit does not show any more")
    return wrong


def whole(lab: Lab) -> list[str]:
    """The old database or the new one, nothing between, and the open record as it was."""
    busy = (lab.server_id("Shop", 0), lab.server_id("Shop", 2))
    free = [r for r in lab.device.find("Shop", limit=1_000) if r.id not in busy]
    wrong = []
    if len(free) != SHOPS - 2 or len({r.values["City"] for r in free}) != 1:
        wrong.append(f"neither old nor new: {[r.values['City'] for r in free]}")
    opened_record = lab.device.get("Shop", lab.server_id("Shop", 2))
    if opened_record is None or opened_record.values["City"] != "old":
        wrong.append("L8: the open record changed")
    with lab.device._store.read() as work:
        if work.rows("PRAGMA integrity_check") != [("ok",)]:
            wrong.append("the file is damaged")
    return wrong


def main(folder: Path) -> None:
    """Every point until the refresh is done without dying."""
    template = folder / "template"
    prepare(template)
    found: dict[str, list[str]] = {}
    resumed = 0
    for k in count(1):
        place = folder / f"k{k}"
        shutil.copytree(template, place)
        pid = os.fork()
        if pid == 0:
            try:
                child(place, k)
            finally:
                os._exit(9)
        _, status = os.waitpid(pid, 0)
        resumed += (place / "device" / "fresh.db").exists()
        wrong = look(place)
        if wrong:
            found[str(k)] = wrong
        shutil.rmtree(place)
        if not os.WIFSIGNALED(status):
            if os.WEXITSTATUS(status) != 0:
                found[str(k)] = [f"the child failed: {os.WEXITSTATUS(status)}"]
            break
    sys.stdout.write(json.dumps({"points": k - 1, "wrong": found, "resumed": resumed}) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
