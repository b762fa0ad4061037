"""The merge gate as a table, and versions that never go back."""

from __future__ import annotations

from itertools import product

import pytest

from fieldsync.device.merge.decide import FamilyFacts, Fate, counts_as_new, family_fate, is_news


@pytest.mark.parametrize("facts", [FamilyFacts(*bits) for bits in product((False, True), repeat=4)])
def test_only_a_complete_closed_clean_family_takes_its_news(facts: FamilyFacts) -> None:
    free = facts.complete and not facts.open and not facts.pending and not facts.failed
    assert family_fate(facts) is (Fate.APPLY if free else Fate.STAGE)


@pytest.mark.parametrize(
    ("incoming", "held", "said"),
    [
        (5, None, (True, True)),
        (5, 4, (True, True)),
        (5, 5, (True, False)),
        (4, 5, (False, False)),
        (0, 5, (True, True)),
    ],
)
def test_an_older_version_is_never_news(incoming: int, held: int | None, said: tuple[bool, bool]) -> None:
    assert is_news(incoming, held) is said[0]
    if held is not None:
        assert counts_as_new(incoming, held) is said[1]
