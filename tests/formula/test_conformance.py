"""The public suites, on both back-ends. What is not as a suite says is listed with its reason."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from tests.formula.conftest import Execute
from tests.schema.shared_data import shared

from fieldsync.formula.conformance.case import Outcome
from fieldsync.formula.conformance.read import cases, judged, load
from fieldsync.formula.conformance.run import Count, counted, in_python
from fieldsync.formula.sql.conformance import in_postgres

LISTED = tomllib.loads(Path(__file__).with_name("exceptions.toml").read_text(encoding="utf-8"))


@cache
def suites(name: str) -> dict[str, Any]:
    return load(shared("conformance") / name)


Record = Callable[[str, object], None]


def told(counts: list[Count], record: Record) -> None:
    for count in counts:
        record("conformance", f"{count.suite}, {count.backend}: {count.passed} of {count.total}")


def judge(counts: list[Count], failures: list[Outcome], record: Record) -> None:
    """Every failure is listed, and everything listed fails. The counts go to the end of the test run's report."""
    told(counts, record)
    failed = {(failure.suite, failure.id) for failure in failures}
    listed = {(suite, name) for suite, names in LISTED.items() if suite != "reasons" for name in names}
    new = [f for f in failures if (f.suite, f.id) not in listed]
    assert not new, "\n".join(f"{f.suite} {f.id}: expected {f.expected}, got {f.actual}" for f in new[:20])
    assert not listed - failed, f"these pass by now: {listed - failed}"
    for count in counts:
        assert count.passed >= count.total * (0.99 if count.suite != "function_calls" else 0.96), count


def test_python_gives_what_the_suites_say(record_property: Record) -> None:
    judge(*counted(in_python(cases(suites("formula.json"))), "python"), record_property)


def test_postgresql_gives_what_the_suites_say(execute: Execute, record_property: Record) -> None:
    judge(*counted(in_postgres(cases(suites("formula.json")), execute), "sql"), record_property)


def test_errors_are_found_where_they_are_and_normal_forms_mean_the_same(record_property: Record) -> None:
    counts, failures = counted(judged(suites("formula.json")), "both")
    told(counts, record_property)
    assert not failures


def test_formulas_of_published_projects_are_understood(record_property: Record) -> None:
    counts, failures = counted(judged(suites("org_formulas.json")), "both")
    told(counts, record_property)
    assert not failures
    assert [count.suite for count in counts] == ["formulas", "validation_rules"]


def test_every_exception_has_its_reason() -> None:
    used = {reason for suite, names in LISTED.items() if suite != "reasons" for reason in names.values()}
    assert used == set(LISTED["reasons"])
