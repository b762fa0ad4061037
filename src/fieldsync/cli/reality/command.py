"""`fieldsync sim matrix`: processes killed and paused over a network that breaks, checked against the laws."""

from __future__ import annotations

import faulthandler
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fieldsync.cli.place import JsonOption
from fieldsync.cli.report import Exit, say, show_json, show_table

if TYPE_CHECKING:
    from fieldsync.sim.reality.cell import Outcome
    from fieldsync.sim.reality.nemesis import Kind

HEADINGS = ("trouble", "devices", "saves/s", "saves", "kills", "in error", "drained, s", "result")


def matrix(
    kinds: Annotated[str, typer.Option("--kinds", help="Kinds of trouble, with commas; `any` for each.")] = "any",
    devices: Annotated[str, typer.Option("--devices", help="How many devices, with commas.")] = "5,10",
    rates: Annotated[str, typer.Option("--rates", help="Saves a second of all devices, with commas.")] = "10,40",
    seconds: Annotated[float, typer.Option("--seconds", min=1, help="How long each cell has trouble.")] = 10.0,
    seed: Annotated[int, typer.Option("--seed", help="What goes wrong is drawn from it.")] = 1,
    results: Annotated[Path | None, typer.Option("--results", help="Where each outcome is put, a line each.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Run every kind of trouble with so many devices and saves; ends by itself, and leaves no process behind."""
    faulthandler.enable()  # a process that is aborted says where
    from fieldsync.sim.reality.cell import Cell
    from fieldsync.sim.reality.matrix import run_all

    counts = [(int(d), int(r)) for d in devices.split(",") for r in rates.split(",")]
    cells = [Cell(kind, d, r, seconds, seed) for kind in _chosen(kinds) for d, r in counts]
    outcomes = []
    for outcome in run_all(cells):
        outcomes.append(outcome)
        _keep(outcome, results)
        if as_json:
            show_json(outcome)
        else:
            say(" ".join(map(str, _row(outcome))))
            for found in outcome.violations:
                say(f"VIOLATION {found}")
    if not as_json:
        show_table("Cells", HEADINGS, [_row(one) for one in outcomes])
    if any(outcome.violations for outcome in outcomes):
        raise SystemExit(Exit.REFUSED)


def _chosen(names: str) -> list[Kind]:
    from fieldsync.sim.reality.nemesis import Kind

    known = [str(kind) for kind in Kind]
    for name in names.split(",") if names != "any" else ():
        if name.strip() not in known:
            raise typer.BadParameter(f"{name.strip()!r} is none of {', '.join(known)}")
    return list(Kind) if names == "any" else [Kind(name.strip()) for name in names.split(",")]


def _keep(outcome: Outcome, results: Path | None) -> None:
    import msgspec

    if results is not None:
        with results.open("ab") as file:
            file.write(msgspec.json.encode(outcome) + b"\n")


def _row(outcome: Outcome) -> tuple[object, ...]:
    cell = outcome.cell
    told = f"{len(outcome.violations)} violations" if outcome.violations else "every law held"
    numbers = (outcome.saves, outcome.kills, outcome.errors, outcome.drained_seconds)
    return (str(cell.kind), cell.devices, cell.rate, *numbers, told)
