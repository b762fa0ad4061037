"""Saves that go at once: where nothing waits before it and the server listens, the transaction that saves something
marks it as sent too, so that no second one stands between the person and the other devices.

What it marks is `sending` on disk (`states.py`): where it does not leave after all, it goes again unchanged, as after a
crash.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fieldsync.device.queue import journal
from fieldsync.device.queue.entry import Entry
from fieldsync.device.queue.states import Event, State, after
from fieldsync.device.store.work import Work, listed

WAITING = f"state IN ('{State.QUEUED}', '{State.SENDING}')"


@dataclass(frozen=True)
class Marked:
    """Entries, and up to which number every outcome is on disk with them."""

    numbers: tuple[int, ...]
    confirmed_through: int


class AtOnce:
    """What was marked last. `may`: whether the server would get a request now."""

    def __init__(self, may: Callable[[], bool]) -> None:
        self.may = may
        self._marked: Marked | None = None

    def mark(self, work: Work, numbers: Sequence[int], upcoming_n: int) -> None:
        """Mark what a save queued, in its transaction, if its turn is now."""
        if not numbers or not self.may():
            return
        waiting = work.rows(f"SELECT n, state FROM _queue WHERE {WAITING} ORDER BY n LIMIT ?", len(numbers) + 1)
        if waiting == [(n, State.QUEUED.value) for n in numbers]:
            after(State.QUEUED, Event.SENT)
            mark_sent(work, numbers)
            self._marked = Marked(tuple(numbers), journal.confirmed_through(work, upcoming_n))

    @property
    def is_marked(self) -> bool:
        """Whether something was marked that no request has taken yet."""
        return self._marked is not None

    def take(self, entries: Sequence[Entry]) -> Marked | None:
        """The mark, if it is of these, which go now; it is of one request and no other."""
        marked, self._marked = self._marked, None
        are_sent = all(entry.sealed and entry.state is State.SENDING for entry in entries)
        return marked if marked and are_sent and marked.numbers == tuple(entry.n for entry in entries) else None


def mark_sent(work: Work, numbers: Sequence[int]) -> None:
    """From here on these may be on the server, and never change again."""
    work.run(
        f"UPDATE _queue SET state = '{State.SENDING}', sealed = 1, attempts = attempts + 1"
        " WHERE n IN (SELECT value FROM json_each(?))",
        listed(numbers),
    )
