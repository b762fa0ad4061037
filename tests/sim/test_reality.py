"""Processes that are killed and paused over a network that breaks: one short cell of the matrix, and its network."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import pytest

from fieldsync.base.world import SeededChance
from fieldsync.sim.network import SECRET, Way
from fieldsync.sim.reality.ledger import Family, Ledger, Line, Promised
from fieldsync.sim.reality.proxy import Link, Network

T = TypeVar("T")
COMMAND = [sys.executable, "-c", "from fieldsync.cli.main import main; main()", "sim", "matrix", "--json"]
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="signals and /proc of Linux")


def test_no_law_is_broken_whatever_process_is_killed_or_paused_and_nothing_is_left_running(tmp_path: Path) -> None:
    chosen = ["--kinds", "all", "--devices", "2", "--rates", "20", "--seconds", "3", "--seed", "5"]
    environment = {**os.environ, "TMPDIR": str(tmp_path), "FIELDSYNC_TRACE": "1"}
    ran = subprocess.run([*COMMAND, *chosen], capture_output=True, text=True, timeout=300, env=environment)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    outcome = json.loads(ran.stdout)
    assert outcome["violations"] == []
    assert outcome["saves"] > 0
    assert sum(outcome["struck"].values()) > 0
    assert until(lambda: _processes_that_name(str(tmp_path)) == [], seconds=60)


def test_nothing_is_left_running_when_the_run_itself_is_killed(tmp_path: Path) -> None:
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    ran = subprocess.Popen([*COMMAND, "--kinds", "all", "--devices", "1"], env=environment, stdout=subprocess.DEVNULL)
    try:
        assert until(lambda: any(tmp_path.glob("*/*/server.log")), seconds=120)
    finally:
        ran.kill()
        ran.wait()
    assert until(lambda: _processes_that_name(str(tmp_path)) == [], seconds=60)


def until(true: Callable[[], bool], *, seconds: float) -> bool:
    """Whether it becomes true within the time."""
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        time.sleep(0.05)
    return true()


def _processes_that_name(text: str) -> list[str]:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
        except OSError:
            continue
        if text.encode() in command:
            found.append(process.name)
    return found


def with_network(ask: Callable[[Link, int, list[bytes]], Awaitable[T]]) -> T:
    """What `ask` gives that is told a link, its port, and what the server at its other end got."""

    async def run() -> T:
        got: list[bytes] = []

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with suppress(OSError):
                while asked := await reader.read(1000):
                    got.append(asked)
                    writer.write(b"answer to " + asked)
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with server:
            with Network(server.sockets[0].getsockname()[1], 1, SeededChance(1)) as network:
                found = await ask(network.links[0], network.ports[0], got)
            await asyncio.sleep(0.05)
            return found

    return asyncio.run(run())


async def came(true: Callable[[], bool]) -> None:
    """Wait until it is so."""
    for _ in range(2_000):
        if true():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it never came true")


async def asked(port: int, sent: bytes, seconds: float = 20.0) -> bytes:
    """The answer over a connection of its own; empty when it ends without one. Raises TimeoutError, ConnectionError."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(sent)
    try:
        return await asyncio.wait_for(reader.read(1000), seconds)
    finally:
        writer.close()


@pytest.mark.parametrize("way", [Way.NOTHING_LEAVES, Way.NOTHING_RETURNS, Way.NOTHING_PASSES])
def test_what_a_partition_held_back_arrives_when_it_is_over(way: Way) -> None:
    async def ask(link: Link, port: int, got: list[bytes]) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"first")
        await reader.read(1000)
        link.way = way
        writer.write(b"second")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.shield(waiting := asyncio.ensure_future(reader.read(1000))), 0.2)
        if way is Way.NOTHING_RETURNS:
            await came(lambda: b"second" in got)
        assert (b"second" in got) is (way is Way.NOTHING_RETURNS)
        link.heal()
        answer = await asyncio.wait_for(waiting, 20)
        writer.close()
        return answer

    assert with_network(ask) == b"answer to second"


def test_lines_are_reset_in_a_body_go_silent_and_deliver_twice() -> None:
    async def ask(link: Link, port: int, got: list[bytes]) -> None:
        link.reset_in = 1
        with pytest.raises(ConnectionError):
            await asked(port, b"reset")
        link.heal()
        link.silent_in = 1
        with pytest.raises(TimeoutError):
            await asked(port, b"silent", 0.2)
        link.heal()
        link.repeat_in = 1
        assert await asked(port, b"twice") == b"answer to twice"
        await came(lambda: got.count(b"twice") == 2)
        assert {"reset", "half-open", "repeated"} <= link.struck.keys()
        assert not link.seen_secret
        await asked(port, SECRET)
        assert link.seen_secret

    with_network(ask)


def test_a_ledger_tells_in_order_what_was_put_down(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger")
    lines: list[Line] = [Promised("00001", (1, 2), "r"), Family("c", "m", 3)]
    for line in lines:
        ledger.add(line)
    assert list(ledger.lines()) == lines
