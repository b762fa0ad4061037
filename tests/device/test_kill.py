"""kill -9 at every named point between a save and its acknowledgement loses and doubles nothing (L1, L2, L5)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
POINTS_MIN = 60


@pytest.mark.skipif(os.name != "posix", reason="kill -9 and fork are POSIX")
def test_killed_anywhere_nothing_is_lost_or_doubled(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "src")))}
    run = subprocess.run(
        [sys.executable, "-m", "tests.device.killing", str(tmp_path)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert run.returncode == 0, run.stderr[-3000:]
    told = json.loads(run.stdout.splitlines()[-1])
    assert told["wrong"] == {}
    assert told["points"] >= POINTS_MIN
