"""What asks or tells the person something, as a table: facts in, the one thing to show out."""

from __future__ import annotations

import pytest

from fieldsync.device.status.widget import DAY_MS, Facts, widget
from fieldsync.web.field.sync.prompts import PromptFacts, PromptKind, prompt

TWO = frozenset({1, 2})


@pytest.mark.parametrize(
    ("facts", "shown"),
    [
        (PromptFacts(), None),
        (PromptFacts(errors=TWO, sync_ended=True), PromptKind.ERRORS_AFTER_SYNC),
        (PromptFacts(errors=TWO, sync_ended=True, busy=True), None),
        (PromptFacts(errors=TWO, seen_errors=TWO, sync_ended=True), None),
        (PromptFacts(errors=TWO), PromptKind.NEW_ERRORS),
        (PromptFacts(errors=TWO, sync_due=True), PromptKind.NEW_ERRORS),
        (PromptFacts(sync_due=True), PromptKind.SYNC_DUE),
        (PromptFacts(sync_due=True, asked=True), None),
        (PromptFacts(sync_due=True, online=False), None),
        (PromptFacts(sync_due=True, media_waiting=3), PromptKind.SYNC_DUE),
        (PromptFacts(media_waiting=3), PromptKind.MEDIA_WAITING),
        (PromptFacts(media_waiting=3, busy=True), None),
    ],
)
def test_one_thing_is_shown_by_its_place(facts: PromptFacts, shown: PromptKind | None) -> None:
    found = prompt(facts)
    assert (found and found.kind) == shown


def test_a_modal_counts_all_errors_a_note_the_new_ones() -> None:
    after_sync = prompt(PromptFacts(errors=TWO, seen_errors=frozenset({1}), sync_ended=True))
    note = prompt(PromptFacts(errors=TWO, seen_errors=frozenset({1})))
    assert after_sync is not None
    assert note is not None
    assert (after_sync.count, after_sync.modal, note.count, note.modal) == (2, True, 1, False)


@pytest.mark.parametrize(("days", "limit", "due"), [(3, 3, False), (3.001, 3, True), (400, 0, False)])
def test_a_sync_is_due_after_the_limit_in_days(days: float, limit: int, *, due: bool) -> None:
    now = 1_800_000_000_000
    as_of = "2027-01-15T08:00:00+00:00"
    assert widget(Facts(now_ms=now + int(days * DAY_MS), overdue_days=limit, as_of=as_of)).sync_due is due
    assert widget(Facts(now_ms=now, overdue_days=limit)).sync_due
