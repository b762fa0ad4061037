"""kill -9 at every named point between a save and its acknowledgement loses and doubles nothing (L1, L2, L5).

Nor does it at any point of a database refresh: the device reopens with the old or the new database, whole (I25).
At a system call of its store it is killed too, or its disk says no.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.skipif(os.name != "posix", reason="kill -9 and fork are POSIX")
@pytest.mark.parametrize(("program", "points"), [("killing", 60), ("killing_refresh", 55)])
def test_killed_anywhere_nothing_is_lost_or_doubled(tmp_path: Path, program: str, points: int) -> None:
    told = _told(program, tmp_path)
    assert told["wrong"] == {}
    assert told["points"] >= points


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace, which ends a process at a system call, is not here")
def test_killed_or_told_no_at_any_call_of_its_disk_nothing_is_lost_or_doubled(tmp_path: Path) -> None:
    """Some of them; `python -m tests.device.killing_calls` takes each."""
    told = _told("killing_calls", tmp_path, 100)
    assert told["wrong"] == {}
    assert told["points"] >= 100


def _told(program: str, *arguments: object) -> dict[str, Any]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "src")))}
    run = subprocess.run(
        [sys.executable, "-m", f"tests.device.{program}", *map(str, arguments)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert run.returncode == 0, run.stderr[-3000:]
    told: dict[str, Any] = json.loads(run.stdout.splitlines()[-1])
    return told
