"""What commands print: tables for people, JSON for programs, and every failure as what, where and what to do.

The outermost loop is here: it alone catches everything, and turns it into a sentence and an exit code.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Sequence
from enum import IntEnum
from typing import Any

import msgspec
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from fieldsync.base.problems import Code, Problem, Refused, problem
from fieldsync.base.reference import reference

_ENCODER = msgspec.json.Encoder(decimal_format="number")
TRACE_VARIABLE = "FIELDSYNC_TRACE"
"""Set to anything, this environment variable adds the traceback to an unforeseen failure."""


class Exit(IntEnum):
    """Exit codes. A wrong option is 2, as everywhere."""

    DONE = 0
    REFUSED = 1
    USAGE = 2
    UNREACHABLE = 3
    INTERNAL = 70
    INTERRUPTED = 130


_EXITS = {
    Code.DATABASE_UNREACHABLE: Exit.UNREACHABLE,
    Code.OFFLINE: Exit.UNREACHABLE,
    Code.INTERNAL: Exit.INTERNAL,
}


def show_json(value: object) -> None:
    """One JSON value on one line of standard output."""
    sys.stdout.buffer.write(_ENCODER.encode(value) + b"\n")
    sys.stdout.buffer.flush()


def show_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A table for people; nothing in it is read as markup."""
    table = Table(*columns, title=escape(title), title_justify="left")
    for row in rows:
        table.add_row(*["" if cell is None else escape(str(cell)) for cell in row])
    Console().print(table)


def say(sentence: str) -> None:
    """One line for people."""
    Console(highlight=False).print(sentence, markup=False, soft_wrap=True)


def codes() -> None:
    """Every error code with its sentence and what to do, as Markdown."""
    print(reference(), end="")


def progress() -> Progress:
    """A progress display on standard error; nothing where that is not a terminal."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=console, disable=not console.is_terminal, transient=True)


def show_problem(failed: Problem, *, as_json: bool) -> None:
    """What went wrong, where, and what to do about it, on standard error."""
    if as_json:
        body = {"error": {**msgspec.to_builtins(failed), "remedy": failed.remedy}}
        sys.stderr.write(_ENCODER.encode(body).decode() + "\n")
        return
    place = ".".join(part for part in (failed.object, failed.field) if part)
    _show_failure(failed.message, " ".join(part for part in (place, failed.id) if part), failed.remedy)


def _show_failure(what: str, where: str, remedy: str) -> None:
    console = Console(stderr=True, highlight=False)
    console.print(f"[red]Error:[/red] {escape(what)}", soft_wrap=True)
    if where:
        console.print(f"Where:  {escape(where)}", soft_wrap=True)
    console.print(f"Remedy: {escape(remedy)}", soft_wrap=True)


def _show_unforeseen(failed: Exception, *, as_json: bool) -> None:
    """A bug: the only failure that is not one of the catalogue."""
    message = f"Something went wrong on our side: {type(failed).__name__}: {failed}"
    remedy = f"Run it again with {TRACE_VARIABLE}=1 in the environment, and report what it prints."
    if as_json:
        body = {"error": {"code": Code.INTERNAL, "message": message, "remedy": remedy}}
        sys.stderr.write(_ENCODER.encode(body).decode() + "\n")
    else:
        _show_failure(message, "", remedy)


def run(command: Callable[[], Any], *, as_json: bool) -> int:
    """Run the command line and return its exit code. Nothing that goes wrong shows a traceback unasked."""
    try:
        command()
    except Refused as refused:
        show_problem(refused.problem, as_json=as_json)
        return _EXITS.get(refused.problem.code, Exit.REFUSED)
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    except OSError as failed:
        what = str(failed.filename) if failed.filename else "The machine"
        show_problem(problem(Code.UNUSABLE, what=what, reason=failed.strerror or str(failed)), as_json=as_json)
        return Exit.REFUSED
    except Exception as failed:  # the outermost loop, which reports it
        if os.environ.get(TRACE_VARIABLE):
            raise
        _show_unforeseen(failed, as_json=as_json)
        return Exit.INTERNAL
    return Exit.DONE
