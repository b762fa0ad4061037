"""The life of an embedded PostgreSQL: claimed, initialised, started, stopped. The steps only; each has its own room."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

from fieldsync.base.problems import Code, Refused, problem
from fieldsync.server.postgres.embedded import account, cluster, owner, process
from fieldsync.server.postgres.embedded.files import Address, Files

START_SECONDS_MAX = 300
"""Long, because a start after a power loss replays the log first."""
POLL_SECONDS = 0.005
SOCKET_PATH_BYTES_MAX = 103
"""Linux takes 107, macOS 103."""


class EmbeddedPostgres:
    """A running PostgreSQL whose data is in one folder. Made by `start`; a context manager that stops it.

    >>> with EmbeddedPostgres.start(Path("data")) as postgres:  # doctest: +SKIP
    ...     psycopg.connect(postgres.uri)

    It ends when this process does, however that ends. Any thread may start or stop it.
    """

    def __init__(self, files: Files, address: Address, resources: ExitStack) -> None:
        self.data_dir = files.root
        self.uri = _uri(files, address)
        self._process: process.Process | None = None
        self._resources = resources

    @classmethod
    def start(
        cls,
        data_dir: Path,
        *,
        port: int | None = None,
        bin_dir: Path | None = None,
        settings: Mapping[str, str] | None = None,
    ) -> Self:
        """Start on `data_dir`, which is made when it is not there.

        Without `port` it listens on a private Unix socket only (on Windows, on a free port of loopback); with one, on
        loopback with a password, which is in `uri`. `bin_dir` names another PostgreSQL's programs than the wheel's,
        `settings` overrides `cluster.SETTINGS`. Raises Refused(DATABASE_UNFIT): the folder is in use (with the
        process), belongs to somebody else, holds something else or another version, or PostgreSQL would not start
        (with its last words).
        """
        with ExitStack() as resources:
            files = Files(data_dir.expanduser().resolve(), (bin_dir or cluster.bundled_bin_dir()).resolve())
            who = account.for_data(files.root, files.programs)
            cluster.open_bundle(files, who)
            cluster.make_root(files, who)
            resources.enter_context(owner.claim(files))
            cluster.initialise(files, who)
            address = _address(files, port, who, resources)
            server = cls(files, address, resources)
            server._run(files, cluster.arguments(files, address, settings or {}), who)
            server._resources = resources.pop_all()
        return server

    @property
    def pid(self) -> int:
        """The process to watch or kill: PostgreSQL's own on Linux, elsewhere that of its watcher."""
        assert self._process is not None, "the server is stopped"
        return self._process.pid

    def stop(self) -> None:
        """End it, connections included, and wait until it is gone. Harmless when it is stopped already."""
        running, self._process = self._process, None
        if running is not None:
            running.stop()
        self._resources.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _run(self, files: Files, arguments: list[str], who: account.Account | None) -> None:
        before = files.postmaster_lines()
        self._process = process.Process(files, arguments, who)
        for _ in range(int(START_SECONDS_MAX / POLL_SECONDS)):
            lines = files.postmaster_lines()
            if lines != before and len(lines) >= cluster.STATUS_LINE and lines[-1].strip() == "ready":
                return
            if self._process.ended():
                break
            time.sleep(POLL_SECONDS)
        self._process.stop()
        raise Refused(problem(Code.DATABASE_UNFIT, reason=f"it did not start: {files.last_words()}"))


def _address(files: Files, port: int | None, who: account.Account | None, resources: ExitStack) -> Address:
    if sys.platform == "win32":
        return Address(None, port or cluster.free_port())
    folder = files.root
    if len(bytes(folder / f".s.PGSQL.{port or cluster.PORT}")) > SOCKET_PATH_BYTES_MAX:
        folder = Path(resources.enter_context(tempfile.TemporaryDirectory(prefix="fieldsync-", dir="/tmp")))
        account.give(folder, who)
    return Address(folder, port)


def _uri(files: Files, address: Address) -> str:
    if address.port is None:
        return f"postgresql://{cluster.SUPERUSER}@/postgres?host={quote(str(address.socket_dir), safe='')}"
    return f"postgresql://{cluster.SUPERUSER}:{files.password()}@127.0.0.1:{address.port}/postgres"
