"""The engine in a browser's worker: what docs/adr says of it is so."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
UNFETCHABLE = 77


def test_what_was_saved_without_network_in_a_browser_that_is_killed_arrives(chromium: Path) -> None:
    command = [sys.executable, "-m", "tools.in_browser", str(Path(sys.prefix) / "in_browser")]
    played = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=900, check=False)
    if played.returncode == UNFETCHABLE:
        pytest.skip(played.stderr.strip())
    assert played.returncode == 0, played.stderr[-2_000:]
    found = json.loads(played.stdout)
    assert found["pending_after_kill"] == found["arrived"] == 20
    assert found["flushes_per_save"] == 1, "each save is flushed before it returns, once"
    assert "another open Access Handle" in found["second_tab"]
