"""The Field app as a program of its own, as a package for people without Python holds it: `fieldsync-field`."""

from __future__ import annotations

import multiprocessing
import sys

import typer

from fieldsync.cli.device.field import field
from fieldsync.cli.report import run

app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)
app.command()(field)


def main() -> None:
    """Entry point of the package."""
    multiprocessing.freeze_support()
    sys.exit(run(app, as_json=False))


if __name__ == "__main__":
    main()
