"""Runs the command as people do: as a process of its own."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests import forking

PROGRAM = "from fieldsync.cli.main import main; main()"
COMMAND = [sys.executable, "-c", PROGRAM]
PASSWORD = "mango river staple"


@dataclass(frozen=True)
class Ran:
    """What a command left behind."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        """The one JSON value it printed."""
        assert self.out, self.err
        return json.loads(self.out)

    def error(self) -> dict[str, Any]:
        """The JSON error it printed."""
        found: dict[str, Any] = json.loads(self.err)["error"]
        return found


Run = Callable[..., Ran]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Nothing of the person who runs the tests, and a data folder of its own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FIELDSYNC_")}
    return {**kept, "FIELDSYNC_DATA": str(tmp_path / "data"), "FIELDSYNC_PASSWORD": PASSWORD, "COLUMNS": "200"}


@pytest.fixture
def run(environment: dict[str, str]) -> Run:
    """`run("org", "list", "--json")`: runs the command to its end. A traceback fails the test."""

    def command(*arguments: str, **variables: str) -> Ran:
        done = forking.run(PROGRAM, *arguments, env={**environment, **variables})
        assert "Traceback" not in done.stderr, done.stderr
        return Ran(done.returncode, done.stdout, done.stderr)

    return command


@pytest.fixture
def run_here(run: Run, database: str) -> Run:
    """As `run`, on a fresh database."""

    def command(*arguments: str, **variables: str) -> Ran:
        return run(*arguments, FIELDSYNC_DATABASE=database, **variables)

    return command
