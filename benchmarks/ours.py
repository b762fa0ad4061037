"""Our own benchmarks as the command line runs them, their figures by name."""

from __future__ import annotations

import json
import subprocess
import sys

PROGRAM = (sys.executable, "-c", "from fieldsync.cli.main import main; main()", "bench")


def bench(*command: str, seconds: float = 600) -> dict[str, dict[str, float]]:
    """`fieldsync bench` with these words: each figure's `value`, `floor` and `ratio`. Raises SubprocessError."""
    printed = subprocess.run(
        [*PROGRAM, *command, "--json"], capture_output=True, text=True, check=True, timeout=seconds
    ).stdout
    return {line["name"]: line for line in map(json.loads, printed.splitlines())}
