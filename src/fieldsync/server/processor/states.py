"""The statuses of a Sync_Transaction and the one table of how they change (FEATURES J02, J09, J13). Pure.

New:        taken, and processed later
Waiting:    builds on one that failed or waits itself
InProgress: being processed; only ever seen inside the database transaction that decides it
Success:    saved, or made one with what was there
Failed:     refused; somebody has to look at it
Retry:      is tried again at its time: somebody asked for it, or another save held its records
Canceled:   taken back, ignored, or dropped by a rule
Manual:     somebody did by hand what it was meant to do
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from fieldsync.base.problems import Code, Refused, problem


class Status(StrEnum):
    """Where a transaction stands."""

    NEW = "New"
    WAITING = "Waiting"
    IN_PROGRESS = "InProgress"
    SUCCESS = "Success"
    FAILED = "Failed"
    RETRY = "Retry"
    CANCELED = "Canceled"
    MANUAL = "Manual"


class Who(StrEnum):
    """Who does it."""

    ADMIN = "admin"
    DEVICE = "device"
    PROCESSOR = "processor"


class Act(StrEnum):
    """What is done to a transaction."""

    RETRY = "retry"
    EDIT = "edit and retry"
    IGNORE = "ignore"
    MANUAL = "mark as done by hand"
    CANCEL = "cancel"
    CLEAR = "clear"
    TAKE_BACK = "take back"
    START = "start"
    SUCCEED = "succeed"
    FAIL = "fail"
    WAIT = "wait"
    PUT_OFF = "put off"
    DROP = "drop"


class Follow(StrEnum):
    """What becomes of those that wait for it."""

    NOTHING = "they go on waiting"
    RUN = "they are run behind it"
    CANCEL = "they are canceled with it"


@dataclass(frozen=True)
class Move:
    """One row of the table."""

    to: Status
    follow: Follow = Follow.NOTHING


ACTORS: Mapping[Act, Who] = {
    Act.RETRY: Who.ADMIN,
    Act.EDIT: Who.ADMIN,
    Act.IGNORE: Who.ADMIN,
    Act.MANUAL: Who.ADMIN,
    Act.CANCEL: Who.ADMIN,
    Act.CLEAR: Who.ADMIN,
    Act.TAKE_BACK: Who.DEVICE,
    Act.START: Who.PROCESSOR,
    Act.SUCCEED: Who.PROCESSOR,
    Act.FAIL: Who.PROCESSOR,
    Act.WAIT: Who.PROCESSOR,
    Act.PUT_OFF: Who.PROCESSOR,
    Act.DROP: Who.PROCESSOR,
}

_AGAIN = Move(Status.RETRY, Follow.RUN)
_ENDED = Move(Status.CANCELED, Follow.CANCEL)
_TAKEN_BACK = Move(Status.CANCELED)
_STARTED = Move(Status.IN_PROGRESS)

MOVES: Mapping[Status, Mapping[Act, Move]] = {
    Status.NEW: {Act.CANCEL: _ENDED, Act.CLEAR: _ENDED, Act.START: _STARTED},
    Status.WAITING: {
        Act.CANCEL: _ENDED,
        Act.CLEAR: _ENDED,
        Act.TAKE_BACK: _TAKEN_BACK,
        Act.START: _STARTED,
    },
    Status.IN_PROGRESS: {
        Act.SUCCEED: Move(Status.SUCCESS, Follow.RUN),
        Act.FAIL: Move(Status.FAILED),
        Act.WAIT: Move(Status.WAITING),
        Act.PUT_OFF: Move(Status.RETRY),
        Act.DROP: Move(Status.CANCELED),
    },
    Status.SUCCESS: {},
    Status.FAILED: {
        Act.RETRY: _AGAIN,
        Act.EDIT: _AGAIN,
        Act.IGNORE: _ENDED,
        Act.MANUAL: Move(Status.MANUAL, Follow.RUN),
        Act.CANCEL: _ENDED,
        Act.CLEAR: _ENDED,
        Act.TAKE_BACK: _TAKEN_BACK,
    },
    Status.RETRY: {
        Act.RETRY: _AGAIN,
        Act.CANCEL: _ENDED,
        Act.CLEAR: _ENDED,
        Act.TAKE_BACK: _TAKEN_BACK,
        Act.START: _STARTED,
    },
    Status.CANCELED: {},
    Status.MANUAL: {},
}
"""What is not here is refused, but for one that was canceled only with what it waited for: see `move`."""


def move(status: Status, act: Act, *, can_be_retried: bool = False) -> Move:
    """What follows from an act. `can_be_retried`: a canceled one whose only fault was what it waited for.

    Raises Refused(DECIDED).
    """
    if status is Status.CANCELED and act is Act.RETRY and can_be_retried:
        return _AGAIN
    found = MOVES[status].get(act)
    if found is None:
        raise Refused(problem(Code.DECIDED, status=status.value, act=act.value))
    return found


def offered(status: Status, *, can_be_retried: bool = False) -> tuple[Act, ...]:
    """The acts an admin has now, in the order of the table."""
    again = (Act.RETRY,) if status is Status.CANCELED and can_be_retried else ()
    return again + tuple(act for act in MOVES[status] if ACTORS[act] is Who.ADMIN)
