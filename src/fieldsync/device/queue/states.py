"""The states of a queue entry and the one table of how they change (DESIGN 10).

gathering: an edit session is open and collects it, in memory; nothing of it was promised yet
queued:    saved on this device, waiting for its turn
sending:   sent at least once, no outcome stored; it may be on the server or not, and goes again unchanged
held:      waits for an earlier entry that was refused
failed:    refused; a person has to look at it
accepted:  the server has it and will decide later; the outcome comes with the feed
done:      decided and stored; nothing of it is left in the queue
"""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """Where an entry stands."""

    GATHERING = "gathering"
    QUEUED = "queued"
    SENDING = "sending"
    HELD = "held"
    FAILED = "failed"
    ACCEPTED = "accepted"
    DONE = "done"


class Event(StrEnum):
    """What can happen to an entry."""

    CLOSED = "closed"
    """The outermost edit session ended."""
    BLOCKED = "blocked"
    """An entry it builds on was refused."""
    SENT = "sent"
    SETTLED = "settled"
    """Saved, duplicated, discarded, canceled or linked: nothing is left to do."""
    REFUSED = "refused"
    WAITS = "waits"
    """The server holds it for an earlier one."""
    TAKEN = "taken"
    """Received, not decided."""
    INCOMPLETE = "incomplete"
    """Received in part: it goes again."""
    FREED = "freed"
    """What it was waiting for is out of the way, and it was never sent."""
    FORGOTTEN = "forgotten"
    """The server was restored from a backup: what it decided is asked anew."""
    UNDONE = "undone"
    """The person took it back."""


_DECIDED = {
    Event.SETTLED: State.DONE,
    Event.REFUSED: State.FAILED,
    Event.WAITS: State.HELD,
    Event.TAKEN: State.ACCEPTED,
}

TRANSITIONS: dict[State, dict[Event, State]] = {
    State.GATHERING: {Event.CLOSED: State.QUEUED},
    State.QUEUED: {Event.SENT: State.SENDING, Event.BLOCKED: State.HELD, Event.UNDONE: State.DONE},
    State.SENDING: {**_DECIDED, Event.SENT: State.SENDING, Event.INCOMPLETE: State.SENDING},
    State.HELD: {
        **_DECIDED,
        Event.FREED: State.QUEUED,
        Event.UNDONE: State.DONE,
        Event.BLOCKED: State.HELD,
        Event.FORGOTTEN: State.SENDING,
    },
    State.FAILED: {**_DECIDED, Event.UNDONE: State.DONE, Event.FORGOTTEN: State.SENDING},
    State.ACCEPTED: {**_DECIDED, Event.INCOMPLETE: State.SENDING, Event.FORGOTTEN: State.SENDING},
    State.DONE: {},
}


def after(state: State, event: Event) -> State:
    """The state that follows; an impossible event is a bug."""
    assert event in TRANSITIONS[state], f"{event} cannot happen to an entry that is {state}"
    return TRANSITIONS[state][event]


UNDECIDED = (State.QUEUED, State.SENDING, State.ACCEPTED)
"""No outcome is stored yet."""
REFUSED = (State.HELD, State.FAILED)
"""In the error list."""
