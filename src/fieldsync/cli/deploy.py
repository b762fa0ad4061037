"""`fieldsync deploy`: bring an org to a catalog, and show first what that takes."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from fieldsync.base.world import system_world
from fieldsync.cli.place import (
    DEFAULT_DATA,
    DEFAULT_ORG,
    DatabaseOption,
    DataOption,
    JsonOption,
    OrgOption,
    database_uri,
)
from fieldsync.cli.report import progress, say, show_json, show_table

if TYPE_CHECKING:
    from rich.progress import TaskID

    from fieldsync.schema.catalog import Catalog
    from fieldsync.server.org.create import Deployed
    from fieldsync.server.postgres.connect import AdminConnection
    from fieldsync.server.postgres.deploy.plan import Plan

BY = "the command line"
"""By whom the console says that a deploy was asked for."""
DryRunOption = Annotated[bool, typer.Option("--plan", "--dry-run", help="Show the plan and change nothing.")]
AllowDropOption = Annotated[bool, typer.Option("--allow-drop", help="Also run steps that lose data.")]
ReloadOption = Annotated[
    str | None, typer.Option("--reload-by", metavar="DATE", help="Have every device load its data anew by this day.")
]
TellOption = Annotated[
    str | None, typer.Option("--tell-from", metavar="DATE", help="With --reload-by: tell people from this day on.")
]
MessageOption = Annotated[str, typer.Option("--message", help="With --reload-by: what people are told beside it.")]


def deploy(
    pack: Annotated[list[Path] | None, typer.Option("--pack", help="Pack file or folder; may be repeated.")] = None,
    org: OrgOption = DEFAULT_ORG,
    dry_run: DryRunOption = False,
    allow_drop: AllowDropOption = False,
    reload_by: ReloadOption = None,
    tell_from: TellOption = None,
    message: MessageOption = "",
    database: DatabaseOption = None,
    data: DataOption = DEFAULT_DATA,
    as_json: JsonOption = False,
) -> None:
    """Deploy the product's packs and the named ones; packs of the org that are not named stay as they are."""
    from fieldsync.schema.packs.composed import next_catalog, read_packs
    from fieldsync.server.org.create import catalog_of, prefixes_of

    new, wish = read_packs(pack or []), _wish(reload_by, tell_from, message)
    with database_uri(database, data) as uri:
        catalog = next_catalog(catalog_of(uri, org), prefixes_of(uri, org), new)
        done = bring_to(uri, org, catalog, dry_run=dry_run, allow_drop=allow_drop, silent=as_json)
        if wish and not dry_run:
            asyncio.run(_ask_reload(uri, org, wish))
            if not as_json:
                say(f"every device is to load its data anew by {reload_by}")
    if as_json:
        show_json(as_value(done, org))


def _wish(due: str | None, alert: str | None, message: str) -> dict[str, str]:
    """What was typed of loading anew, judged before anything is deployed; empty for nothing. Raises UNUSABLE."""
    from fieldsync.base.problems import Code, Refused, problem
    from fieldsync.server.oversight.catalog.reload import wished

    if due is None:
        if alert is not None or message:
            raise Refused(problem(Code.UNUSABLE, what="This command", reason="say with --reload-by until when"))
        return {}
    wish = {"due": due, "alert": alert or "", "message": message}
    wished(wish, system_world().clock.now())
    return wish


async def _ask_reload(uri: str, name: str, typed: Mapping[str, str]) -> None:
    """As the console's page of versions does it. Raises Refused."""
    from fieldsync.base.problems import Refused
    from fieldsync.protocol.upload import Rejected
    from fieldsync.server.org.bring_in import admin_calls
    from fieldsync.server.org.open import open_org
    from fieldsync.server.oversight.catalog.reload import wish_item
    from fieldsync.server.oversight.editing import save_from_page

    async with AsyncExitStack() as stack:
        opened = await open_org(stack, uri, name, system_world())
        item = await wish_item(opened, typed)
        outcome = await save_from_page(opened, lambda: admin_calls(opened), item)
    if isinstance(outcome, Rejected):
        raise Refused(outcome.problems[0])


def bring_to(uri: str, org: str, catalog: Catalog, *, dry_run: bool, allow_drop: bool, silent: bool) -> Deployed:
    """Plan, show, and unless it is a dry run deploy. What is refused is shown before it is refused."""
    from fieldsync.server.org.create import deploy_catalog
    from fieldsync.server.oversight.catalog.deploying import note_done

    world = system_world()

    def note(connection: AdminConnection, plan: Plan) -> None:
        note_done(connection, org, plan, BY, world.clock.now())

    planned = deploy_catalog(uri, org, catalog, world=world, dry_run=True, allow_drop=allow_drop)
    if not silent:
        _show(planned)
    done = planned
    if not dry_run:
        done = deploy_catalog(uri, org, catalog, world=world, dry_run=False, allow_drop=allow_drop, within=note)
    if done.applied:
        if not silent:
            say(f"deployed {len(done.plan.steps)} steps to {org}")
        _sum_up(uri, org, silent=silent)
    return done


def _sum_up(uri: str, org: str, *, silent: bool) -> None:
    """Roll-ups that are new or sum up differently; what an earlier deploy left undone too."""
    from fieldsync.server.org.open import open_org
    from fieldsync.server.org.recalculate import recalculate

    async def run() -> int:
        async with AsyncExitStack() as stack:
            opened = await open_org(stack, uri, org, system_world())
            with progress() as bars:
                tasks: dict[str, TaskID] = {}

                def told(name: str, done: int) -> None:
                    if name not in tasks:
                        tasks[name] = bars.add_task(f"summing up {name}", total=None)
                    bars.update(tasks[name], completed=done)

                return await recalculate(opened, told)

    changed = asyncio.run(run())
    if changed and not silent:
        say(f"summed up {changed} records anew")


def _show(deployed: Deployed) -> None:
    from fieldsync.schema.access import metadata_api

    plan = deployed.plan
    for warning in metadata_api.warnings(plan.catalog.packs):
        say(f"warning: {warning}")
    if deployed.faults:
        faults = [(fault.object, fault.element, fault.sentence) for fault in deployed.faults]
        show_table("Formulas that cannot run until they are corrected", ("object", "formula", "why"), faults)
    if plan.empty:
        say("nothing to deploy")
        return
    if not plan.steps:
        say("no table changes; labels, rules or the like do")
        return
    rows = [
        (step.kind.value, step.object, step.field, step.note, "loses data" if step.destructive else "")
        for step in plan.steps
    ]
    show_table("Plan", ("step", "object", "field", "", ""), rows)


def as_value(deployed: Deployed, org: str) -> dict[str, object]:
    """What `--json` prints of a deploy."""
    from fieldsync.schema.access import metadata_api

    plan = deployed.plan
    return {
        "org": org,
        "catalog_version": plan.catalog.version,
        "catalog_changed": plan.catalog_changed,
        "applied": deployed.applied,
        "warnings": list(metadata_api.warnings(plan.catalog.packs)),
        "formula_faults": [msgspec.to_builtins(fault) for fault in deployed.faults],
        "steps": [msgspec.to_builtins(step) for step in plan.steps],
    }
