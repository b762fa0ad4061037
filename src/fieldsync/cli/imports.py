"""`fieldsync import`: catalogs of Salesforce DX source, records of data trees, sales data. Sync rules: `rules`."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fieldsync.cli.deploy import AllowDropOption, DryRunOption, as_value, bring_to
from fieldsync.cli.place import (
    DEFAULT_DATA,
    DEFAULT_ORG,
    DatabaseOption,
    DataOption,
    JsonOption,
    OrgOption,
    database_uri,
)
from fieldsync.cli.report import Exit, progress, say, show_json, show_table
from fieldsync.cli.rules.others import lsc_config, vmoc

if TYPE_CHECKING:
    from rich.progress import Progress

    from fieldsync.formula.catalog import LogicFault
    from fieldsync.schema.sfdx import ImportResult, Report
    from fieldsync.server.bulk.load import Asked, Loaded

app = typer.Typer(help="Bring in catalogs, records and sync rules of other systems.", no_args_is_help=True)
app.command("lsc-config")(lsc_config)
app.command("vmoc")(vmoc)


@app.command("sfdx")
def sfdx(
    folder: Annotated[Path, typer.Argument(help="Folder of the Salesforce DX project.")],
    check: Annotated[bool, typer.Option("--check", help="Only report; needs no database.")] = False,
    org: OrgOption = DEFAULT_ORG,
    dry_run: DryRunOption = False,
    allow_drop: AllowDropOption = False,
    database: DatabaseOption = None,
    data: DataOption = DEFAULT_DATA,
    as_json: JsonOption = False,
) -> None:
    """Read objects and fields of a project, list what is not supported, and deploy the rest beside the org's packs."""
    from fieldsync.schema.sfdx import read

    if check:
        found = read(folder)
        _report(found, None, as_json=as_json, faults=_formula_faults(found))
        for warning in () if as_json else found.warnings:
            say(f"warning: {warning}")
        return
    from fieldsync.schema.packs.composed import next_catalog, own_and
    from fieldsync.server.org.create import catalog_of, prefixes_of

    with database_uri(database, data) as uri:
        before = catalog_of(uri, org)
        found = read(folder, own_and(before.packs))
        if not as_json:
            _report(found, None, as_json=False)
        catalog = next_catalog(before, prefixes_of(uri, org), [found.pack])
        done = bring_to(uri, org, catalog, dry_run=dry_run, allow_drop=allow_drop, silent=as_json)
    if as_json:
        _report(found, as_value(done, org), as_json=True)


def _formula_faults(found: ImportResult) -> list[LogicFault]:
    """Formulas of the project that could not run beside the product's own packs."""
    from fieldsync.formula.catalog import CatalogFormulas
    from fieldsync.schema.catalog import build
    from fieldsync.schema.load import load_packs
    from fieldsync.schema.packs.composed import next_catalog

    own = {o.name for o in found.pack.objects} | {e.object for e in found.pack.extensions}
    catalog = next_catalog(build(load_packs()), {}, [found.pack])
    return [fault for fault in CatalogFormulas(catalog).faults if fault.object in own]


def _report(
    found: ImportResult, deployed: dict[str, object] | None, *, as_json: bool, faults: Sequence[LogicFault] = ()
) -> None:
    report = found.report
    if as_json:
        told = {"pack": found.pack.name, **report.as_json(), "warnings": found.warnings, "deploy": deployed}
        show_json(told | {"formula_faults": [asdict(fault) for fault in faults]})
        return
    if faults:
        rows = [(fault.object, fault.element, fault.sentence) for fault in faults]
        show_table("Formulas that cannot run until they are corrected", ("object", "formula", "why"), rows)
    say(
        f"{found.pack.name}: {report.objects} objects, {report.fields} fields, {report.roll_ups} roll-ups, "
        f"{report.validation_rules} validation rules, {report.list_views} list views, {report.value_sets} value sets, "
        f"{report.profiles} profiles, {report.permission_sets} permission sets"
    )
    _show_issues(report)


def _show_issues(report: Report) -> None:
    from fieldsync.schema.sfdx import Level

    missing = report.of(Level.UNSUPPORTED, Level.ERROR)
    if missing:
        rows = [(issue.level.value, issue.file, issue.element, issue.reason) for issue in missing]
        show_table("Not taken over", ("", "file", "element", "why"), rows)
    ignored = report.of(Level.IGNORED)
    if ignored:
        say(f"{len(ignored)} elements that do not matter to data and sync are left out (--json lists them)")


@app.command("tree")
def tree(
    plan: Annotated[Path, typer.Argument(help="Plan of a data tree, or one file of records.")],
    org: OrgOption = DEFAULT_ORG,
    database: DatabaseOption = None,
    data: DataOption = DEFAULT_DATA,
    as_json: JsonOption = False,
) -> None:
    """Save the records of a data tree, all of them or none. Exits with 1 when one was refused."""
    from fieldsync.cli.tree import bring_in_tree

    with database_uri(database, data) as uri, progress() as bars:
        done = bring_in_tree(uri, org, plan, bars)
    if as_json:
        show_json(done)
    elif done.refused:
        rows = [(one.source, p.object, p.field, p.message, p.remedy) for one in done.refused for p in one.problems]
        show_table("Refused; nothing was saved", ("record", "object", "field", "what", "remedy"), rows)
    else:
        say(f"saved {', '.join(f'{count} {name}' for name, count in done.saved.items()) or 'nothing'}")
    if done.refused:
        raise typer.Exit(Exit.REFUSED)


@app.command("sales")
def sales(
    object_name: Annotated[str, typer.Argument(metavar="OBJECT", help="The object, e.g. Sales_Data.")],
    file: Annotated[Path, typer.Argument(help="A CSV file with headings: Account.External_Id, Period, Units, ...")],
    check: Annotated[bool, typer.Option("--check", help="Only say what would change.")] = False,
    replace_period: Annotated[
        list[str] | None, typer.Option("--replace-period", help="A month, 2026-03: rows of it that the file lacks go.")
    ] = None,
    org: OrgOption = DEFAULT_ORG,
    database: DatabaseOption = None,
    data: DataOption = DEFAULT_DATA,
    as_json: JsonOption = False,
) -> None:
    """Load rows that are read-only for everybody else, all lines or none. Exits with 1 when one was refused."""
    from fieldsync.server.bulk.lines import first_day
    from fieldsync.server.bulk.load import Asked

    asked = Asked(object_name, tuple(first_day(month) for month in replace_period or ()), check)
    with database_uri(database, data) as uri, progress() as bars:
        done = _loaded(uri, org, asked, file, bars)
    if as_json:
        show_json({"object": object_name, "checked": check, **asdict(done)})
    elif done.fault_count:
        rows = [(fault.line, fault.column, fault.sentence) for fault in done.faults]
        show_table("Refused; nothing was loaded", ("line", "column", "what"), rows)
        if done.fault_count > len(rows):
            say(f"and {done.fault_count - len(rows)} more")
    else:
        said = "would be" if check else "are"
        say(
            f"{done.lines} lines: {done.created} rows {said} new, {done.updated} changed, {done.removed} removed, "
            f"{done.unchanged} as they were"
        )
    if done.fault_count:
        raise typer.Exit(Exit.REFUSED)


def _loaded(uri: str, org: str, asked: Asked, file: Path, bars: Progress) -> Loaded:
    from fieldsync.base.world import system_world
    from fieldsync.server.bulk.load import load
    from fieldsync.server.org.create import seeding_org

    bar = bars.add_task("reading", total=file.stat().st_size)
    with (
        file.open("rb") as raw,
        io.TextIOWrapper(raw, encoding="utf-8-sig", newline="") as source,
        seeding_org(uri, org, system_world()) as seeding,
    ):
        return load(seeding, asked, source, lambda _: bars.update(bar, completed=raw.tell()))
