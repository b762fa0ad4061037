"""The numbers of the provers, in one file: each run replaces its own part and leaves the others."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from fieldsync.sim.crash.states import Survived
from fieldsync.sim.interleave.pairs import PAIRS
from fieldsync.sim.interleave.play import Played
from fieldsync.sim.planted.catch import BUGS, Caught
from fieldsync.sim.proof.long_run import Total
from fieldsync.sim.reality.cell import Outcome
from fieldsync.sim.reality.nemesis import Kind

NUMBERS = "docs/explanation/proof.json"
"""Where they are kept, beside the page that is made of them."""


class Control(msgspec.Struct, frozen=True):
    """A prover against something that is wrong on purpose, and what it found."""

    name: str
    found: str


class Kills(msgspec.Struct, frozen=True):
    """Processes killed with signal 9 in cells of the matrix where every law held, and what broke in the others."""

    servers: int = 0
    databases: int = 0
    devices: int = 0
    cells: int = 0
    saves: int = 0
    broken: tuple[str, ...] = ()


class Steps(msgspec.Struct, frozen=True):
    """What became of the state machine of a device: runs, and steps of them all, each followed by its checks."""

    runs: int
    steps: int
    seconds: float


class Calls(msgspec.Struct, frozen=True):
    """System calls of a device's store at which it was killed or got an error; after how many something was wrong."""

    killed: int = 0
    io_errors: int = 0
    disk_full: int = 0
    wrong: int = 0
    seconds: float = 0.0


class Numbers(msgspec.Struct, frozen=True):
    """What was run last, part by part."""

    days: Total | None = None
    """Of the code that ran last."""
    earlier: tuple[Total, ...] = ()
    """Of code before it."""
    orders: tuple[Played, ...] = ()
    order_controls: tuple[Control, ...] = ()
    crashes: tuple[Survived, ...] = ()
    crash_controls: tuple[Survived, ...] = ()
    planted: tuple[Caught, ...] = ()
    kills: Kills = Kills()
    machine: Steps = Steps(0, 0, 0.0)
    calls: Calls = Calls()


def read(path: Path) -> Numbers:
    """What the file has; nothing where there is none."""
    return msgspec.json.decode(path.read_bytes(), type=Numbers) if path.exists() else Numbers()


def keep(path: Path, **parts: Any) -> Numbers:
    """Replace some parts."""
    numbers = msgspec.structs.replace(read(path), **parts)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(numbers), indent=1) + b"\n")
    return numbers


def keep_days(path: Path, total: Total) -> Numbers:
    """Put a total in the place of what it goes on from; what is of other code goes beside it."""
    known = read(path)
    others = [one for one in (*known.earlier, known.days) if one is not None and _of(one) != _of(total)]
    return keep(path, days=total, earlier=tuple(others))


def _of(total: Total) -> tuple[str, int, int]:
    return total.code, total.steps_each, total.devices


def keep_played(path: Path, played: Played) -> Numbers:
    """Put what became of a pair in the place of what was known of it."""
    known = {one.name: one for one in read(path).orders} | {played.name: played}
    return keep(path, orders=tuple(known[pair.name] for pair in PAIRS if pair.name in known))


def keep_kills(path: Path, outcomes: Iterable[Outcome]) -> Numbers:
    """Put these cells of the matrix in the place of what was known."""
    kills = Kills()
    for one in outcomes:
        if one.violations:
            broken = f"{one.cell.kind}, {one.cell.devices} devices, seed {one.cell.seed}: {one.violations[0]}"
            kills = msgspec.structs.replace(kills, cells=kills.cells + 1, broken=(*kills.broken, broken))
            continue
        servers, databases = (one.struck.get(kind.value, 0) for kind in (Kind.KILL_SERVER, Kind.KILL_DATABASE))
        kills = Kills(
            servers=kills.servers + servers,
            databases=kills.databases + databases,
            devices=kills.devices + one.kills - servers - databases,
            cells=kills.cells + 1,
            saves=kills.saves + one.saves,
            broken=kills.broken,
        )
    return keep(path, kills=kills)


def keep_caught(path: Path, *caught: Caught) -> Numbers:
    """Put what became of some planted bugs in the place of what was known of them."""
    known = {one.name: one for one in read(path).planted} | {one.name: one for one in caught}
    return keep(path, planted=tuple(known[name] for name in BUGS if name in known))
