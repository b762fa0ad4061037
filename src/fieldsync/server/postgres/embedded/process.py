"""How PostgreSQL's programs are started: as the right account, away from our terminal, and never outliving us.

On Linux the kernel ends the server when its parent *thread* ends, so it is started from a thread that does nothing but
wait for it. Elsewhere a watcher holds the reading end of a pipe and stops the server when we are gone (`child`).
"""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
from pathlib import Path

from fieldsync.server.postgres.embedded.account import Account
from fieldsync.server.postgres.embedded.files import Files

STOP_SECONDS_MAX = 60
KILL_SECONDS_MAX = 10
CHILD = Path(__file__).with_name("child.py")


class Process:
    """A started server."""

    def __init__(self, files: Files, arguments: list[str], who: Account | None) -> None:
        program = "postgres" if sys.platform == "linux" else "pg_ctl"
        self._command = _child(who, [str(files.log), files.program(program), *arguments])
        started: queue.SimpleQueue[subprocess.Popen[bytes] | OSError] = queue.SimpleQueue()
        threading.Thread(target=self._keep, args=(started,), name="fieldsync-postgres", daemon=True).start()
        outcome = started.get()
        if isinstance(outcome, OSError):
            raise outcome
        self._popen = outcome

    @property
    def pid(self) -> int:
        """Of the process started: the server on Linux, its watcher elsewhere."""
        return self._popen.pid

    def ended(self) -> bool:
        """True when it has ended by itself."""
        return self._popen.poll() is not None

    def stop(self) -> None:
        """Ends it, first with its sessions rolled back and its data written, then by force."""
        assert self._popen.stdin is not None
        self._popen.stdin.close()
        if sys.platform == "linux":
            self._popen.send_signal(signal.SIGINT)
        try:
            self._popen.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self._popen.send_signal(signal.SIGTERM if sys.platform == "win32" else signal.SIGQUIT)
            self._popen.wait(KILL_SECONDS_MAX)

    def _keep(self, started: queue.SimpleQueue[subprocess.Popen[bytes] | OSError]) -> None:
        # A session of its own: Ctrl-C in the terminal is for us, and we decide the order in which things end.
        try:
            popen = subprocess.Popen(
                self._command, stdin=subprocess.PIPE, cwd="/", env=_environment(), start_new_session=True
            )
        except OSError as error:
            started.put(error)
            return
        started.put(popen)
        popen.wait()


def run(command: list[str], who: Account | None) -> subprocess.CompletedProcess[str]:
    """Runs a program of PostgreSQL to its end."""
    return subprocess.run(
        _child(who, ["", *command]) if who else command,
        check=False,
        capture_output=True,
        text=True,
        cwd="/" if who else None,
        env=_environment(),
    )


def _child(who: Account | None, rest: list[str]) -> list[str]:
    account = [str(who.uid), str(who.gid)] if who else ["-1", "-1"]
    return [sys.executable, "-I", "-S", str(CHILD), str(os.getpid()), *account, *rest]


def _environment() -> dict[str, str]:
    """Ours without the variables that steer PostgreSQL's programs."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PG")}
