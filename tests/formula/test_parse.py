"""Texts to trees: precedence, spellings, comments, quotes, places of errors, limits."""

from __future__ import annotations

import pytest

from fieldsync.formula import BadFormula, Fault, limits, parse


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("1 + 2 * 3", "1 + (2 * 3)"),
        ("2 * 3 ^ 2", "2 * (3 ^ 2)"),
        ("-2 ^ 2", "(-2) ^ 2"),
        ("2 ^ 3 ^ 2", "(2 ^ 3) ^ 2"),
        ("1 - 2 - 3", "(1 - 2) - 3"),
        ("a & b & c = d", "((a & b) & c) = d"),
        ("a < b = c > d", "(a < b) = (c > d)"),
        ("a || b && c", "a || (b && c)"),
        ("!a && b", "(NOT(a)) && b"),
        ("NOT a = b", "(NOT a) = b"),
        ("a == b", "a = b"),
        ("a != b", "a <> b"),
        ("/* one */ a /* two */ + /* * / */ b", "a + b"),
        ("'say \"x\"'", '"say \\"x\\""'),
        ("{!Amount} + 1", "Amount + 1"),
        ("if(a, b, c)", "IF(a,b,c)"),
        ("a + \u200b b", "a + b"),
    ],
)
def test_two_texts_are_one_formula(text: str, same: str) -> None:
    assert parse(text) == parse(same)


@pytest.mark.parametrize(("left", "right"), [("a - b - c", "a - (b - c)"), ("'A'", "'a'"), ("a", "A"), ("1", "1.5")])
def test_two_texts_are_two_formulas(left: str, right: str) -> None:
    assert parse(left) != parse(right)


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ("", 1, 1),
        ("1 +", 1, 4),
        ("1 +\n  * 2", 2, 3),
        ("(1", 1, 3),
        ("f(1,)", 1, 5),
        ("a b", 1, 3),
        ("1 $ 2", 1, 3),
        ("'open", 1, 1),
        ("Text__c !", 1, 9),
        ("a NOT b", 1, 3),
    ],
)
def test_a_syntax_error_says_where(text: str, line: int, column: int) -> None:
    with pytest.raises(BadFormula) as refused:
        parse(text)
    error = refused.value.error
    assert (error.fault, error.line, error.column) == (Fault.SYNTAX, line, column)
    assert error.sentence


@pytest.mark.parametrize(
    "text",
    [
        "'" + "x" * limits.TEXT_CHARS_MAX + "'",
        "-" * 2_000 + "1",
        "!" * 1_000 + "a",
        "ABS(" * 500 + "1" + ")" * 500,
        "+".join(["1"] * 1_900),
        "NOT " * 900 + "a",
    ],
)
def test_a_formula_without_bounds_is_refused_at_once(text: str) -> None:
    with pytest.raises(BadFormula) as refused:
        parse(text)
    assert refused.value.error.fault is Fault.LIMIT


@pytest.mark.parametrize("text", ["(" * 1_900 + "1" + ")" * 1_900, " & ".join(["'a'"] * 500), "a||" * 900 + "b"])
def test_parentheses_and_long_chains_are_not_nesting(text: str) -> None:
    assert parse(text).text == text


def test_a_formula_knows_what_it_reads() -> None:
    formula = parse("IF($User.Id = OwnerId, Account.Owner.Name & account.name, TEXT(Amount))")
    assert formula.paths == {("OwnerId",), ("Account", "Owner", "Name"), ("account", "name"), ("Amount",)}
    assert formula.globals == {("$User", "Id")}


@pytest.mark.parametrize(
    ("text", "volatile"),
    [
        ("Amount * 2", False),
        ("TODAY() - a", True),
        ("$Setup.X__c.Y__c", True),
        ("DATE(2026, 1, 1)", False),
        ("NOW()", True),
    ],
)
def test_a_formula_knows_whether_it_changes_by_itself(text: str, *, volatile: bool) -> None:
    assert parse(text).volatile is volatile
