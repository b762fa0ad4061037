"""What each outcome means for the entry, and which base images follow from it when no row came back. Pure.

This is the device's half of the one table that maps transaction status, outcome, queue state and error list:

| outcome | event | entry | error list |
|---|---|---|---|
| Saved | settled | done | |
| Linked | settled | done, content kept with the undone | |
| Duplicated | settled | done, content kept with the undone | |
| Discarded | settled | done, content kept with the undone | |
| Canceled | settled | done, content kept with the undone | |
| Rejected | refused | failed | yes |
| Held | waits | held | yes |
| Accepted, all items there | taken | accepted | |
| Unheard | taken | accepted: kept, neither sent again nor taken back, and asked about by every sync | |
| Accepted, items missing | incomplete | sending: it goes again | |
"""

from __future__ import annotations

from typing import assert_never

from fieldsync.device.queue.states import Event
from fieldsync.protocol.upload import (
    BY_RECOVERY,
    Accepted,
    Canceled,
    Discarded,
    Duplicated,
    Held,
    Linked,
    Outcome,
    Rejected,
    Saved,
    Unheard,
)


def event_of(outcome: Outcome) -> Event:
    """The event an outcome is for its entry."""
    match outcome:
        case Saved() | Duplicated() | Linked() | Discarded() | Canceled():
            return Event.SETTLED
        case Rejected():
            return Event.REFUSED
        case Held():
            return Event.WAITS
        case Accepted(received=received, expected=expected):
            return Event.TAKEN if received >= expected else Event.INCOMPLETE
        case Unheard():
            return Event.TAKEN
        case _:
            assert_never(outcome)


def is_by_recovery(outcome: Outcome) -> bool:
    """Whether a save that was offered to a restored server stands in its recovery list now: the server has it there,
    and gets it again where it is restored once more."""
    return isinstance(outcome, Canceled) and outcome.by == BY_RECOVERY


def keeps_content(outcome: Outcome) -> bool:
    """Whether the entry's content is kept, because it did not become the record's."""
    return isinstance(outcome, Duplicated | Discarded | Canceled | Linked)
