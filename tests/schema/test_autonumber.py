"""Display formats of auto-numbers."""

from __future__ import annotations

from datetime import date

import pytest

from fieldsync.schema.autonumber import BadFormat, Counter, DatePart, Literal, format_number, parse

DAY = date(2026, 3, 9)


@pytest.mark.parametrize(
    ("display", "number", "shown"),
    [
        ("{0}", 7, "7"),
        ("C-{00000000}", 42, "C-00000042"),
        ("C-{000}", 12345, "C-12345"),
        ("I-{YYYY}-{0000}", 1, "I-2026-0001"),
        ("{YY}{MM}{DD}/{000}x", 12, "260309/012x"),
    ],
)
def test_a_number_is_filled_up_and_never_cut(display: str, number: int, shown: str) -> None:
    assert format_number(display, number, DAY) == shown


def test_parts_come_in_order() -> None:
    assert parse("A-{YYYY}{00}") == (Literal("A-"), DatePart("YYYY"), Counter(2))


@pytest.mark.parametrize(
    "display", ["", "C", "{YYYY}", "{0}{0}", "{0", "0}", "{}{0}", "{yyyy}{0}", "{0}{X}", "{00000000000}"]
)
def test_what_is_no_format_is_refused(display: str) -> None:
    with pytest.raises(BadFormat):
        parse(display)
