"""Published queries, literals and executed cases that others wrote, as far as the shared data is here."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.schema.shared_data import shared

from fieldsync.cli.conformance.soql import Result, run_file
from fieldsync.soql import parse, parse_condition

EXCEPTIONS = tomllib.loads(Path(__file__).with_name("exceptions.toml").read_text(encoding="utf-8"))
Record = Callable[[str, object], None]
PARSED = ("valid", "invalid", "real_queries", "literal_validity", "string_escapes")


@pytest.fixture(scope="session")
def results() -> dict[tuple[str, str | None], Result]:
    return {(r.suite, r.backend): r for r in run_file(shared("conformance") / "soql.json")}


@pytest.mark.parametrize("suite", PARSED)
def test_every_case_has_its_verdict(
    results: dict[tuple[str, str | None], Result], suite: str, record_property: Record
) -> None:
    result = results[suite, None]
    record_property("conformance", f"{suite}: {result.passed} of {result.total}")
    assert result.failures == ()
    assert result.total > 0


@pytest.mark.parametrize("backend", ["postgres", "sqlite"])
def test_every_executed_case_but_the_listed_gives_its_rows(
    results: dict[tuple[str, str | None], Result], backend: str, record_property: Record
) -> None:
    result = results["executed", backend]
    record_property("conformance", f"executed, {backend}: {result.passed} of {result.total}")
    listed = {case for group in EXCEPTIONS.values() for case in group["executed"]}
    assert {f.id for f in results["executed", backend].failures} == listed


def test_a_condition_alone_is_the_condition_in_its_query() -> None:
    data = json.loads((shared("conformance") / "soql.json").read_text(encoding="utf-8"))
    cases = [case for suite in ("valid", "real_queries") for case in data[suite] if "where" in case]
    assert len(cases) > 50
    for case in cases:
        assert parse(case["soql"]).where == parse_condition(case["where"])


def conditions() -> list[str]:
    """The conditions of a published set of sync rules."""
    found: list[str] = []

    def visit(value: object) -> None:
        if isinstance(value, dict):
            found.extend(v for k, v in value.items() if k == "WhereSoql" and isinstance(v, str))
        for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            visit(inner)

    path = shared("conformance").parent / "lsc_dbschema.json"
    visit(json.loads(path.read_text(encoding="utf-8")))
    return found


def test_the_conditions_of_published_sync_rules_parse() -> None:
    texts = conditions()
    assert len(texts) > 50
    for text in texts:
        parse_condition(text)
