"""`fieldsync org`: make, list and drop orgs, and add their people."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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
from fieldsync.cli.report import say, show_json, show_table

if TYPE_CHECKING:
    from fieldsync.server.org.begin.upgrade import Upgraded

app = typer.Typer(help="Orgs and their people.", no_args_is_help=True)
users = typer.Typer(help="The people of an org.", no_args_is_help=True)
app.add_typer(users, name="user")

PASSWORD_VARIABLE = "FIELDSYNC_PASSWORD"
PasswordOption = Annotated[
    str,
    typer.Option(
        "--password",
        envvar=PASSWORD_VARIABLE,
        prompt=True,
        hide_input=True,
        confirmation_prompt=True,
        help="Better asked for, or given in the environment, than written here.",
    ),
]
NameArgument = Annotated[str, typer.Argument(help="Name of the org.")]


@app.command("create")
def create(
    name: NameArgument,
    password: PasswordOption,
    admin: Annotated[str, typer.Option("--admin", help="User name of the first admin.")] = "admin",
    pack: Annotated[list[Path] | None, typer.Option("--pack", help="Pack file or folder; may be repeated.")] = None,
    database: DatabaseOption = None,
    data: DataOption = DEFAULT_DATA,
    as_json: JsonOption = False,
) -> None:
    """Create an org with its tables, profiles and one admin."""
    from fieldsync.schema.packs.composed import ADMIN_PROFILE, new_catalog
    from fieldsync.server.org.create import create_org
    from fieldsync.server.org.users import NewUser

    first = NewUser(admin, password, ADMIN_PROFILE, "Admin")
    with database_uri(database, data) as uri:
        org = create_org(uri, name, new_catalog(pack or []), admin=first, world=system_world())
    if as_json:
        show_json(org)
    else:
        say(f"created org {org.name} ({org.org_id}); its admin is {admin}")


@app.command("list")
def listing(database: DatabaseOption = None, data: DataOption = DEFAULT_DATA, as_json: JsonOption = False) -> None:
    """List the orgs of this PostgreSQL."""
    from fieldsync.server.org.directory import list_orgs
    from fieldsync.server.postgres.connect import admin_connection

    with database_uri(database, data) as uri, admin_connection(uri) as connection:
        orgs = list_orgs(connection)
    if as_json:
        show_json(orgs)
    else:
        rows = [(org.name, org.org_id, org.schema, org.created_at.isoformat(timespec="seconds")) for org in orgs]
        show_table("Orgs", ("name", "id", "schema", "created"), rows)


@app.command("upgrade")
def upgrade(
    name: Annotated[str | None, typer.Argument(help="Name of the org; without it, every one.")] = None,
    database: DatabaseOption = None,
    data: DataOption = DEFAULT_DATA,
    as_json: JsonOption = False,
) -> None:
    """Bring an org made by an earlier version to this one, while people work. `serve` does the same when it starts."""
    from fieldsync.server.org.begin.upgrade import upgrade_org
    from fieldsync.server.org.directory import list_orgs
    from fieldsync.server.postgres.connect import admin_connection

    with database_uri(database, data) as uri:
        with admin_connection(uri) as connection:
            names = [name] if name else [org.name for org in list_orgs(connection)]
        done = [upgrade_org(uri, one, system_world()) for one in names]
    for upgraded in done:
        if as_json:
            show_json(upgraded)
        else:
            _say_upgraded(upgraded)


def _say_upgraded(upgraded: Upgraded) -> None:
    if upgraded.from_level == upgraded.to_level and not upgraded.steps:
        say(f"{upgraded.org} is at level {upgraded.to_level} already")
        return
    say(f"upgraded {upgraded.org} from level {upgraded.from_level} to {upgraded.to_level}")
    for step in upgraded.steps:
        say(f"  {step}")
    for step in upgraded.left:
        say(f"  left alone, as it would lose data: {step}")


@app.command("drop")
def drop(
    name: NameArgument,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    database: DatabaseOption = None,
    data: DataOption = DEFAULT_DATA,
) -> None:
    """Remove an org with all its records, for good."""
    from fieldsync.server.org.directory import drop_org, find_org
    from fieldsync.server.postgres.connect import admin_connection

    with database_uri(database, data) as uri, admin_connection(uri) as connection:
        find_org(connection, name)
        if not yes:
            typer.confirm(f"Remove the org {name} with every record in it?", abort=True)
        drop_org(connection, name)
    say(f"dropped org {name}")


@app.command("bi-role")
def bi_role(
    name: NameArgument,
    password: Annotated[
        str, typer.Option("--password", envvar="FIELDSYNC_BI_PASSWORD", help="Of the role; needed to make it.")
    ] = "",
    drop: Annotated[bool, typer.Option("--drop", help="Take role and views away.")] = False,
    database: DatabaseOption = None,
    data: DataOption = DEFAULT_DATA,
) -> None:
    """A database role for BI tools: it reads typed views of every object, formula fields included, and nothing else."""
    from fieldsync.server.org.begin.readers import drop_reader, make_reader
    from fieldsync.server.org.directory import enter_org
    from fieldsync.server.postgres.connect import admin_connection

    with database_uri(database, data) as uri, admin_connection(uri) as connection:
        enter_org(connection, name)
        if drop:
            drop_reader(connection)
            say(f"dropped the BI role of {name}")
            return
        role, views = make_reader(connection, password)
    say(f"the role {role} reads {views} views in the schema {role}")


@app.command("merge")
def merge_records(
    object_name: Annotated[str, typer.Argument(metavar="OBJECT", help="A mergeable object, such as Account.")],
    loser: Annotated[str, typer.Argument(help="Id of the record that goes.")],
    winner: Annotated[str, typer.Argument(help="Id of the record that stays, with its own values.")],
    take: Annotated[list[str] | None, typer.Option("--take", help="A field it gets from the one that goes.")] = None,
    org: OrgOption = DEFAULT_ORG,
    database: DatabaseOption = None,
    data: DataOption = DEFAULT_DATA,
    as_json: JsonOption = False,
) -> None:
    """Merge two records: what refers to one refers to the other, also what devices have not sent yet."""
    from fieldsync.base.ids import RecordId
    from fieldsync.server.merge.merge import Merging, merge_at

    with database_uri(database, data) as uri:
        merging = Merging(object_name, RecordId(loser), RecordId(winner), tuple(take or ()))
        done = asyncio.run(merge_at(uri, org, system_world(), merging))
    if as_json:
        show_json(done)
    else:
        say(f"merged {done.object} {done.loser} into {done.winner}; {done.moved} records refer to it now")


@users.command("clear-errors")
def clear_errors(
    username: Annotated[str, typer.Argument()],
    off: Annotated[bool, typer.Option("--off", help="Take the wish back.")] = False,
    org: OrgOption = DEFAULT_ORG,
    database: DatabaseOption = None,
    data: DataOption = DEFAULT_DATA,
) -> None:
    """Have a person's devices give up their error lists at their next sync; what goes is kept on the server first."""
    from fieldsync.server.org.open import at_work
    from fieldsync.server.processor.clearing import ask

    with database_uri(database, data) as uri:
        asyncio.run(at_work(uri, org, system_world(), lambda one, work: ask(one, work, username, on=not off)))
    say(f"{username}: errors are {'kept' if off else 'cleared at the next sync of each device'}")


@users.command("cleared")
def cleared(
    file: Annotated[Path, typer.Argument(help="Written as JSON, one object a line.")],
    org: OrgOption = DEFAULT_ORG,
    database: DatabaseOption = None,
    data: DataOption = DEFAULT_DATA,
) -> None:
    """Write what was cleared on devices to a file, whole saves as the devices had them."""
    from fieldsync.server.org.open import at_work
    from fieldsync.server.processor.clearing import exported

    with database_uri(database, data) as uri:
        lines = asyncio.run(at_work(uri, org, system_world(), exported))
    file.write_bytes(b"".join(lines))
    say(f"wrote {len(lines)} lines to {file}")


@users.command("add")
def add_user(
    username: Annotated[str, typer.Argument(help="The name the person signs in with.")],
    password: PasswordOption,
    profile: Annotated[str, typer.Option("--profile", help="Name of a profile of the org's catalog.")],
    last_name: Annotated[str, typer.Option("--last-name")],
    first_name: Annotated[str | None, typer.Option("--first-name")] = None,
    email: Annotated[str | None, typer.Option("--email")] = None,
    org: OrgOption = DEFAULT_ORG,
    database: DatabaseOption = None,
    data: DataOption = DEFAULT_DATA,
    as_json: JsonOption = False,
) -> None:
    """Add a person to an org."""
    from fieldsync.server.org.create import seeding_org
    from fieldsync.server.org.users import NewUser, create_user

    world = system_world()
    values = {name: value for name, value in (("FirstName", first_name), ("Email", email)) if value}
    person = NewUser(username, password, profile, last_name, values)
    with database_uri(database, data) as uri, seeding_org(uri, org, world) as seeding:
        user_id = create_user(seeding, person, world.chance)
    if as_json:
        show_json({"id": user_id, "username": username})
    else:
        say(f"added {username} ({user_id})")


@users.command("password")
def change_password(
    username: Annotated[str, typer.Argument()],
    password: PasswordOption,
    org: OrgOption = DEFAULT_ORG,
    database: DatabaseOption = None,
    data: DataOption = DEFAULT_DATA,
) -> None:
    """Give a person another password."""
    from fieldsync.server.org.create import seeding_org
    from fieldsync.server.org.users import set_password

    world = system_world()
    with database_uri(database, data) as uri, seeding_org(uri, org, world) as seeding:
        set_password(seeding, username, password, world.chance)
    say(f"changed the password of {username}")


@users.command("assign")
def assign_permission_set(
    username: Annotated[str, typer.Argument()],
    permission_set: Annotated[str, typer.Argument(help="Name of a permission set of the org's catalog.")],
    until: Annotated[datetime | None, typer.Option("--until", help="Ends then, UTC; without it, never.")] = None,
    org: OrgOption = DEFAULT_ORG,
    database: DatabaseOption = None,
    data: DataOption = DEFAULT_DATA,
) -> None:
    """Give a person a permission set, from the next request on."""
    from fieldsync.schema.access import metadata_api
    from fieldsync.server.org.create import seeding_org
    from fieldsync.server.org.rights import assign, person

    with database_uri(database, data) as uri, seeding_org(uri, org, system_world()) as seeding:
        assign(seeding, username, permission_set, until.replace(tzinfo=UTC) if until else None)
        warned = metadata_api.holds(person(seeding, username).rights)
    say(f"{username} has the permission set {permission_set}")
    if warned:
        say(f"warning: {username} may change metadata through the API now; syncs on iPad and iPhone can fail")
