"""REGEX: Java's subset, matched in linear time, and the same in PostgreSQL."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.formula.conftest import Execute

from fieldsync.formula.problem import NoValue
from fieldsync.formula.regex.machine import matches
from fieldsync.formula.regex.postgres import translated
from fieldsync.formula.sql.pieces import quoted

ATOMS = st.sampled_from(
    ["a", "b", ".", "[ab]", "[^a]", "\\d", "\\w", "\\s", "(a|b)", "(?:ab)", "c", "\\.", "[a-c1]", "\\b", "^", "$"]
)
PARTS = st.tuples(ATOMS, st.sampled_from(["", "", "*", "+", "?", "{2}", "{1,3}", "{0,2}", "*?"])).map(
    lambda part: part[0] if part[0] in ("\\b", "^", "$") else part[0] + part[1]
)
PATTERNS = st.recursive(
    st.lists(PARTS, max_size=4).map("".join),
    lambda inner: (
        st.tuples(inner, inner).map(lambda two: f"({two[0]})*|(?:{two[1]})")
        | inner.map(lambda one: f"(?={one}).*")
        | inner.map(lambda one: f"(?!{one}).*")
    ),
    max_leaves=3,
)
TEXTS = st.text("abc1 .-\n", max_size=8)


@settings(max_examples=300, deadline=None)
@given(pattern=PATTERNS, text=TEXTS)
def test_a_pattern_matches_what_pythons_own_matches(pattern: str, text: str) -> None:
    assert matches(text, pattern) is bool(re.fullmatch(pattern.replace("$", r"\Z"), text, re.ASCII)), (pattern, text)


@settings(max_examples=200, deadline=None)
@given(pattern=PATTERNS, texts=st.lists(TEXTS, min_size=1, max_size=5))
def test_postgresql_matches_the_same(execute: Execute, pattern: str, texts: list[str]) -> None:
    rows = ", ".join(f"({quoted(text)})" for text in texts)
    found = execute(
        f"SELECT coalesce(fieldsync_formula.regex(t, {quoted(translated(pattern))}), -1) FROM (VALUES {rows}) r(t)"
    )
    assert [bool(row[0]) for row in found] == [matches(text, pattern) for text in texts], pattern


@pytest.mark.parametrize(
    ("pattern", "yes", "no"),
    [
        ("[0-9]{3}-[0-9]{2}-[0-9]{4}", "999-99-9999", "999-99-999"),
        ("^(http|https|mailto).*", "https://example.com", "ftp://example.com"),
        ("\\p{Upper}\\p{L}+", "Über".replace("Ü", "U"), "über"),
        ("\\p{L}+", "Straße", "a1"),
        ("[a-z&&[^aeiou]]+", "xyz", "xaz"),
        ("\\Qa.b\\E", "a.b", "axb"),
        ("(?i)abc", "AbC", "AbD"),
        ("\\x41\\u0042", "AB", "ab"),
        ("(?=.*\\d)(?=.*[a-z])[a-z\\d]{4,}", "ab12", "abcd"),
        ("[\\w.+-]+@[\\w-]+\\.[\\w.]+", "a.b@c.de", "a.b@c"),
        ("a{300}", "a" * 300, "a" * 299),
    ],
)
def test_java_patterns_mean_what_they_mean(execute: Execute, pattern: str, yes: str, no: str) -> None:
    assert matches(yes, pattern)
    assert not matches(no, pattern)
    written = quoted(translated(pattern))
    call = "fieldsync_formula.regex"
    found = execute(f"SELECT {call}({quoted(yes)}, {written}), {call}({quoted(no)}, {written})")
    assert found == [(1, 0)]


@pytest.mark.parametrize(
    "pattern",
    [
        "((",
        "a)",
        "[a",
        "*a",
        "a{2,1}",
        "(a)\\1",
        "a*+",
        "(?<=a)b",
        "(?>a)",
        "[z-a]",
        "\\p{Nonsense}",
        "\\k",
        "a" * 1_001,
        "(a{1000}){1000}",
        "(" * 60 + "a" + ")" * 60,
    ],
)
def test_what_is_no_pattern_or_no_linear_one_is_refused(pattern: str) -> None:
    with pytest.raises(NoValue):
        matches("a", pattern)


@pytest.mark.parametrize("pattern", ["(a*)*b", "(a|aa)+b", "(a+)+b", "([a-z]+)*!", "(.*a){20}b", "(x+x+)+y"])
def test_a_hostile_pattern_ends(pattern: str) -> None:
    assert not matches("a" * 3_000 + "c", pattern)
    assert not matches("x" * 3_000, pattern)
