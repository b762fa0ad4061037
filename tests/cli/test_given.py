"""What was given to `fieldsync field` is read as the other commands read it, and what cannot be is left to that."""

from __future__ import annotations

from pathlib import Path

import pytest

from fieldsync.cli.device.commands import DEFAULT_STORE
from fieldsync.cli.device.field import field
from fieldsync.cli.device.given import given


def test_what_was_not_given_is_as_the_command_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIELDSYNC_ORG", "acme")
    found = given(field, ["--no-window", "--port", "8042", "--store=/tmp/x", "--username", "tom"])
    assert found == {
        "store": Path("/tmp/x"),
        "port": 8042,
        "window": False,
        "username": "tom",
        "org": "acme",
        **dict.fromkeys(("passphrase", "server", "password"), ""),
        "idle": 0,
    }
    nothing = given(field, [])
    assert nothing is not None
    assert (nothing["store"], nothing["window"]) == (DEFAULT_STORE, True)


@pytest.mark.parametrize("told", [["--help"], ["--port", "many"], ["--prot", "1"], ["x"], ["--lock-after", "-1"]])
def test_what_has_to_be_told_something_is_left_to_who_has_the_words(told: list[str]) -> None:
    assert given(field, told) is None
