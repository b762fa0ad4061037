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


def environment_of(folder: Path) -> dict[str, str]:
    """Nothing of the person who runs the tests, and a data folder of its own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FIELDSYNC_")}
    return {**kept, "FIELDSYNC_DATA": str(folder / "data"), "FIELDSYNC_PASSWORD": PASSWORD, "COLUMNS": "200"}


def ran(environment: dict[str, str], *arguments: str) -> Ran:
    """Runs the command to its end. A traceback fails the test."""
    done = forking.run(PROGRAM, *arguments, env=environment)
    assert "Traceback" not in done.stderr, done.stderr
    return Ran(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """The environment of a test of its own."""
    return environment_of(tmp_path)


@pytest.fixture
def run(environment: dict[str, str]) -> Run:
    """`run("org", "list", "--json")`: as `ran`, in this environment."""

    def command(*arguments: str, **variables: str) -> Ran:
        return ran({**environment, **variables}, *arguments)

    return command


@pytest.fixture
def run_here(run: Run, database: str) -> Run:
    """As `run`, on a fresh database."""

    def command(*arguments: str, **variables: str) -> Ran:
        return run(*arguments, FIELDSYNC_DATABASE=database, **variables)

    return command
