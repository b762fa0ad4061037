"""`python -m fieldsync.sim.proof NUMBERS`: the page of a long run's numbers, docs/explanation/proof.md."""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec

from fieldsync.sim.proof.long_run import Total
from fieldsync.sim.proof.page import PAGE, page

if __name__ == "__main__":
    Path(PAGE).write_text(page(msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=Total)), encoding="utf-8")
