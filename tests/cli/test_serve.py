"""`fieldsync serve`: announces itself, answers, and leaves nothing running."""

from __future__ import annotations

import json
import signal
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.cli.conftest import COMMAND, Run
from tests.ports import free_port


@contextmanager
def serving(environment: dict[str, str], port: int) -> Iterator[subprocess.Popen[str]]:
    server = subprocess.Popen(
        [*COMMAND, "serve", "--port", str(port)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield server
    finally:
        server.send_signal(signal.SIGINT)
        out, _ = server.communicate(timeout=60)
        assert server.returncode == 0, out


def answer(port: int) -> dict[str, str]:
    for _ in range(300):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health") as reply:
                found: dict[str, str] = json.load(reply)
                return found
        except OSError:
            time.sleep(0.1)
    raise AssertionError("the server did not answer")


def test_a_server_answers_is_found_by_other_commands_and_stops_whole(
    run: Run, environment: dict[str, str], tmp_path: Path
) -> None:
    assert run("org", "create", "acme").code == 0
    port = free_port()
    with serving(environment, port):
        assert answer(port)["status"] == "ok"
        announced = json.loads((tmp_path / "data" / "server.json").read_text())
        assert announced["address"] == f"http://127.0.0.1:{port}"
        assert [org["name"] for org in run("org", "list", "--json").json()] == ["acme"]
        second = run("serve", "--port", str(free_port()))
        assert second.code == 1
        assert str(announced["pid"]) in second.err
        taken = run("serve", "--port", str(port))
        assert taken.code == 1
    assert not (tmp_path / "data" / "server.json").exists()
    assert run("org", "list", FIELDSYNC_DATABASE=announced["database"]).code == 3
