"""Laws L3, L4: after every sync a device holds what plain SQL and a judge written by hand say, and no more comes.

Scripts of random steps over a family of data models (`proof/`). `FIELDSYNC_LONG=n` runs n scripts instead of a few,
`FIELDSYNC_SEED` begins elsewhere.
"""

from __future__ import annotations

import os

import pytest
from tests.server.scope.proof.fresh import fresh
from tests.server.scope.proof.script import Fresh, cut_down, fails, script_of

__all__ = ["fresh"]

SCRIPTS, STEPS = 5, 40
LONG = int(os.environ.get("FIELDSYNC_LONG", "0"))
FIRST = int(os.environ.get("FIELDSYNC_SEED", "0"))


@pytest.mark.parametrize("seed", range(FIRST, FIRST + (LONG or SCRIPTS)))
def test_after_every_sync_a_device_holds_exactly_what_it_should(fresh: Fresh, seed: int) -> None:
    model, steps = script_of(seed, STEPS)
    wrong = fails(fresh, model, steps)
    if wrong is not None:
        short = cut_down(fresh, model, steps) if os.environ.get("FIELDSYNC_CUT") else steps
        pytest.fail(f"{model}, {short}: {wrong!r}")
