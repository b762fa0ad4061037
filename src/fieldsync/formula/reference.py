"""The reference of the language, written from the table of functions: `python -m fieldsync.formula.reference`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from fieldsync.formula import limits
from fieldsync.formula.functions.signature import Function, Kind, Parameter
from fieldsync.formula.functions.table import ROWS
from fieldsync.formula.types import FormulaType

FILE = Path("docs/reference/formula.md")
_HEAD = f"""<!-- Written by python -m fieldsync.formula.reference; change the table of functions instead. -->

# The formula language

A formula is Salesforce's: fields, related fields (`Account.Owner.Name`), global values (`$User.Id`), texts in either
quotes with `\\"`, `\\n` and the like, numbers, `TRUE`, `FALSE`, `NULL`, comments `/* like this */`. Names of fields and
functions may be written in any case. Numbers keep {limits.DIGITS_MAX} digits and are rounded half up, never a
binary fraction.

Precedence, from loosest: `||`, `&&`, `=` `==` `<>` `!=`, `<` `<=` `>` `>=`, `+` `-` `&`, `*` `/`, `^`, then unary
`-` `+` `!` `NOT`. Operators of one level go from left to right.

Blank values make most results blank; in a comparison that counts as false. A formula may treat blank numbers as zero
instead. Where a result cannot be computed (a division by zero) the formula shows `#Error!`, on that record alone.

Limits: {limits.TEXT_CHARS_MAX:,} characters, {limits.NODES_MAX:,} parts, {limits.DEPTH_MAX} calls inside one another,
{limits.STEPS_MAX:,} steps of an evaluation, texts of {limits.RESULT_CHARS_MAX:,} characters. A REGEX pattern has
{limits.REGEX_CHARS_MAX:,} characters at most and is matched in linear time, so back-references, possessive repetition
and look-behind are refused. A pattern that is not written in the formula itself is read by PostgreSQL in its own
dialect when the formula runs there.
"""


def reference() -> str:
    """The whole document."""
    chapters = (_chapter(kind, [row for row in ROWS if row.kind is kind]) for kind in Kind)
    return _HEAD + "".join(chapters)


def _chapter(kind: Kind, rows: list[Function]) -> str:
    lines = [f"\n## {kind}\n\n| | Gives | |\n| --- | --- | --- |\n", *(_line(row) for row in rows)]
    return "".join(lines)


def _line(row: Function) -> str:
    notes = [row.doc]
    notes += [f"Not in SQL: {row.python_only}."] if row.python_only else []
    notes += ["Not kept: it changes by itself."] if row.volatile and not row.python_only else []
    cells = (f"`{_written(row)}`", "" if row.refused else _gives(row), " ".join(notes))
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


def _gives(row: Function) -> str:
    """The result's type, where it is the same for arguments of every type."""
    if isinstance(row.result, FormulaType):
        return str(row.result)
    found = set()
    for kind in row.parameters[-1].types:
        given = tuple(kind if kind in p.types else p.types[0] for p in row.parameters)
        found.add(row.result(given))
    kinds = {kind for kind in found if isinstance(kind, FormulaType) and kind is not FormulaType.NULL}
    return str(kinds.pop()) if len(kinds) == 1 else "depends"


def _written(row: Function) -> str:
    """As it is typed."""
    names = [p.name for p in row.parameters]
    if row.kind is not Kind.OPERATOR:
        return f"{row.name}({', '.join(_parameters(row.parameters))})"
    if len(names) == 1 and not row.parameters[0].repeats:
        return f"{row.name.removeprefix('unary ')} {names[0]}"
    return f"{names[0]} {row.name} {names[-1]}"


def _parameters(parameters: tuple[Parameter, ...]) -> Iterator[str]:
    for parameter in parameters:
        text = parameter.name + (", ..." if parameter.repeats else "")
        yield f"[{text}]" if parameter.optional else text


def main() -> None:
    """Writes the file, from the project's folder."""
    FILE.parent.mkdir(parents=True, exist_ok=True)
    FILE.write_text(reference(), encoding="utf-8")


if __name__ == "__main__":
    main()
