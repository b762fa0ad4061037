"""Sarah's call, the whole way, as `fieldsync demo --headless` tells it: every sentence is checked on real parts."""

from __future__ import annotations

import subprocess
import sys

import pytest

SENTENCES = (
    "offline, she saves a call with two details, two samples and his signature",
    "they queue as one transaction",
    "the call was uploaded as one transaction",
    "field by field the same",
    "Tom, who works in York, does not hold him at all",
    "Grace's device does not get it: it is not her feed",
    "Sarah plans a visit there: it comes back as a sync error",
    "she is shown her value and Grace's",
    "with the call that Sarah made, and its details",
    "she takes it back, and he is gone",
)


@pytest.mark.database
def test_the_story_is_true_from_the_basement_to_the_iphone() -> None:
    command = [sys.executable, "-c", "from fieldsync.cli.main import main; main()", "demo", "--headless"]
    told = subprocess.run([*command, "--accounts", "40"], capture_output=True, text=True, timeout=600)
    assert told.returncode == 0, told.stdout + told.stderr
    text = " ".join(told.stdout.split())
    assert [s for s in SENTENCES if s not in text] == []
