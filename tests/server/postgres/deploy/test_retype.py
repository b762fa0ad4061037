"""How column types may change."""

from __future__ import annotations

import pytest

from fieldsync.server.postgres.deploy.retype import conversion, normal


@pytest.mark.parametrize(
    ("old", "new", "safe"),
    [
        ("numeric(18,2)", "text", True),
        ("timestamp(0) with time zone", "text", True),
        ("date", "timestamp(0) with time zone", True),
        ("timestamp(0) with time zone", "date", False),
        ("numeric(10,2)", "numeric(12,2)", True),
        ("numeric(10,2)", "numeric(10,4)", False),
        ("numeric(10,2)", "numeric(10,0)", False),
        ("numeric(10,2)", "numeric(14,4)", True),
        ("boolean", "numeric(1,0)", True),
        ("text", "date", False),
        ("text", 'character varying(18) COLLATE "C"', False),
        ("date", "boolean", False),
    ],
)
def test_a_conversion_is_safe_only_when_every_value_survives(old: str, new: str, *, safe: bool) -> None:
    assert conversion(old, new, '"F"').safe is safe


def test_a_checkbox_made_of_another_type_is_false_where_nothing_can_be_kept() -> None:
    assert conversion("date", "boolean", '"F"').using == "false::boolean"


def test_types_are_written_as_postgresql_writes_them() -> None:
    assert normal("time(3)") == "time(3) without time zone"
    assert normal("numeric(18,2)") == "numeric(18,2)"
