"""The matrix: every kind of trouble by how many devices there are and how much they save, one cell after another."""

from __future__ import annotations

import socket
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

from fieldsync.sim.ground import Databases
from fieldsync.sim.reality.cell import Cell, Outcome, run_cell
from fieldsync.sim.reality.nemesis import Kind
from fieldsync.sim.reality.processes import Database

DEVICES, RATES = (5, 10), (10, 40)


def cells(kinds: Sequence[Kind], *, seconds: float, seed: int) -> list[Cell]:
    """What there is to run."""
    return [Cell(kind, devices, rate, seconds, seed) for kind in kinds for devices in DEVICES for rate in RATES]


def run_all(chosen: Sequence[Cell]) -> Iterator[Outcome]:
    """One cell after another on one PostgreSQL, each in a database of its own."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="fieldsync-reality-")))
        folder.chmod(0o755)
        database = Database(folder / "pg", _free_port())
        stack.callback(database.stop)
        databases = Databases(database.uri)
        for number, cell in enumerate(chosen):
            yield run_cell(folder / f"cell{number}", cell, (_free_port(), database, databases))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
