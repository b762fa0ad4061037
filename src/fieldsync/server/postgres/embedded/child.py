"""Becomes a program of PostgreSQL. Run by path in a Python of its own, before which nothing is set up in our process.

Arguments: our process number, the account's two numbers (or -1), the log (empty: a program that ends by itself), the
command. Only the standard library may be imported, and nothing of fieldsync.
"""

from __future__ import annotations

import ctypes
import os
import shlex
import signal
import subprocess
import sys
import threading
from typing import NoReturn

PR_SET_PDEATHSIG = 1


def main(owner: int, account: tuple[int, int], log: str, command: list[str]) -> NoReturn:
    """Takes the account's rights, ties itself to its owner, and becomes the command."""
    if sys.platform != "win32" and account[0] >= 0:
        become(*account)
    if log and sys.platform != "linux":
        sys.exit(watch(log, command))
    if log:
        write_to(log)
        end_with(owner)
    os.execv(command[0], command)


def become(uid: int, gid: int) -> None:
    """Drops every right of root for good."""
    assert sys.platform != "win32"
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)
    os.umask(0o077)


def write_to(log: str) -> None:
    """Sends what the server says to its log, and gives it no input."""
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(file, 1)
    os.dup2(file, 2)


def end_with(owner: int, how: signal.Signals = signal.SIGINT) -> None:
    """Asks the kernel for a signal when the owner ends: SIGINT is a fast shutdown. After `become`, which would undo it.

    An owner that ended before this was asked is no longer the parent; then there is nobody to serve.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, how, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    if os.getppid() != owner:
        sys.exit(0)


def watch(log: str, command: list[str]) -> int:
    """Starts the server with pg_ctl, waits until the owner's end of our input closes, stops the server.

    pg_ctl, because on Windows only it can start PostgreSQL for an administrator.
    """
    pg_ctl, data_dir = command[0], command[2]
    options = subprocess.list2cmdline(command[3:]) if sys.platform == "win32" else shlex.join(command[3:])
    start = [pg_ctl, "start", "-w", "-D", data_dir, "-l", log, "-o", options]
    started = subprocess.run(start, check=False, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    if started.returncode != 0:
        return started.returncode
    threading.Thread(target=leave_with_server, args=(pg_ctl, data_dir), daemon=True).start()
    sys.stdin.buffer.read()
    return subprocess.run(
        [pg_ctl, "stop", "-m", "fast", "-D", data_dir], check=False, stdout=subprocess.DEVNULL
    ).returncode


def leave_with_server(pg_ctl: str, data_dir: str) -> None:
    """Ends the watcher when the server ends by itself."""
    pause = threading.Event()
    while subprocess.run([pg_ctl, "status", "-D", data_dir], check=False, stdout=subprocess.DEVNULL).returncode == 0:
        pause.wait(1.0)
    os._exit(1)


if __name__ == "__main__":
    main(int(sys.argv[1]), (int(sys.argv[2]), int(sys.argv[3])), sys.argv[4], sys.argv[5:])
