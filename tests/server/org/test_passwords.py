"""Passwords: what may be one, and what a check tells."""

from __future__ import annotations

import pytest

from fieldsync.base.problems import Code, Refused
from fieldsync.base.world import SeededChance
from fieldsync.server.org.passwords import hashed, verify, weakness

CHANCE = SeededChance("passwords")
GOOD = "mango river staple"


@pytest.mark.parametrize(
    "bad",
    ["short", "x" * 300, "aaaaaaaaaaaaaaaa", "sarah.miller 2026", "password1234", "Password!!!!!", "qwerty123456"],
)
def test_a_weak_password_is_refused_with_the_reason(bad: str) -> None:
    with pytest.raises(Refused) as refused:
        hashed(bad, "sarah.miller@example.com", CHANCE)
    assert refused.value.problem.code is Code.WEAK_PASSWORD
    assert bad not in refused.value.problem.message


def test_a_good_password_is_kept_as_a_hash_only_and_recognised() -> None:
    assert weakness(GOOD, "sarah@example.com") is None
    kept = hashed(GOOD, "sarah@example.com", CHANCE)
    assert GOOD not in kept
    assert kept.startswith("$argon2id$")
    assert verify(kept, GOOD)
    assert not verify(kept, GOOD + "!")


def test_nobody_signs_in_under_a_name_that_nobody_has() -> None:
    assert not verify(None, GOOD)
    assert not verify(None, "nobody")


def test_a_damaged_hash_opens_nothing() -> None:
    assert not verify("$argon2id$broken", GOOD)
