"""Where a server keeps its data, and how a command finds the database of a server on this machine.

`serve` writes `server.json` into its data folder while it runs. Other commands read it, or start the embedded
PostgreSQL themselves for as long as they run.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import msgspec
import typer

DATA_VARIABLE = "FIELDSYNC_DATA"
DATABASE_VARIABLE = "FIELDSYNC_DATABASE"
DEFAULT_DATA = Path.home() / ".fieldsync"

DatabaseOption = Annotated[
    str | None,
    typer.Option("--database", envvar=DATABASE_VARIABLE, help="Address of a PostgreSQL 15 or newer of your own."),
]
DataOption = Annotated[
    Path, typer.Option("--data-dir", envvar=DATA_VARIABLE, help="Folder of the embedded PostgreSQL.")
]
OrgOption = Annotated[str, typer.Option("--org", envvar="FIELDSYNC_ORG", help="Name of the org.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
DEFAULT_ORG = "demo"


class Running(msgspec.Struct, frozen=True):
    """What `server.json` says while a server runs."""

    pid: int
    database: str
    address: str


@contextmanager
def database_uri(database: str | None, data: Path) -> Iterator[str]:
    """The address of the PostgreSQL to use: the one named, that of a running server, or the embedded one.

    An embedded one that was started here stops when the block ends.
    """
    if database is not None:
        yield database
        return
    running = read_running(data)
    if running is not None:
        yield running.database
        return
    from fieldsync.server.postgres.embedded import EmbeddedPostgres

    data.mkdir(parents=True, exist_ok=True)
    with EmbeddedPostgres.start(data / "postgres") as embedded:
        yield embedded.uri


def read_running(data: Path) -> Running | None:
    """The server that runs on this data folder; None when it is gone, even if it left its file behind."""
    from fieldsync.server.postgres.connect import answers

    try:
        running = msgspec.json.decode((data / "server.json").read_bytes(), type=Running)
    except (FileNotFoundError, msgspec.DecodeError):
        return None
    return running if answers(running.database) else None


@contextmanager
def announced(data: Path, database: str, address: str) -> Iterator[None]:
    """Tell other commands about this server while the block runs. Only this user may read the file."""
    file = data / "server.json"
    data.mkdir(parents=True, exist_ok=True)
    file.unlink(missing_ok=True)
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as out:
        out.write(msgspec.json.encode(Running(os.getpid(), database, address)))
    try:
        yield
    finally:
        file.unlink(missing_ok=True)
