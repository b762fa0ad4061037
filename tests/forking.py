"""Processes of the product that need not import it first: each is a fork of one that has, and has done nothing else.

To import all of fieldsync costs a second or two of a processor, and the tests start it some hundred times. What a
process does after its imports is as real as in any other: own memory, own standard streams, own end, kill -9 included.
That it also starts from nothing is proved where `subprocess` starts it: `test_serve.py` and `test_demo.py`.
"""

from __future__ import annotations

import atexit
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import IO, NoReturn

FORKS = sys.platform == "linux"
"""Elsewhere a fork of a process with libraries is not safe, and every process begins from nothing."""
TIED = "sim.reality.preload"
"""Who imports it is killed when the thread ends that started him: the template, with all who asked it later."""
STREAMS = 4
"""Standard input, output and error, and the one that tells how it ended."""


class Forked:
    """A process that was forked from the template; to be used as `subprocess.Popen`."""

    def __init__(self, pid: int, stdout: IO[str] | None, told: IO[str]) -> None:
        self.pid, self.stdout, self._told = pid, stdout, told
        self.returncode: int | None = None

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code, as soon as it has ended. Raises subprocess.TimeoutExpired."""
        if self.returncode is None:
            if not select.select([self._told], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
            self.returncode = int(self._told.readline())
            self._told.close()
        return self.returncode

    def poll(self) -> int | None:
        """Its exit code; None while it runs."""
        try:
            return self.wait(0)
        except subprocess.TimeoutExpired:
            return None

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


Process = subprocess.Popen[str] | Forked


def start(program: str, *arguments: str, env: Mapping[str, str] | None = None) -> Process:
    """Start `python -c program arguments`. Its standard output is a pipe, the rest is this process's."""
    environment = dict(os.environ if env is None else env)
    if not FORKS:
        command = [sys.executable, "-c", program, *arguments]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    reading, writing = os.pipe()
    try:
        pid, told = _template().fork(program, arguments, environment, (0, writing, 2))
    finally:
        os.close(writing)
    return Forked(pid, os.fdopen(reading, encoding="utf-8"), told)


def run(
    program: str, *arguments: str, env: Mapping[str, str] | None = None, timeout: float = 120
) -> subprocess.CompletedProcess[str]:
    """Run `python -c program arguments` to its end, and what it printed. Raises subprocess.TimeoutExpired."""
    environment = dict(os.environ if env is None else env)
    command = [sys.executable, "-c", program, *arguments]
    if not FORKS:
        return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=timeout)
    out, err = (os.memfd_create(name) for name in ("out", "err"))
    with os.fdopen(out, encoding="utf-8") as printed, os.fdopen(err, encoding="utf-8") as complained:
        pid, told = _template().fork(program, arguments, environment, (0, out, err))
        process = Forked(pid, None, told)
        try:
            code = process.wait(timeout)
        finally:
            process.kill()
            process.wait()
        for stream in (printed, complained):
            stream.seek(0)
        return subprocess.CompletedProcess(command, code, printed.read(), complained.read())


class Template:
    """The process that others are forked from. It ends when this one does."""

    def __init__(self) -> None:
        self._ours, theirs = socket.socketpair()
        self._one_at_a_time = threading.Lock()
        with theirs:
            number = theirs.fileno()
            command = [sys.executable, "-P", str(Path(__file__)), str(number)]
            self._process = subprocess.Popen(command, pass_fds=[number], stdin=subprocess.DEVNULL)

    def fork(
        self, program: str, arguments: Sequence[str], environment: Mapping[str, str], streams: Sequence[int]
    ) -> tuple[int, IO[str]]:
        """The new process's id, and the stream that will tell its exit code."""
        asked = json.dumps([program, list(arguments), dict(environment), str(Path.cwd())]).encode()
        reading, writing = os.pipe()
        with self._one_at_a_time:
            socket.send_fds(self._ours, [len(asked).to_bytes(4, "big")], [*streams, writing])
            os.close(writing)
            self._ours.sendall(asked)
            told = os.fdopen(reading, encoding="ascii")
            return int(told.readline()), told

    def close(self) -> None:
        self._ours.close()
        self._process.wait()


_MAKING = threading.Lock()


def _template() -> Template:
    """Of this process: the same for threads that ask for their first fork at once."""
    with _MAKING:
        return _made()


@cache
def _made() -> Template:
    template = Template()
    atexit.register(template.close)
    return template


def _import_all() -> None:
    """Every module of the product, with the grammar and the packs that a process reads once."""
    import gc
    from importlib import import_module
    from pkgutil import walk_packages

    import fieldsync

    for module in walk_packages(fieldsync.__path__, "fieldsync."):
        if not module.name.endswith(("__main__", TIED)):
            import_module(module.name)
    import_module("fieldsync.soql.parse").make_ready()
    import_module("fieldsync.schema.load").load_packs()
    gc.collect()
    gc.freeze()


def _forks(control: socket.socket) -> str | None:
    """In the template: forks until nobody can ask any more. In the fork: the program that it is to run."""
    ended, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # a fork that is told to end at once hears of it
    telling: dict[int, int] = {}
    while True:
        ready, _, _ = select.select([control.fileno(), ended], [], [])
        if ended in ready:
            os.read(ended, 4096)
            _tell_ended(telling)
        if control.fileno() not in ready:
            continue
        head, streams, _, _ = socket.recv_fds(control, 4, STREAMS)
        if not head:
            return None
        with control.dup().makefile("rb") as rest:
            program, arguments, environment, folder = json.loads(rest.read(int.from_bytes(head, "big")))
        pid = os.fork()
        if pid == 0:
            for number in (control.detach(), ended, wake, *telling.values()):
                os.close(number)
            _become(arguments, environment, folder, streams)
            return str(program)
        os.write(streams[-1], b"%d\n" % pid)
        telling[pid] = streams.pop()
        for number in streams:
            os.close(number)


def _tell_ended(telling: dict[int, int]) -> None:
    """Pass on the exit code of every process that has ended."""
    for asked in list(telling):
        pid, status = os.waitpid(asked, os.WNOHANG)
        if pid:
            with suppress(BrokenPipeError):  # who started it does not ask any more
                os.write(telling[pid], b"%d\n" % os.waitstatus_to_exitcode(status))
            os.close(telling.pop(pid))


def _become(arguments: Sequence[str], environment: Mapping[str, str], folder: str, streams: Sequence[int]) -> None:
    """In the fork: be as a process that was started with these."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    for number, stream in enumerate(streams[:-1]):
        os.dup2(stream, number)
    for stream in streams:
        os.close(stream)
    os.environ.clear()
    os.environ.update(environment)
    paths = environment.get("PYTHONPATH", "").split(os.pathsep)
    sys.path[:0] = [path for path in paths if path and path not in sys.path]
    os.chdir(folder)
    sys.argv = ["-c", *arguments]


def _run(program: str) -> int:
    """Run it and return its exit code. What it raises ends this process as it ends any other."""
    try:
        exec(program, {"__name__": "__main__"})
    except SystemExit as left:
        if left.code is None or isinstance(left.code, int):
            return left.code or 0
        raise
    return 0


def _end(code: int) -> NoReturn:
    """As the interpreter ends, but for taking apart, object by object, what ends with the process anyhow."""
    threading._shutdown()  # type: ignore[attr-defined]  # nothing public waits for threads and tells executors to end
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    asking = socket.socket(fileno=int(sys.argv[1]))
    _import_all()
    asked_for = _forks(asking)
    if asked_for is not None:
        _end(_run(asked_for))
