"""Who may run the server on a folder now: one process at a time, told apart from one that was killed.

The lock is the kernel's, so it falls with its holder. A server whose owner was killed is on its way out; the next
owner waits for that a little before it gives up.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from fieldsync.base.problems import Code, Refused, problem
from fieldsync.server.postgres.embedded.files import Files

PREDECESSOR_SECONDS_MAX = 30
POLL_SECONDS = 0.02


@contextmanager
def claim(files: Files) -> Iterator[None]:
    """Holds the folder for this process. Raises Refused(DATABASE_UNFIT) with the process that uses it."""
    with files.owner_lock.open("a") as lock:
        if not _lock(lock):
            lines = files.postmaster_lines()
            raise _in_use(files, int(lines[0]) if lines else None)
        _outlast_predecessor(files)
        yield


def _outlast_predecessor(files: Files) -> None:
    for _ in range(int(PREDECESSOR_SECONDS_MAX / POLL_SECONDS)):
        running = _running_on(files)
        if not running:
            break
        time.sleep(POLL_SECONDS)
    else:
        raise _in_use(files, _running_on(files)[0])
    if sys.platform == "linux":
        # Nobody works here, so these are a dead server's. The process number in them may be another program's by now,
        # or still be listed as dead but not buried; either would keep PostgreSQL from starting.
        for stale in (files.cluster / "postmaster.pid", *files.root.glob(".s.PGSQL.*")):
            stale.unlink(missing_ok=True)


def _running_on(files: Files) -> list[int]:
    """The processes of a server on this folder."""
    return _by_folder(files) if sys.platform == "linux" else _by_number(files)


def _by_folder(files: Files) -> list[int]:
    """Every process of a server works in its cluster's folder, the ones that outlive the first too."""
    return sorted(int(entry.name) for entry in Path("/proc").iterdir() if _works_in(entry, files.cluster))


def _by_number(files: Files) -> list[int]:
    """The one that the server noted, if it lives. Windows leaves the question to PostgreSQL itself."""
    lines = files.postmaster_lines()
    if sys.platform == "win32" or not lines:
        return []
    try:
        os.kill(int(lines[0]), 0)
    except ProcessLookupError:
        return []
    except PermissionError:
        pass
    return [int(lines[0])]


def _works_in(entry: Path, folder: Path) -> bool:
    if not entry.name.isdecimal():
        return False
    try:
        return (entry / "cwd").readlink() == folder
    except OSError:
        return False


def _in_use(files: Files, pid: int | None) -> Refused:
    by = f" (process {pid})" if pid else ""
    return Refused(problem(Code.DATABASE_UNFIT, reason=f"{files.root} is in use by another server{by}"))


def _lock(file: IO[str]) -> bool:
    """Takes the lock if it is free."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
