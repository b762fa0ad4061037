"""The page that says where each rule is proved names every rule once, and only tests that are there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "explanation" / "proofs.md"
ROWS = {"B": 24, "C": 15, "D": 10, "E": 34, "G": 25, "H": 14, "I": 15, "J": 24, "K": 14, "L": 11}
"""By letter of the feature table, how many rows it has."""
CONSOLE = (("A", 16, 37), ("F", 1, 10), ("M", 7, 7))
"""By letter, first and last row of those that the Console is for."""
MEASURED = {"D10"}
"""Rows about time, which a command measures."""
NOT_YET: set[str] = set()
"""Rows without a proof; the list may only shrink."""


def rows() -> list[tuple[str, str]]:
    """Row and what the page says of its proof."""
    found = re.findall(r"^\| ([A-Z]\d\d) \| [^|]+ \| (.+) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    return [(row, said) for row, said in found]


def test_every_rule_is_there_once() -> None:
    wanted = [
        f"{letter}{n:02d}"
        for letter, first, last in (*((one, 1, most) for one, most in ROWS.items()), *CONSOLE)
        for n in range(first, last + 1)
    ]
    assert [row for row, _ in rows()] == wanted


def test_every_proof_is_a_test_that_is_there() -> None:
    missing = []
    for row, said in rows():
        for path, name in re.findall(r"`([\w/]+\.py)::(\w+)`", said):
            file = ROOT / "tests" / path
            tests = _tests(file) if file.is_file() else set[str]()
            missing += [f"{row}: {path}::{name}"] * (name not in tests)
    assert not missing


def test_what_has_no_proof_is_known() -> None:
    assert {row for row, said in rows() if "::" not in said} == NOT_YET | MEASURED
    assert {row for row, said in rows() if said.startswith("*not yet*: ")} == NOT_YET
    assert {row for row, said in rows() if said.startswith("*measured*: `fieldsync bench ")} == MEASURED


def _tests(file: Path) -> set[str]:
    module = ast.parse(file.read_text(encoding="utf-8"))
    functions = (node for node in ast.walk(module) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return {function.name for function in functions if function.name.startswith("test_")}
