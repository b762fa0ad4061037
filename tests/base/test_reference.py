"""The page of error codes is what the catalogue says."""

from __future__ import annotations

from pathlib import Path

from fieldsync.base.problems import CATALOGUE, Code
from fieldsync.base.reference import FILE, reference

ROOT = Path(__file__).parents[2]


def test_every_code_has_its_row() -> None:
    assert set(CATALOGUE) == set(Code)


def test_the_page_is_up_to_date() -> None:
    assert (ROOT / FILE).read_text(encoding="utf-8") == reference(), "run: python -m fieldsync.base.reference"
