"""The public suites, on both back-ends. What is not as a suite says is listed with its reason."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from tests.formula.conftest import Execute

from fieldsync.formula.conformance.case import Outcome
from fieldsync.formula.conformance.read import cases, judged, load
from fieldsync.formula.conformance.run import Count, counted, in_python
from fieldsync.formula.sql.conformance import in_postgres

FOLDER = Path(__file__).resolve().parents[3] / "shared" / "data" / "conformance"
LISTED = tomllib.loads(Path(__file__).with_name("exceptions.toml").read_text(encoding="utf-8"))

pytestmark = pytest.mark.skipif(
    not FOLDER.exists(), reason="the public suites are not on this machine (they are not part of the project)"
)


@cache
def suites(name: str) -> dict[str, Any]:
    return load(FOLDER / name)


def judge(counts: list[Count], failures: list[Outcome]) -> None:
    """Every failure is listed, and everything listed fails."""
    failed = {(failure.suite, failure.id) for failure in failures}
    listed = {(suite, name) for suite, names in LISTED.items() if suite != "reasons" for name in names}
    new = [f for f in failures if (f.suite, f.id) not in listed]
    assert not new, "\n".join(f"{f.suite} {f.id}: expected {f.expected}, got {f.actual}" for f in new[:20])
    assert not listed - failed, f"these pass by now: {listed - failed}"
    for count in counts:
        assert count.passed >= count.total * (0.99 if count.suite != "function_calls" else 0.96), count


def test_python_gives_what_the_suites_say() -> None:
    judge(*counted(in_python(cases(suites("formula.json"))), "python"))


def test_postgresql_gives_what_the_suites_say(execute: Execute) -> None:
    judge(*counted(in_postgres(cases(suites("formula.json")), execute), "sql"))


def test_errors_are_found_where_they_are_and_normal_forms_mean_the_same() -> None:
    _, failures = counted(judged(suites("formula.json")), "both")
    assert not failures


def test_formulas_of_published_projects_are_understood() -> None:
    counts, failures = counted(judged(suites("org_formulas.json")), "both")
    assert not failures
    assert [count.suite for count in counts] == ["formulas", "validation_rules"]


def test_every_exception_has_its_reason() -> None:
    used = {reason for suite, names in LISTED.items() if suite != "reasons" for reason in names.values()}
    assert used == set(LISTED["reasons"])
