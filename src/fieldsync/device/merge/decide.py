"""May this news become the rows now? Pure: facts about a family in, what to do out (DESIGN 10, law L8).

| complete | open | pending or failed edit | what happens to the family's news |
|---|---|---|---|
| no  | any | any | it waits as base image until the family is complete (FEATURES D01) |
| yes | yes | any | it waits until the page is left (D02, D03) |
| yes | no  | yes | it waits until the edits are decided (D05) |
| yes | no  | no  | it becomes the rows |

And for each record: a version older than the one held is never news.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


@dataclass(frozen=True)
class FamilyFacts:
    """What is known of a family when news of it arrives."""

    complete: bool
    open: bool
    pending: bool
    failed: bool


class Fate(Enum):
    """What becomes of a family's news."""

    APPLY = "apply"
    STAGE = "stage"


def family_fate(facts: FamilyFacts) -> Fate:
    """The table above."""
    if facts.complete and not facts.open and not facts.pending and not facts.failed:
        return Fate.APPLY
    return Fate.STAGE


NO_STAMP = 0
"""Of a record the server says is not there, without a version: it never was, or is not open to this user."""


def is_news(incoming: int, held: int | None) -> bool:
    """Whether a version may take the held one's place. The same may: its fields can have become visible."""
    return held is None or incoming == NO_STAMP or incoming >= held


def counts_as_new(incoming: int, held: int) -> bool:
    """Whether a person who sees the held version should be told."""
    return incoming == NO_STAMP or incoming > held
