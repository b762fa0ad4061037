"""`fieldsync formula`: what a formula gives, on a record of an org or by itself; and what the language has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from fieldsync.base.problems import Code, Refused, problem
from fieldsync.base.world import World, system_world
from fieldsync.cli.place import (
    DEFAULT_DATA,
    DEFAULT_ORG,
    DatabaseOption,
    DataOption,
    JsonOption,
    OrgOption,
    database_uri,
)
from fieldsync.cli.report import say, show_json

if TYPE_CHECKING:
    from fieldsync.formula import Formula, FormulaError, Record, Surroundings, Value
    from fieldsync.schema.catalog import Catalog


def formula(
    formula_text: Annotated[str, typer.Argument(metavar="FORMULA", help="The formula; - for the table of functions.")],
    object_name: Annotated[str | None, typer.Option("--object", help="The object whose fields it reads.")] = None,
    record_id: Annotated[str | None, typer.Option("--record", help="The record to compute it on.")] = None,
    username: Annotated[str | None, typer.Option("--as", help="Whose rights count; else those of the admin.")] = None,
    blanks_as_zero: Annotated[bool, typer.Option("--blanks-as-zero", help="Blank numbers count as 0.")] = False,
    org: OrgOption = DEFAULT_ORG,
    database: DatabaseOption = None,
    data: DataOption = DEFAULT_DATA,
    as_json: JsonOption = False,
) -> None:
    """Check a formula, and compute it: alone, against an object, or on one of its records."""
    if formula_text == "-":
        from fieldsync.formula.reference import reference

        typer.echo(reference())
        return
    from fieldsync.formula import BadFormula, Names, Record, Surroundings, evaluate, parse

    world = system_world()
    around = Surroundings(world.clock.now(), blanks_as_zero=blanks_as_zero)
    try:
        parsed = parse(formula_text)
        if object_name is None:
            checked = parsed.bind(Names({}))
            _show(evaluate(checked, Record({}), around), checked.type, as_json=as_json)
            return
        with database_uri(database, data) as uri:
            _on_object(uri, org, parsed, (object_name, record_id, username), around, world, as_json=as_json)
    except BadFormula as bad:
        raise Refused(problem(Code.UNUSABLE, what="The formula", reason=str(bad.error))) from None


def _on_object(
    uri: str,
    org: str,
    parsed: Formula,
    place: tuple[str, str | None, str | None],
    around: Surroundings,
    world: World,
    *,
    as_json: bool,
) -> None:
    """Against an object of an org, as a person sees it; without a record only its type is known."""
    from sqlalchemy import text

    from fieldsync.formula import evaluate
    from fieldsync.formula.catalog.sources import SeenScope
    from fieldsync.schema.access.permissions import Access
    from fieldsync.server.org.create import seeding_org
    from fieldsync.server.org.rights import person
    from fieldsync.server.postgres.names import quoted

    object_name, record_id, username = place
    with seeding_org(uri, org, world) as seeding:
        rights = person(seeding, username).rights
        if not rights.may(object_name, Access.READ):
            raise Refused(problem(Code.UNKNOWN_OBJECT, object=object_name))
        checked = parsed.bind(SeenScope(seeding.catalog, object_name, rights))
        if record_id is None:
            _show(None, checked.type, as_json=as_json)
            return

        def rows(object_name: str, record_id: str) -> dict[str, Any] | None:
            statement = text(f"SELECT * FROM {quoted(object_name)} WHERE {quoted('Id')} = :id")  # noqa: S608  a catalog's name
            found = seeding.connection.execute(statement, {"id": record_id}).mappings().first()
            return None if found is None else dict(found)

        row = rows(object_name, record_id)
        if row is None:
            raise Refused(problem(Code.NOT_FOUND, object=object_name, id=record_id))
        record = _record(seeding.catalog, object_name, row, rows, around)
        _show(evaluate(checked, record, around), checked.type, as_json=as_json)


def _record(catalog: Catalog, object_name: str, row: dict[str, Any], rows: Any, around: Surroundings) -> Record:
    from fieldsync.formula.catalog import CatalogFormulas, record_of

    return record_of(CatalogFormulas(catalog), object_name, row, row, rows, around)


def _show(value: Value | FormulaError, kind: str, *, as_json: bool) -> None:
    """The value with its type; #Error! with its reason."""
    from fieldsync.formula import FormulaError

    failed = isinstance(value, FormulaError)
    shown = f"#Error! ({value})" if isinstance(value, FormulaError) else _plain(value)
    if as_json:
        show_json({"type": str(kind), "value": None if failed else shown, "error": shown if failed else None})
    else:
        say(f"{shown if shown is not None else '(blank)'}  [{kind}]")


def _plain(value: Value) -> str | bool | None:
    from fieldsync.formula.functions.text import text_of

    match value:
        case bool():
            return value
        case tuple():
            return f"{value[0]:f}, {value[1]:f}"
        case _:
            return text_of(value)
