"""A record as pages and callers see it, and its mark."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from fieldsync.base.ids import RecordId
from fieldsync.schema.fields import FieldValue


class Mark(StrEnum):
    """How a record stands to the server (FEATURES H13); the worst of its entries decides."""

    CLEAN = "clean"
    PENDING = "pending"
    CONFLICT = "conflict"
    ERROR = "error"


@dataclass(frozen=True)
class Record:
    """What the person sees of one record. `stamp` is the server's version it was edited from; 0: not there yet."""

    object: str
    id: RecordId
    values: Mapping[str, FieldValue]
    stamp: int
    mark: Mark = Mark.CLEAN
