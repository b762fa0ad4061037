"""`fieldsync rules`: an org's sync rules listed, and its whole sync configuration carried out and in again."""

from __future__ import annotations

import asyncio
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from fieldsync.cli.place import (
    DEFAULT_DATA,
    DEFAULT_ORG,
    DatabaseOption,
    DataOption,
    JsonOption,
    OrgOption,
    database_uri,
)
from fieldsync.cli.report import say, show_json, show_table
from fieldsync.cli.rules import asking
from fieldsync.cli.rules.bringing import CheckOption, OnlyKnownOption, ProfilesOption, bring, tell, wish_of
from fieldsync.cli.rules.simple import simple

if TYPE_CHECKING:
    from fieldsync.server.configuration.keep import Kept

app = typer.Typer(help="Sync rules: who gets what on which device.", no_args_is_help=True)
app.command("explain")(asking.explain_rows)
app.command("preview")(asking.preview_rules)
app.command("rows")(asking.count_rows)
app.command("test")(asking.try_condition)
app.command("simple")(simple)


@app.command("list")
def list_rules(
    org: OrgOption = DEFAULT_ORG,
    database: DatabaseOption = None,
    data: DataOption = DEFAULT_DATA,
    as_json: JsonOption = False,
) -> None:
    """Show the sync rules of an org."""
    with database_uri(database, data) as uri:
        kept = asyncio.run(_kept(uri, org))
    rules = sorted(kept.sync_rules().values(), key=lambda rule: rule.key)
    if as_json:
        show_json([msgspec.to_builtins(rule) for rule in rules])
        return
    rows = [
        (rule.object, rule.device, rule.type, rule.application_profile or rule.profile, rule.active, rule.where)
        for rule in rules
    ]
    show_table(f"{len(rules)} sync rules", ("object", "device", "type", "profile", "active", "where"), rows)


@app.command("export")
def export(
    file: Annotated[Path | None, typer.Argument(help="File to write; standard output without one.")] = None,
    org: OrgOption = DEFAULT_ORG,
    database: DatabaseOption = None,
    data: DataOption = DEFAULT_DATA,
) -> None:
    """Write all sync rules and settings of an org as JSON, in one stable order."""
    from fieldsync.schema.rules_import import write_own

    with database_uri(database, data) as uri:
        kept = asyncio.run(_kept(uri, org))
    rules, settings = kept.sync_rules().values(), kept.sync_settings().values()
    content = write_own(rules, settings)
    if file is None:
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
    else:
        file.write_bytes(content)
        say(f"wrote {len(rules)} rules and {len(settings)} settings to {file}")


@app.command("import")
def bring_back(
    file: Annotated[Path, typer.Argument(help="JSON that `fieldsync rules export` wrote.")],
    check: CheckOption = False,
    only_known: OnlyKnownOption = False,
    profile: ProfilesOption = None,
    org: OrgOption = DEFAULT_ORG,
    database: DatabaseOption = None,
    data: DataOption = DEFAULT_DATA,
    as_json: JsonOption = False,
) -> None:
    """Bring in exported sync rules and settings, all or none; twice changes nothing. Exits with 1 when refused."""
    from fieldsync.schema.rules_import import read_own

    wish, read = wish_of(profile, only_known=only_known), read_own(file.read_bytes(), file.name)
    with database_uri(database, data) as uri:
        tell(bring(uri, org, read, wish, check=check), as_json=as_json)


async def _kept(uri: str, org_name: str) -> Kept:
    from fieldsync.base.world import system_world
    from fieldsync.server.configuration.keep import kept_in
    from fieldsync.server.org.open import open_org

    async with AsyncExitStack() as stack:
        return await kept_in(await open_org(stack, uri, org_name, system_world()))
