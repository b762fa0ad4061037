"""What asks the person something, or tells him once. Pure: facts in, the one thing to show out."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class PromptKind(StrEnum):
    """In the order in which they go before each other."""

    ERRORS_AFTER_SYNC = "errors_after_sync"
    """A modal, once after a sync the person started (FEATURES G02)."""
    NEW_ERRORS = "new_errors"
    """A note that does not block: autosync was told no."""
    SYNC_DUE = "sync_due"
    """At sign-in: Yes starts one, No postpones it to the next sign-in (H08)."""
    MEDIA_WAITING = "media_waiting"
    """At sign-in: files have not been fetched. OK closes it and starts nothing (H10)."""


@dataclass(frozen=True)
class PromptFacts:
    """Everything it depends on."""

    errors: frozenset[int | str] = frozenset()
    """Saves by their number, files by their key."""
    seen_errors: frozenset[int | str] = frozenset()
    sync_ended: bool = False
    """A sync that the person started has ended, and its end was not told yet."""
    sync_due: bool = False
    asked: bool = False
    online: bool = True
    media_waiting: int = 0
    """Files that are not here; 0 once the person was told since the app was opened."""
    busy: bool = False
    """A sync runs, or its page is open."""


@dataclass(frozen=True)
class Prompt:
    """What to show."""

    kind: PromptKind
    count: int = 0

    @property
    def modal(self) -> bool:
        """Whether it waits for an answer."""
        return self.kind is not PromptKind.NEW_ERRORS


def prompt(facts: PromptFacts) -> Prompt | None:
    """The one that is shown now; None: nothing."""
    new = facts.errors - facts.seen_errors
    if facts.busy:
        return None
    if new and facts.sync_ended:
        return Prompt(PromptKind.ERRORS_AFTER_SYNC, len(facts.errors))
    if new:
        return Prompt(PromptKind.NEW_ERRORS, len(new))
    if facts.sync_due and facts.online and not facts.asked:
        return Prompt(PromptKind.SYNC_DUE)
    if facts.media_waiting:
        return Prompt(PromptKind.MEDIA_WAITING, facts.media_waiting)
    return None
