"""A PostgreSQL with a standby behind one address: what it says last may never reach the other, and that one goes on."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import sleep
from urllib.parse import quote

import psycopg

from fieldsync.server.postgres.embedded import EmbeddedPostgres, account, cluster, process
from fieldsync.server.postgres.embedded.files import Address, Files

STEPS_MAX = 2_000


class Pair:
    """The address is a link to the folder of whichever is in charge, as a name or a balancer stands before both."""

    def __init__(self, folder: Path, primary: EmbeddedPostgres) -> None:
        self._primary, self._link = primary, folder / "in-charge"
        self._link.symlink_to(folder / "one")
        self.uri = _uri(self._link)
        self._standby = Files(folder / "two", cluster.bundled_bin_dir().resolve())
        who = account.for_data(folder / "one", self._standby.programs)
        cluster.make_root(self._standby, who)
        copy = ["-h", str(folder / "one"), "-U", "postgres", "-D", str(self._standby.cluster), "-R", "-c", "fast"]
        done = process.run([self._standby.program("pg_basebackup"), *copy], who)
        assert done.returncode == 0, done.stderr
        address = Address(self._standby.root, None)
        self._process = process.Process(self._standby, cluster.arguments(self._standby, address, {}), who)
        until(lambda: self._process.ended() or self._serves())
        assert self._serves(), self._standby.last_words()

    def _serves(self) -> bool:
        lines = self._standby.postmaster_lines()
        return len(lines) >= cluster.STATUS_LINE and lines[-1].strip() == "ready"

    def catch_up(self) -> None:
        """The standby has everything that was written until now."""
        [(now,)] = self._ask(self.uri, "SELECT pg_current_wal_insert_lsn()::text")
        self._ask(self.uri, "SELECT pg_switch_wal()")
        until(lambda: self._ask(self._of_standby, f"SELECT pg_last_wal_replay_lsn() >= '{now}'") == [(True,)])

    def cut(self) -> None:
        """From here on nothing reaches the standby."""
        self._ask(self._of_standby, "ALTER SYSTEM SET primary_conninfo = ''")
        self._ask(self._of_standby, "SELECT pg_reload_conf()")
        until(lambda: not self._ask(self._of_standby, "SELECT 1 FROM pg_stat_wal_receiver"))

    def fail_over(self) -> None:
        """The one in charge is gone, and the standby takes its place."""
        os.kill(self._primary.pid, signal.SIGQUIT)
        assert self._ask(self._of_standby, "SELECT pg_promote()") == [(True,)]
        fresh = self._link.with_suffix(".new")
        fresh.symlink_to(self._standby.root)
        fresh.replace(self._link)

    def stop(self) -> None:
        self._process.stop()

    @property
    def _of_standby(self) -> str:
        return _uri(self._standby.root)

    @staticmethod
    def _ask(uri: str, statement: str) -> list[tuple[object, ...]]:
        with psycopg.connect(uri, autocommit=True) as connection:
            found = connection.execute(statement.encode())
            return found.fetchall() if found.description else []


@contextmanager
def pair(folder: Path) -> Iterator[Pair]:
    """Both, on a folder that is made."""
    folder.mkdir()
    folder.chmod(0o755)
    with EmbeddedPostgres.start(folder / "one") as primary:
        made = Pair(folder, primary)
        try:
            yield made
        finally:
            made.stop()


def _uri(folder: Path) -> str:
    return f"postgresql://postgres@/postgres?host={quote(str(folder), safe='')}"


def until(true: object) -> None:
    """Wait for it. A failure after some seconds."""
    assert callable(true)
    for _ in range(STEPS_MAX):
        if true():
            return
        sleep(0.01)
    raise AssertionError("it never came true")
