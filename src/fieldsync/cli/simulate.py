"""`fieldsync sim`: the whole system under a seed, with faults, checked against the laws."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from fieldsync.cli.place import JsonOption
from fieldsync.cli.report import Exit, say, show_json


def sim(
    seed: Annotated[int, typer.Option("--seed", help="Everything is drawn from it: same seed, same trace.")] = 1,
    steps: Annotated[int, typer.Option("--steps", min=1, help="Actions to simulate.")] = 300,
    devices: Annotated[int, typer.Option("--devices", min=1, max=20, help="The first two are one person's.")] = 3,
    trace: Annotated[bool, typer.Option("--trace", help="Print what happened, line by line.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Run devices and a server in one process, one step at a time, with lost and doubled messages and kills."""
    from fieldsync.server.postgres.embedded import EmbeddedPostgres
    from fieldsync.sim.run import run

    with tempfile.TemporaryDirectory(prefix="fieldsync-sim-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        with EmbeddedPostgres.start(folder / "postgres", settings={"autovacuum": "off"}) as postgres:
            report = run(postgres.uri, folder, seed=seed, steps=steps, devices=devices)
    if as_json:
        shown = report if trace else msgspec.structs.replace(report, trace=())
        show_json(shown)
    else:
        for line in report.trace if trace else ():
            say(line)
        _tell(report.digest, report.saves, report.kills, report.faults, report.violations)
    if report.violations:
        raise SystemExit(Exit.REFUSED)


def _tell(digest: str, saves: int, kills: int, faults: dict[str, int], violations: tuple[str, ...]) -> None:
    say(f"trace {digest}: {saves} saves, {kills} devices killed")
    say("faults: " + (", ".join(f"{times} {name}" for name, times in faults.items()) or "none"))
    for found in violations:
        say(f"VIOLATION {found}")
    say("no law was broken" if not violations else f"{len(violations)} violations")
