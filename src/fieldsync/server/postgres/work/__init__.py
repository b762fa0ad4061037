"""Transactions: statements sent, answered or refused. The way of every room but deploys to PostgreSQL."""

from fieldsync.server.postgres.work.errors import (
    BadRow,
    Busy,
    Collision,
    DatabaseError,
    Gone,
    NotUnique,
    TooLong,
)
from fieldsync.server.postgres.work.pipe import END, Question
from fieldsync.server.postgres.work.trip import Connection
from fieldsync.server.postgres.work.work import Pool, Work, snapshot, transaction

__all__ = [
    "END",
    "BadRow",
    "Busy",
    "Collision",
    "Connection",
    "DatabaseError",
    "Gone",
    "NotUnique",
    "Pool",
    "Question",
    "TooLong",
    "Work",
    "snapshot",
    "transaction",
]
