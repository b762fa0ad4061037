"""A file of suites: which cases and which verdicts it holds."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

from fieldsync.formula.conformance import gold, pages, verdicts
from fieldsync.formula.conformance.case import Case, Outcome


def load(path: Path) -> dict[str, Any]:
    """The file's suites by name; numbers are decimals."""
    suites: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    return suites


def cases(suites: dict[str, Any]) -> Iterator[Case]:
    """Every case with a value."""
    for case in suites.get("gold", ()):
        yield from gold.gold(case)
    if "grid" in suites:
        yield from gold.grid(suites["grid"])
    for page in suites.get("help_pages", ()):
        yield from pages.help_page(page)
    for call in suites.get("function_calls", ()):
        yield pages.function_call(call)


def judged(suites: dict[str, Any]) -> Iterator[Outcome]:
    """Every case that needs no back-end."""
    yield from (verdicts.error(case) for case in suites.get("errors", ()))
    yield from (verdicts.syntax(case) for case in suites.get("syntax", ()))
    for suite in ("formulas", "validation_rules"):
        yield from (verdicts.published(suite, case) for case in suites.get(suite, ()))
