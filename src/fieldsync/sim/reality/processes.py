"""The processes of a run: a server, its PostgreSQL, devices. Each can be killed, paused and brought back.

They are forked from a process that has the product imported and has done nothing else, where the system can do so.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import time
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext, SpawnContext
from multiprocessing.process import BaseProcess
from pathlib import Path

from fieldsync.base.problems import Refused
from fieldsync.base.world import system_world
from fieldsync.server.http.app import create_app
from fieldsync.server.http.serve import run, serve_alone
from fieldsync.server.postgres.embedded import EmbeddedPostgres
from fieldsync.sim.reality.living import Part, Say, Status, alone, live

ANSWER_SECONDS = 180.0
START_TRIES = 30
END_SECONDS = 10.0
SETTINGS = {"autovacuum": "off"}


def starting() -> ForkServerContext | SpawnContext:
    """How processes are started here."""
    if sys.platform != "linux":
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["fieldsync.sim.reality.preload"])
    return context


class Ended(Exception):
    """A process is gone, or says nothing, that nobody killed."""


class Life:
    """Something that runs, and may be killed or paused."""

    def __init__(self) -> None:
        self._process: BaseProcess | None = None
        self.kills = 0

    @property
    def pid(self) -> int:
        """Of the process that runs."""
        assert self._process is not None, "it runs"
        assert self._process.pid is not None, "it was started"
        return self._process.pid

    def kill(self) -> None:
        """As `kill -9`."""
        assert self._process is not None, "it runs"
        self.kills += 1
        self._process.kill()
        self._process.join()

    def pause(self) -> None:
        """It stands still where it is."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """It goes on as if nothing had been."""
        os.kill(self.pid, signal.SIGCONT)

    def end(self) -> None:
        """Whatever it does, it is gone afterwards."""
        if self._process is not None and self._process.is_alive():
            self._process.kill()
            self._process.join()


class Server(Life):
    """A process that serves every org of a database on one port."""

    def __init__(self, uri: str, port: int, log: Path) -> None:
        super().__init__()
        self.uri, self.port, self._log = uri, port, log
        self.start()

    def start(self) -> None:
        """Returns when it listens; tried again where PostgreSQL is on its way back. Raises Ended."""
        for _ in range(START_TRIES):
            here, there = starting().Pipe()
            process = starting().Process(target=_serve, args=(self.uri, self.port, self._log, there), daemon=True)
            process.start()
            there.close()
            self._process = process
            with here, suppress(EOFError):
                if here.poll(ANSWER_SECONDS):
                    here.recv()
                    return
            self.end()
            time.sleep(0.2)
        said = self._log.read_text(encoding="utf-8", errors="replace").splitlines()[-3:]
        raise Ended(f"the server does not start: {' | '.join(said)}")


def _serve(uri: str, port: int, log: Path, line: Connection) -> None:
    alone(log)
    app = create_app(uri, system_world())
    run(serve_alone(app, host="127.0.0.1", port=port, ready=lambda: line.send(None)))


class Gadget(Life):
    """A device's process."""

    def __init__(self, part: Part, address: str, seed: str) -> None:
        super().__init__()
        self.part, self._address, self._seed = part, address, seed
        self._begin()

    def _begin(self) -> None:
        self._line, there = starting().Pipe()
        arguments = (self.part, self._address, f"{self._seed}-{self.kills}", there)
        self._process = starting().Process(target=live, args=arguments, daemon=True)
        self._process.start()
        there.close()

    def wait(self) -> Status:
        """Its first sign of life."""
        return self._heard()

    def start(self) -> None:
        """Another process opens the same file."""
        self._line.close()
        self._begin()
        self.wait()

    def ask(self, said: Say) -> Status:
        """What it answers. Raises Ended."""
        try:
            self._line.send(said)
        except OSError:
            raise self._ended("is gone") from None
        return self._heard()

    def leave(self) -> None:
        """It ends in order. Raises Ended."""
        self._line.send(Say.END)
        if not self._line.poll(ANSWER_SECONDS):
            raise self._ended("does not end")
        assert self._process is not None
        self._process.join(END_SECONDS)

    def _heard(self) -> Status:
        if not self._line.poll(ANSWER_SECONDS):
            raise self._ended("says nothing")
        try:
            status: Status = self._line.recv()
        except EOFError:
            raise self._ended("is gone") from None
        return status

    def _ended(self, how: str) -> Ended:
        """What is known of it: the last lines of its log."""
        log = self.part.log
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines() if log.exists() else []
        return Ended(f"device {self.part.ordinal} {how}: {' | '.join(lines[-3:]) or 'it said nothing'}")


class Database:
    """A PostgreSQL of the run's own, which keeps its address whatever becomes of it."""

    def __init__(self, folder: Path, port: int) -> None:
        self._folder, self._port, self.kills = folder, port, 0
        self._postgres = EmbeddedPostgres.start(folder, port=port, settings=SETTINGS)
        self.uri = self._postgres.uri

    def kill(self) -> None:
        """As `kill -9`; its sessions notice and go."""
        self.kills += 1
        os.kill(self._postgres.pid, signal.SIGKILL)

    def start(self) -> None:
        """It comes back and replays its log. The last session of the old one may hold it up."""
        self._postgres.stop()
        for _ in range(START_TRIES):
            with suppress(Refused):
                self._postgres = EmbeddedPostgres.start(self._folder, port=self._port, settings=SETTINGS)
                assert self._postgres.uri == self.uri
                return
            time.sleep(0.2)
        raise AssertionError("PostgreSQL does not start again")

    def pause(self) -> None:
        """It and all its sessions stand still."""
        for pid in self._all():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)

    def resume(self) -> None:
        """All go on."""
        for pid in self._all():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    def _all(self) -> list[int]:
        pid = self._postgres.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
        return [pid, *map(int, children)]

    def stop(self) -> None:
        """It ends in order."""
        self._postgres.stop()
