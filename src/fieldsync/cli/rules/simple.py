"""`fieldsync rules simple`: a condition as rows of the simple filter editor, and rows as a condition."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from fieldsync.base.problems import Code, Refused, problem
from fieldsync.cli.place import JsonOption
from fieldsync.cli.report import say, show_json, show_table

if TYPE_CHECKING:
    from fieldsync.server.configuration.simple import SimpleFilter

ConditionArgument = Annotated[str | None, typer.Argument(help="A condition to show as rows.")]
RowsOption = Annotated[Path | None, typer.Option("--rows", help="JSON of rows and logic to write as a condition.")]


def simple(condition: ConditionArgument = None, rows: RowsOption = None, as_json: JsonOption = False) -> None:
    """Show a condition as rows with a logic, or with --rows write rows as a condition; needs no database."""
    from fieldsync.server.configuration.simple import BadFilter, read_filter, write_filter
    from fieldsync.soql import SoqlError

    try:
        if rows is not None:
            say(write_filter(_decoded(rows)))
        else:
            _show(read_filter(condition or ""), as_json=as_json)
    except SoqlError as bad:
        raise Refused(problem(Code.UNUSABLE, what="The condition", reason=str(bad).rstrip("."))) from None
    except BadFilter as bad:
        place = f"row {bad.row}: " if bad.row else f"logic, column {bad.column}: " if bad.column else ""
        what = "The filter" if rows is not None else "The condition"
        raise Refused(problem(Code.UNUSABLE, what=what, reason=f"{place}{bad.sentence.rstrip('.')}")) from None


def _decoded(file: Path) -> SimpleFilter:
    from fieldsync.server.configuration.simple import SimpleFilter

    try:
        return msgspec.json.decode(file.read_bytes(), type=SimpleFilter)
    except msgspec.DecodeError as bad:
        raise Refused(problem(Code.UNUSABLE, what=file.name, reason=str(bad))) from None


def _show(found: SimpleFilter, *, as_json: bool) -> None:
    if as_json:
        show_json(found)
        return
    rows = [
        (number, row.field, row.operator.value, row.type.value, ", ".join(row.values))
        for number, row in enumerate(found.rows, 1)
    ]
    show_table(f"Logic: {found.logic}", ("", "field", "operator", "type", "value"), rows)
