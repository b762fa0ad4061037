"""The reference of error codes, written from the catalogue: `python -m fieldsync.base.reference`."""

from __future__ import annotations

from pathlib import Path

from fieldsync.base.problems import CATALOGUE

FILE = Path("docs/reference/codes.md")
_HEAD = """<!-- Written by python -m fieldsync.base.reference; change the catalogue of problems instead. -->

# Error codes

A code never changes its meaning. In a sentence, `{name}` stands for a detail of the error; details come with it by
name. The status is that of an HTTP answer which is refused with the code; inside an outcome it says the same.

| Code | Status | Sentence | What to do |
| --- | --- | --- | --- |
"""


def reference() -> str:
    """The whole document."""
    rows = (f"| `{code}` | {kind.status} | {kind.sentence} | {kind.remedy} |\n" for code, kind in CATALOGUE.items())
    return _HEAD + "".join(rows)


if __name__ == "__main__":
    FILE.write_text(reference(), encoding="utf-8")
