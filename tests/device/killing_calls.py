"""Run as a program: a device is killed, or its disk says no, at one system call after another (TESTING, layer 4).

As `killing.py`, but the place is a call of the operating system and not a named point: `strace` ends the child process
as it enters the call, or gives it EIO or ENOSPC instead of doing it. `python -m tests.device.killing_calls FOLDER
[POINTS]` spreads so many points over all there are; without a number each is taken, and the count is kept with the
other numbers of the proofs.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from tests.device.killing import look, opened, work
from tests.device.lab import Lab

from fieldsync.base.problems import Refused
from fieldsync.base.world import SystemClock
from fieldsync.device.sync import download as downloads
from fieldsync.sim.disk import StoreError
from fieldsync.sim.proof.numbers import NUMBERS, Calls, keep

WRITING = ("pwrite64", "ftruncate")
CALLS = (*WRITING, "fdatasync", "fsync", "unlink", "rename")
"""What the device's store asks of its disk. The ledger beside it, which is no part of the device, uses others."""
KILL, IO_ERROR, FULL = "signal=SIGKILL", "error=EIO", "error=ENOSPC"
ROUNDS = 5
RAISED, BROKEN = 3, 9


@dataclass(frozen=True)
class Point:
    """The k-th time of a call, and what happens to it."""

    call: str
    k: int
    fate: str

    @property
    def injected(self) -> tuple[str, ...]:
        return ("-e", f"trace={self.call}", "-e", f"inject={self.call}:{self.fate}:when={self.k}")


def main(folder: Path, most: int | None) -> None:
    """Every point, or so many of them."""
    clock = SystemClock()
    began = clock.steady()
    template = folder / "template"
    lab = Lab(template / "device")
    lab.download(lab.block("Shop", {"Id": lab.server_id("Shop", 1), "_stamp": 5, "Name": "One", "City": "a"}))
    lab.device.close()
    every = _every_point(folder, template)
    chosen = every if most is None else every[:: max(1, len(every) // most)]
    found: dict[str, list[str]] = {}
    struck: Counter[str] = Counter()
    for point in chosen:
        ended, wrong = _struck(folder / "here", template, ("-qq", "-o", os.devnull, *point.injected))
        struck[point.fate] += 1
        expected = -signal.SIGKILL if point.fate == KILL else None
        if ended == BROKEN or (expected is not None and ended != expected):
            wrong.append(f"the child ended with {ended}")
        if wrong:
            found[f"{point.call} {point.k} {point.fate}"] = wrong
    if most is None:
        seconds = round(clock.steady() - began, 1)
        kept = Calls(struck[KILL], struck[IO_ERROR], struck[FULL], len(found), seconds)
        keep(Path(NUMBERS), calls=kept)
    sys.stdout.write(json.dumps({"points": len(chosen), "of": len(every), "wrong": found}) + "\n")


def _every_point(folder: Path, template: Path) -> list[Point]:
    """One run that nothing happens to says how often each call is made."""
    told = folder / "calls.txt"
    ended, wrong = _struck(folder / "here", template, ("-qq", "-o", str(told), "-e", f"trace={','.join(CALLS)}"))
    assert (ended, wrong) == (0, []), (ended, wrong)
    times = Counter(line.split("(")[0].split()[-1] for line in told.read_text().splitlines() if "(" in line)
    points = [
        Point(call, k, fate) for call in CALLS for k in range(1, times[call] + 1) for fate in (KILL, IO_ERROR, FULL)
    ]
    return [point for point in points if point.fate != FULL or point.call in WRITING]


def _struck(place: Path, template: Path, options: tuple[str, ...]) -> tuple[int, list[str]]:
    """A child at work on a copy of the prepared device, under strace; how it ended, and what is wrong afterwards."""
    shutil.copytree(template, place)
    waiting, go = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(go)
        _child(place, waiting)
    os.close(waiting)
    with subprocess.Popen(["strace", "-f", *options, "-p", str(pid)], stderr=subprocess.PIPE) as tracer:
        while "TracerPid:\t0\n" in Path(f"/proc/{pid}/status").read_text() and tracer.poll() is None:
            pass
        os.close(go)
        _, status = os.waitpid(pid, 0)
    wrong = look(place)
    shutil.rmtree(place)
    return os.waitstatus_to_exitcode(status), wrong


def _child(place: Path, waiting: int) -> None:
    """Waits until it is traced. What it is told of its disk ends it, as an app ends that cannot go on."""
    ended = BROKEN
    try:
        downloads.FEW_BYTES = -1
        os.read(waiting, 1)
        try:
            work(*opened(place, lose_every=2), rounds=ROUNDS)
            ended = 0
        except (OSError, StoreError, Refused):
            ended = RAISED
    finally:
        os._exit(ended)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else None)
