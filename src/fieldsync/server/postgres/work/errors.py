"""What PostgreSQL may answer a statement with, in our own words."""

from __future__ import annotations

import psycopg
from psycopg import errors


class DatabaseError(Exception):
    """Something PostgreSQL refused; the transaction it happened in is over."""


class Busy(DatabaseError):
    """A lock was not had in time."""


class TooLong(Busy):
    """A statement took longer than it may."""


class Collision(DatabaseError):
    """A deadlock or serialization failure: the same work may succeed when tried again."""


class NotUnique(DatabaseError):
    """A unique index refused a row; `constraint` is its name."""

    def __init__(self, constraint: str) -> None:
        super().__init__(constraint)
        self.constraint = constraint


class BadRow(DatabaseError):
    """A value that passed our checks and PostgreSQL refuses all the same."""


class Gone(DatabaseError):
    """The connection is lost; what was not committed did not happen."""


def in_our_words(error: psycopg.Error) -> DatabaseError:
    """What the driver raised, as one of these."""
    if isinstance(error, errors.DeadlockDetected | errors.SerializationFailure):
        return Collision(str(error))
    if isinstance(error, errors.QueryCanceled):
        return TooLong(str(error))
    if isinstance(error, errors.LockNotAvailable):
        return Busy(str(error))
    if isinstance(error, errors.UniqueViolation):
        return NotUnique(error.diag.constraint_name or "")
    if isinstance(error, psycopg.DataError | psycopg.IntegrityError):
        return BadRow(str(error))
    if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        return Gone(str(error))
    return DatabaseError(str(error))
