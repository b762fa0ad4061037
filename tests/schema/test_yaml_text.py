"""YAML is read as plain data; what surprises is refused with its line."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fieldsync.schema.yaml_text import BadYaml, read


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: No", {"a": "No"}),
        ("a: off", {"a": "off"}),
        ("a: true", {"a": True}),
        ("a: null", {"a": None}),
        ("a:", {"a": None}),
        ("a: 10", {"a": 10}),
        ("a: 010", {"a": "010"}),
        ("a: 1.5", {"a": 1.5}),
        ("a: 2026-11-21", {"a": "2026-11-21"}),
        ("a: 12:30", {"a": "12:30"}),
        ("a: '5'", {"a": "5"}),
        ("- {x: [1, 2]}", [{"x": [1, 2]}]),
        ("", None),
    ],
)
def test_plain_words_mean_what_they_say(text: str, value: Any) -> None:
    assert read(text).value == value


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("a: 1\nb: 2\na: 3", 3, "twice"),
        ("a: &x 1\nb: *x", 1, "anchors"),
        ("b: *x", 1, "alias"),
        ("a: !!python/object:os.system x", 1, "tags"),
        ("\n? [a]\n: 1", 2, "key"),
        ("a: 1\n---\nb: 1", 3, "one document"),
        ("a: [1", 1, ""),
        ("[" * 60 + "]" * 60, 1, "deep"),
        ("a: \x01", 1, ""),
    ],
)
def test_what_is_dangerous_or_ambiguous_is_refused(text: str, line: int, reason: str) -> None:
    with pytest.raises(BadYaml) as refused:
        read(text)
    assert reason in refused.value.reason
    if reason:
        assert refused.value.line == line


def test_the_line_of_a_value_is_known() -> None:
    document = read("a:\n  - b: 1\n    c: 2\n")
    assert document.line_of(("a", 0, "c")) == 3
    assert document.line_of(("a", 0, "missing")) == 2


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(BadYaml):
        read(text)
