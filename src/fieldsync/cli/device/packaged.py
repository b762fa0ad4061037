"""The Field app as a program of its own, as a package for people without Python holds it: `fieldsync-field`."""

from __future__ import annotations

import multiprocessing
import sys
from typing import TYPE_CHECKING

from fieldsync.cli.device.given import the_app
from fieldsync.cli.report import run

if TYPE_CHECKING:
    import typer


def main() -> None:
    """Entry point of the package."""
    multiprocessing.freeze_support()
    sys.exit(run(the_app(sys.argv[1:]) or _asked(), as_json=False))


def _asked() -> typer.Typer:
    """What answers to `--help`, and to what is no option."""
    import typer

    from fieldsync.cli.device.field import field

    app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)
    app.command()(field)
    return app


if __name__ == "__main__":
    main()
