"""Where published Salesforce projects lie, for tests that read them; they are no part of this repository."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]


def shared(name: str) -> Path:
    """A folder of the shared data; the test is skipped, saying why, where it is not there."""
    folder = _data() / name
    if not folder.is_dir():
        pytest.skip(f"the published project {name} is not at {folder}; set FIELDSYNC_SHARED")
    return folder


def shared_file(name: str) -> Path:
    """A file of the shared data; the test is skipped, saying why, where it is not there."""
    file = _data() / name
    if not file.is_file():
        pytest.skip(f"the published file {name} is not at {file}; set FIELDSYNC_SHARED")
    return file


def _data() -> Path:
    return Path(os.environ.get("FIELDSYNC_SHARED", REPOSITORY.parent / "shared")) / "data"
