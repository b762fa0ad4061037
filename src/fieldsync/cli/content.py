"""`fieldsync content`: what people in the field present: listed, brought in with its file, given a new version."""

from __future__ import annotations

import asyncio
import os
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

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

if TYPE_CHECKING:
    from fieldsync.schema.fields import FieldValue
    from fieldsync.server.media.publish import Published
    from fieldsync.server.org.runtime import Org

app = typer.Typer(help="Content that people present and send.", no_args_is_help=True)
COLUMNS = ("Id", "Title", "Type", "Status", "Version", "Valid_Until", "File_Name")


@app.command("list")
def list_content(
    org: OrgOption = DEFAULT_ORG,
    database: DatabaseOption = None,
    data: DataOption = DEFAULT_DATA,
    as_json: JsonOption = False,
) -> None:
    """Show all content of an org."""
    with database_uri(database, data) as uri:
        rows = asyncio.run(_listed(uri, org))
    if as_json:
        show_json([{name: row[name] for name in COLUMNS} for row in rows])
        return
    show_table(f"{len(rows)} pieces of content", COLUMNS, [tuple(row[name] or "" for name in COLUMNS) for row in rows])


@app.command("add")
def add(
    file: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help="A picture, PDF, film, zipped HTML, template.")
    ],
    title: Annotated[str | None, typer.Option(help="Title; of new content the file's name without one.")] = None,
    kind: Annotated[
        str | None, typer.Option("--type", help="Document, Presentation, Video, E-mail Template ...")
    ] = None,
    status: Annotated[str | None, typer.Option(help="Draft, Approved, Expired, Withdrawn.")] = None,
    version: Annotated[str | None, typer.Option(help="Version, as people read it.")] = None,
    product: Annotated[str | None, typer.Option(help="Product it is about: its id, code or name.")] = None,
    until: Annotated[str | None, typer.Option(help="Last day on which it may be used, YYYY-MM-DD.")] = None,
    given: Annotated[list[str] | None, typer.Option("--set", help="Any other field: Subject='Thank you'.")] = None,
    replaces: Annotated[str | None, typer.Option(help="Id of the content whose new version this is.")] = None,
    org: OrgOption = DEFAULT_ORG,
    database: DatabaseOption = None,
    data: DataOption = DEFAULT_DATA,
    as_json: JsonOption = False,
) -> None:
    """Bring in a file as new content, or as the new version of what is there. Exits with 1 when it is refused."""
    named = {"Title": title, "Type": kind, "Status": status, "Version": version, "Valid_Until": until}
    texts = {name: text for name, text in named.items() if text is not None} | _pairs(given or [])
    if replaces is None:
        texts = {"Title": file.stem, "Type": "Document", "Status": "Draft"} | texts
    with database_uri(database, data) as uri:
        done = asyncio.run(_add(uri, org, file, texts, (product, replaces)))
    if as_json:
        show_json({"id": done.id, "problems": [problem.message for problem in done.problems]})
    elif done.problems:
        say("\n".join(problem.message for problem in done.problems))
    else:
        say(f"{texts.get('Title', file.name)} is {done.id}")
    if done.problems:
        raise typer.Exit(1)


def _pairs(given: list[str]) -> dict[str, str]:
    from fieldsync.base.problems import Code, Refused, problem

    pairs = [one.partition("=") for one in given]
    for name, sign, _ in pairs:
        if not sign:
            raise Refused(problem(Code.UNUSABLE, what=f"--set {name}", reason="it is written as Field=value"))
    return {name.strip(): text.strip() for name, _, text in pairs}


async def _listed(uri: str, name: str) -> list[dict[str, Any]]:
    from fieldsync.server.media.publish import listed
    from fieldsync.server.postgres.work import snapshot

    async with AsyncExitStack() as stack:
        org = await _org(stack, uri, name)
        async with snapshot(org.pool) as database:
            return await listed(org, database)


async def _add(
    uri: str, name: str, file: Path, texts: dict[str, str], leads: tuple[str | None, str | None]
) -> Published:
    from fieldsync.base.ids import RecordId
    from fieldsync.server.media.kinds import Brought
    from fieldsync.server.media.publish import Publication, publish
    from fieldsync.server.org.bring_in import admin_calls

    product, replaces = leads
    async with AsyncExitStack() as stack:
        org = await _org(stack, uri, name)
        values = _values(org, texts)
        if product is not None:
            values["ProductId"] = await _product(org, product)
        with file.open("rb") as body:
            brought = Brought(file.name, body.seek(0, os.SEEK_END), body)
            wanted = Publication(values, RecordId(replaces) if replaces else None, brought)
            return await publish(org, lambda: admin_calls(org), wanted)


async def _org(stack: AsyncExitStack, uri: str, name: str) -> Org:
    from fieldsync.base.world import system_world
    from fieldsync.server.org.open import open_org

    return await open_org(stack, uri, name, system_world())


def _values(org: Org, texts: dict[str, str]) -> dict[str, FieldValue]:
    """Texts as values of their fields. Raises Refused for what is no field, or no value of it."""
    from fieldsync.base.problems import Code, Refused, problem
    from fieldsync.schema.filters import BadFilter, typed

    fields = org.catalog["Content"].column_fields
    for name in texts:
        if name not in fields:
            raise Refused(problem(Code.UNKNOWN_FIELD, object="Content", field=name))
    try:
        return {name: typed(fields[name], text) if text else None for name, text in texts.items()}
    except BadFilter as bad:
        raise Refused(problem(Code.UNUSABLE, what="A value", reason=str(bad))) from None


async def _product(org: Org, named: str) -> str:
    """The id of the product that is meant. Raises Refused(NOT_FOUND)."""
    from sqlalchemy import or_, select

    from fieldsync.base.problems import Code, Refused, problem
    from fieldsync.server.postgres.compiled import compile_statement
    from fieldsync.server.postgres.work import snapshot

    if "Product" in org.catalog:
        t = org.metadata.tables["Product"].c
        query = select(t.Id).where(or_(t.Id == named, t.ProductCode == named, t.Name == named), t.IsDeleted.is_(False))
        async with snapshot(org.pool) as database:
            row = await database.one(compile_statement(query.limit(1)))
        if row is not None:
            return str(row[0])
    raise Refused(problem(Code.NOT_FOUND, object="Product", id=named))
