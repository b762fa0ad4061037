"""`fieldsync sim`: the whole system under a seed, with faults, checked against the laws."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from fieldsync.cli.place import JsonOption
from fieldsync.cli.report import Exit, say, show_json, show_table

if TYPE_CHECKING:
    from fieldsync.sim.faults import Fault
    from fieldsync.sim.ground import Databases
    from fieldsync.sim.run import Plan, Report

SHRINK_MINUTES = 10.0


def sim(
    context: typer.Context,
    seed: Annotated[int, typer.Option("--seed", help="Everything is drawn from it: same seed, same trace.")] = 1,
    steps: Annotated[int, typer.Option("--steps", min=1, help="Actions to simulate.")] = 300,
    devices: Annotated[int, typer.Option("--devices", min=1, max=20, help="The first two are one person's.")] = 4,
    faults: Annotated[str, typer.Option("--faults", help="Names of faults, with commas; `none` for none.")] = "all",
    trace: Annotated[bool, typer.Option("--trace", help="Print what happened, line by line.")] = False,
    hours: Annotated[float, typer.Option("--hours", help="Fresh seeds from --seed on, for so long.")] = 0.0,
    numbers: Annotated[Path | None, typer.Option("--numbers", help="Where they are kept.")] = None,
    planted: Annotated[str, typer.Option("--planted", help="A planted bug by name, or `all`: is it caught?")] = "",
    workload: Annotated[
        str, typer.Option("--workload", help="Kind of days: of `hot record`, `month end` ...")
    ] = "field day",
    shrink_minutes: Annotated[
        float, typer.Option("--shrink-minutes", min=0, help="For so long a shorter run is looked for that fails too.")
    ] = SHRINK_MINUTES,
    as_json: JsonOption = False,
) -> None:
    """Run devices and a server in one process, one step at a time, with every fault, and ask every law."""
    if context.invoked_subcommand is not None:
        return
    from fieldsync.sim.actions.workloads import FIELD_DAY, WORKLOADS
    from fieldsync.sim.proof.numbers import NUMBERS
    from fieldsync.sim.run import Plan

    if workload not in WORKLOADS or (hours and workload != FIELD_DAY):
        raise typer.BadParameter(f"one of {', '.join(WORKLOADS)}; with --hours only the first")
    plan = Plan(seed, steps, devices, _chosen(faults), workload=workload)
    with _databases() as (databases, folder):
        if planted:
            found = _plant(databases, folder, planted, numbers, as_json=as_json)
        elif hours:
            found = _long(databases, folder, plan, hours, numbers or Path(NUMBERS))
        else:
            found = _one(databases, folder, plan, shrink_minutes, trace=trace, as_json=as_json)
    if not found:
        raise SystemExit(Exit.REFUSED)


def _chosen(names: str) -> tuple[Fault, ...]:
    from fieldsync.sim.faults import Fault

    if names == "all":
        return tuple(Fault)
    return tuple(Fault(name.strip()) for name in names.split(",") if name.strip() and name != "none")


@contextmanager
def _databases() -> Iterator[tuple[Databases, Path]]:
    from fieldsync.server.postgres.embedded import EmbeddedPostgres
    from fieldsync.sim.ground import Databases

    with tempfile.TemporaryDirectory(prefix="fieldsync-sim-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        with EmbeddedPostgres.start(folder / "postgres", settings={"autovacuum": "off"}) as postgres:
            yield Databases(postgres.uri), folder


def _one(databases: Databases, folder: Path, plan: Plan, minutes: float, *, trace: bool, as_json: bool) -> bool:
    """One run; one that fails is made as short as it can be in so many minutes, and told line by line."""
    from fieldsync.sim.proof.shrink import shrink
    from fieldsync.sim.run import run

    with redirect_stdout(sys.stderr):  # what the server logs is no part of the answer
        report = run(databases, folder / "run", plan)
    if as_json:
        show_json(report if trace else msgspec.structs.replace(report, trace=()))
        return not report.violations
    if report.violations:
        say(f"VIOLATION {report.violations[0]}; looking for a shorter run that breaks the same law")
        plan, report, complete = shrink(databases, folder, plan, report, minutes=minutes)
        if not complete:
            say(f"stopped after {minutes:g} minutes: --shrink-minutes gives it more")
        say(f"the shortest run found that still fails, of {plan.steps - len(plan.without)} steps:")
    for line in report.trace if trace or report.violations else ():
        say(line)
    _tell(report)
    return not report.violations


def _tell(report: Report) -> None:
    say(f"trace {report.digest}: {report.saves} saves, {report.kills} devices killed, {report.device_days} device-days")
    struck = {name: times for name, times in report.faults.items() if times}
    say("faults: " + (", ".join(f"{times} {name}" for name, times in struck.items()) or "none"))
    for found in report.violations:
        say(f"VIOLATION {found}")
    say("no law was broken" if not report.violations else f"{len(report.violations)} violations")


def _long(databases: Databases, folder: Path, plan: Plan, hours: float, numbers: Path) -> bool:
    """Fresh seeds, on from those of the same code; the numbers are printed and kept after each run, so that what is
    stopped has them too."""
    from fieldsync.sim.proof.long_run import begun, goes_on, long_run
    from fieldsync.sim.proof.numbers import keep_days, read

    before = read(numbers).days
    if before is None or not goes_on(before, plan):
        before = begun(plan)
    failed = len(before.failed)
    for total in long_run(databases, folder, plan, before, seconds=hours * 3_600):
        failed = len(total.failed)
        keep_days(numbers, total)
        say(f"{total.runs} seeds: {total.device_days} device-days, {total.steps} steps, {failed} failed")
    return not failed


def _plant(databases: Databases, folder: Path, name: str, numbers: Path | None, *, as_json: bool) -> bool:
    """Whether planted bugs are caught: a table of all, or one; each is kept where the numbers are, as it comes."""
    from fieldsync.sim.planted.catch import catch_all, verdict
    from fieldsync.sim.proof.numbers import keep_caught

    caught = []
    with redirect_stdout(sys.stderr):
        for one in catch_all(databases, folder, () if name == "all" else (name,)):
            caught.append(one)
            if numbers is not None:
                keep_caught(numbers, one)
    if as_json:
        show_json(caught)
    else:
        rows = [(one.name, one.law or "NOT CAUGHT", one.seed, one.device_days, round(one.seconds)) for one in caught]
        show_table("Planted bugs", ("bug", "caught by", "seed", "device-days", "seconds"), rows)
        say(verdict(caught))
    return all(one.by_law for one in caught)
