"""What every test may ask for: a real PostgreSQL, fresh databases on it, and the browser.

`FIELDSYNC_TEST_PG=15` runs the same tests on Debian's PostgreSQL 15 instead of the embedded one.
"""

from __future__ import annotations

import gc
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from psycopg import sql

from fieldsync.server.postgres.embedded import EmbeddedPostgres

settings.register_profile("machines", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("machines")  # how fast a machine is, and what else it does, is no property of the product

BIN_DIRS = {"": None, "15": Path("/usr/lib/postgresql/15/bin")}

MEMORY, MEMORY_BYTES_MIN = Path("/dev/shm"), 8 * 2**30

Prepare = Callable[[str], None]
"""Fills the database whose URI it is given."""


@dataclass(frozen=True)
class Databases:
    """The databases of one server. A worker of the test run has a server of its own, so names never meet."""

    server: EmbeddedPostgres
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))
    _templates: dict[str, str] = field(default_factory=dict)

    def uri(self, name: str) -> str:
        """Where the database `name` is."""
        return self.server.uri.replace("/postgres?", f"/{name}?", 1)

    def create(self, template: str = "template1") -> str:
        """The name of a new database with the contents of `template`."""
        name = f"test_{next(self._numbers)}"
        self._run(sql.SQL("CREATE DATABASE {} TEMPLATE {}"), name, template)
        return name

    def drop(self, name: str) -> None:
        """Removes it, also under somebody's open connection."""
        self._run(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)"), name)

    def template(self, name: str, prepare: Prepare) -> str:
        """The name of a database that `prepare` filled once in this run; a start for `create`."""
        if name not in self._templates:
            database = self.create()
            prepare(self.uri(database))
            self._templates[name] = database
        return self._templates[name]

    def _run(self, statement: sql.SQL, *names: str) -> None:
        with psycopg.connect(self.server.uri, autocommit=True) as connection:
            connection.execute(statement.format(*(sql.Identifier(name) for name in names)))


def _fastest() -> str | None:
    """Where files are written in memory, if there is plenty of room. No settings change: PostgreSQL syncs there as
    anywhere. Making a database is hundreds of synced files, and costs a disk twenty times what it costs memory."""
    if os.name != "posix":
        return None
    room = shutil.disk_usage(MEMORY).free if MEMORY.is_dir() else 0
    return str(MEMORY) if room >= MEMORY_BYTES_MIN else "/tmp"


@pytest.fixture(scope="session")
def short_dir() -> Iterator[Path]:
    """A folder with a short name that other accounts can reach: pytest's own is neither, and PostgreSQL needs both."""
    folder = Path(tempfile.mkdtemp(prefix="fst-", dir=_fastest()))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres(short_dir: Path) -> Iterator[EmbeddedPostgres]:
    """The server of this worker. A test that changes the server itself starts one of its own instead."""
    with EmbeddedPostgres.start(short_dir / "pg", bin_dir=BIN_DIRS[os.environ.get("FIELDSYNC_TEST_PG", "")]) as server:
        yield server


@pytest.fixture(scope="session")
def databases(postgres: EmbeddedPostgres) -> Databases:
    """For tests that need several databases, or name their own template."""
    return Databases(postgres)


@pytest.fixture
def database(databases: Databases) -> Iterator[str]:
    """The URI of a fresh, empty database."""
    name = databases.create()
    yield databases.uri(name)
    databases.drop(name)


@pytest.fixture
def template_database(databases: Databases) -> Iterator[Callable[[str, Prepare], str]]:
    """`template_database(name, prepare)`: the URI of a fresh copy of what `prepare` made once in this run."""
    made: list[str] = []

    def copy(name: str, prepare: Prepare) -> str:
        made.append(databases.create(databases.template(name, prepare)))
        return databases.uri(made[-1])

    yield copy
    for name in made:
        databases.drop(name)


@pytest.fixture(scope="session")
def chromium() -> Path:
    """The program that browser tests drive; where it is not, they skip."""
    program = Path("/usr/bin/chromium")
    if not program.exists():
        pytest.skip(f"no {program}: `make test` installs it where apt-get is there and it runs as root")
    return program


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test that takes the server or the browser, however indirectly, is marked so: `-m database` finds it."""
    for item in items:
        taken = getattr(item, "fixturenames", ())
        for fixture, marker in (("postgres", "database"), ("chromium", "browser")):
            if fixture in taken:
                item.add_marker(marker)


def pytest_collection_finish() -> None:
    """What is here now stays to the end, so no later collection of garbage need look at all of it again."""
    gc.collect()
    gc.freeze()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """How far public suites pass, as the tests recorded it."""
    reports = (report for reports in terminalreporter.stats.values() for report in reports)
    told = [
        text for report in reports for name, text in getattr(report, "user_properties", ()) if name == "conformance"
    ]
    if told:
        terminalreporter.section("public suites")
        for line in sorted(set(told)):
            terminalreporter.write_line(line)
