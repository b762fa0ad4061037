"""kill -9 at every named point between a save and its acknowledgement loses and doubles nothing (L1, L2, L5).

Nor does it at any point of a database refresh: the device reopens with the old or the new database, whole (I25).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.skipif(os.name != "posix", reason="kill -9 and fork are POSIX")
@pytest.mark.parametrize(("program", "points"), [("killing", 60), ("killing_refresh", 55)])
def test_killed_anywhere_nothing_is_lost_or_doubled(tmp_path: Path, program: str, points: int) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "src")))}
    run = subprocess.run(
        [sys.executable, "-m", f"tests.device.{program}", str(tmp_path)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert run.returncode == 0, run.stderr[-3000:]
    told = json.loads(run.stdout.splitlines()[-1])
    assert told["wrong"] == {}
    assert told["points"] >= points
