"""`fieldsync demo` as a person starts it: what there is to see, and nothing left after Ctrl-C."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from tests.ports import free_port

COMMAND = [sys.executable, "-c", "from fieldsync.cli.main import main; main()", "demo"]


@contextmanager
def demo(folder: Path, port: int) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A running demo and what it printed until the last address."""
    arguments = ["--folder", str(folder), "--port", str(port), "--accounts", "40"]
    process = subprocess.Popen([*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        yield process, _printed(process)
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def _printed(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if len(re.findall(r"launch=", "".join(lines))) == 2 and "Console" in "".join(lines):
            break
    return "".join(lines)


def _taken(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.database
def test_the_demo_starts_twice_and_leaves_no_process_and_no_port(short_dir: Path) -> None:
    folder, port = short_dir / "demo", free_port()
    for _ in range(2):
        with demo(folder, port) as (process, printed):
            links = re.findall(r"http://127\.0\.0\.1:(\d+)/\?launch=\S+", printed)
            assert len(links) == 2, printed
            assert httpx.get(f"http://127.0.0.1:{port}/health", timeout=60).status_code == 200
            postgres = int((folder / "postgres" / "cluster" / "postmaster.pid").read_text().split()[0])
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=60) == 0
            assert [p for p in (port, *map(int, links)) if _taken(p)] == []
            assert not _alive(postgres)


def _alive(pid: int) -> bool:
    for _ in range(1_200):
        if not Path(f"/proc/{pid}").exists():
            return False
        time.sleep(0.05)
    return True
