"""`fieldsync conformance`: public suites of the two languages, run on every back-end."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fieldsync.base.problems import Code, Refused, problem
from fieldsync.cli.place import DatabaseOption, JsonOption
from fieldsync.cli.report import say, show_json, show_table

if TYPE_CHECKING:
    from fieldsync.formula.conformance.case import Outcome
    from fieldsync.formula.conformance.run import Count
    from fieldsync.formula.sql.conformance import Execute

app = typer.Typer(help="Run public conformance suites.", no_args_is_help=True)
Files = Annotated[list[Path], typer.Argument(exists=True, dir_okay=False, help="Files of suites.")]


@app.command("formula")
def formula(files: Files, database: DatabaseOption = None, as_json: JsonOption = False) -> None:
    """Formulas, in Python and in PostgreSQL: passed and total of each suite, then what failed."""
    from fieldsync.formula.conformance.read import cases, judged, load
    from fieldsync.formula.conformance.run import counted, in_python
    from fieldsync.formula.sql.conformance import in_postgres

    try:
        suites = [load(file) for file in files]
    except ValueError as broken:
        raise Refused(problem(Code.UNUSABLE, what="The file", reason=str(broken))) from None
    counts: list[Count] = []
    failures: list[tuple[str, Outcome]] = []
    verdicts = [verdict for suite in suites for verdict in judged(suite)]
    found = [case for suite in suites for case in cases(suite)]
    with _postgres(database) as execute:
        for backend, outcomes in (("python", in_python(found)), ("sql", in_postgres(found, execute))):
            passed, failed = counted([*outcomes, *verdicts], backend)
            counts += passed
            failures += [(backend, failure) for failure in failed]
    _show(counts, failures, as_json=as_json)


def _show(counts: list[Count], failures: list[tuple[str, Outcome]], *, as_json: bool) -> None:
    if as_json:
        for count in counts:
            show_json(asdict(count))
    else:
        columns = ("suite", "back-end", "passed", "total")
        show_table("Conformance", columns, [(c.suite, c.backend, c.passed, c.total) for c in counts])
    for backend, failure in failures:
        if as_json:
            show_json({"backend": backend, **asdict(failure)})
        else:
            say(f"{failure.suite} {backend} {failure.id}: expected {failure.expected}, got {failure.actual}")


@contextmanager
def _postgres(database: str | None) -> Iterator[Execute]:
    """A database with the routines; one that is taken away again, unless another is named."""
    from fieldsync.server.postgres.embedded import EmbeddedPostgres

    if database is not None:
        with _prepared(database) as execute:
            yield execute
        return
    with tempfile.TemporaryDirectory(prefix="fsc-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        with EmbeddedPostgres.start(Path(folder) / "pg") as server, _prepared(server.uri) as execute:
            yield execute


@contextmanager
def _prepared(uri: str) -> Iterator[Execute]:
    from fieldsync.formula.sql.ddl import ddl
    from fieldsync.server.postgres.connect import admin_connection

    with admin_connection(uri) as connection:
        as_written = connection.execution_options(no_parameters=True)
        for statement in ddl():
            as_written.exec_driver_sql(statement)
        yield lambda statement: as_written.exec_driver_sql(statement).all()


@app.command("soql")
def soql(files: Files, as_json: JsonOption = False) -> None:
    """Queries, in PostgreSQL and in SQLite: passed and total of each suite, then what failed."""
    from fieldsync.cli.conformance.soql import conformance_soql

    conformance_soql(files, json=as_json)
