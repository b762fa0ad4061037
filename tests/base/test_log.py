"""What a log of a failure says, and what it must not."""

from __future__ import annotations

import pytest

from fieldsync.base.log import get_logger


def test_a_failure_is_told_without_the_values_it_met(capsys: pytest.CaptureFixture[str]) -> None:
    def save(phone: str) -> None:
        raise ZeroDivisionError(f"a bug after {len(phone)} characters")

    try:
        save("+43 664 " + "".join(map(str, range(1, 8))))
    except ZeroDivisionError as bug:
        get_logger("fieldsync.server").error("save", org="demo", exc_info=bug)
    told = "".join(capsys.readouterr())
    assert "a bug after 15 characters" in told
    assert "org" in told
    assert "in save" in told, "where it happened"
    assert "1234567" not in told
