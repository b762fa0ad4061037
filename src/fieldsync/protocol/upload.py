"""Upload: what a device saved, on its way up, and what became of it, on its way back (DESIGN 5, 8).

`POST /sync/v1/upload` takes `UploadRequest` and answers `UploadResponse`. Transactions come in the order of their
queue numbers. Each has one outcome, remembered by the server until the device confirms it and 60 days more; a
transaction that is sent again gets the same outcome. `Transaction.items` stays raw JSON until its hash was checked, and
so that one that cannot be read is rejected alone.
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Any, TypeVar, get_args

import msgspec

from fieldsync.base.ids import RecordId, TransactionId, content_hash
from fieldsync.base.problems import Problem
from fieldsync.protocol.rows import Gone, RecordRef, RowBlock


class Operation(StrEnum):
    """What a save does to a record."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    UNDELETE = "undelete"


class Change(msgspec.Struct, frozen=True, array_like=True):
    """One changed column: `[old, new]`. `old` is what the person saw before; null for a create."""

    old: Any
    new: Any


class Item(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """One record of a save.

    `changes` names columns. `seen` is the stamp of the version the person edited (0: not on the server then).
    `root_seen`, of a detail in a family that can be submitted, is the stamp of the family's root as the person saw it.
    `after` is the queue number of this device's last earlier save on this record that is not acknowledged yet.
    """

    object: str
    id: RecordId
    operation: Operation
    changes: dict[str, Change] = {}
    seen: int = 0
    after: int | None = None
    root_seen: int = 0


class Transaction(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """One save, or one part of a long one.

    `hash` is the content hash of the raw `items` of all parts, joined in order. A save over the server's limit of
    items travels in `parts` parts that share id, number and hash; `expected` is the number of items in all of them.
    """

    id: TransactionId
    n: int
    hash: str
    saved_at: str
    """The device's own time of the save; recorded, never trusted (FEATURES B21)."""
    items: msgspec.Raw
    part: int = 1
    parts: int = 1
    expected: int | None = None


class UploadRequest(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """`confirmed_through`: every outcome up to this queue number is stored on the device.

    `undone`: rejected or held saves that the person took back. They no longer hold anything up, and the console shows
    them as canceled. Naming one again does nothing.
    """

    device: str
    confirmed_through: int
    transactions: tuple[Transaction, ...]
    undone: tuple[int, ...] = ()
    offered: tuple[tuple[int, int], ...] = ()
    """Queue numbers of saves that were acknowledged before the server was restored, with the stamps they had. They are
    applied in the order of these stamps, after a window in which other devices offer theirs (DESIGN 5)."""


class Saved(msgspec.Struct, frozen=True, tag=True):
    """Applied; the resulting rows are in the response."""


class Duplicated(msgspec.Struct, frozen=True, tag=True):
    """The root was submitted elsewhere: the edits live in a new record linked to it (FEATURES K05)."""

    original: RecordRef
    duplicate: RecordRef
    copied: dict[RecordId, RecordId] = {}
    """Edited child of the original to its copy under the duplicate."""


class Discarded(msgspec.Struct, frozen=True, tag=True):
    """The root was submitted elsewhere and its policy drops the edits; they stay in the journal (FEATURES K06)."""

    reason: Problem


class Rejected(msgspec.Struct, frozen=True, tag=True):
    """Nothing was applied; every reason that was found is listed."""

    problems: tuple[Problem, ...]


class Held(msgspec.Struct, frozen=True, tag=True):
    """Not decided: it waits for these earlier transactions of the device, which were rejected or wait themselves."""

    waiting_for: tuple[int, ...]


class Accepted(msgspec.Struct, frozen=True, tag=True):
    """Received and safe, not decided yet: parts are missing, or processing is deferred."""

    received: int
    expected: int


class Canceled(msgspec.Struct, frozen=True, tag=True):
    """Taken back by somebody with the right to."""

    by: str
    reason: str


class Linked(msgspec.Struct, frozen=True, tag=True):
    """A create that a duplicate rule turned into a link: the id sent, the record that was there."""

    existing: dict[RecordId, RecordId]


class Unheard(msgspec.Struct, frozen=True, tag=True):
    """Decided by a newer server, under a name this version does not know. A device reads it out of such an answer
    (`decode_answer`); no server sends it."""

    name: str


BY_RECOVERY = "recovery"
"""Who cancels a save that was offered again and does not fit any more: an admin has it in the recovery list, and its
person is asked nothing (DESIGN 5)."""

Outcome = Saved | Duplicated | Discarded | Rejected | Held | Accepted | Canceled | Linked | Unheard


class Result(msgspec.Struct, frozen=True, omit_defaults=True):
    """The outcome of one transaction. `touched` lists every record the save wrote or computed, also masters; `stamp` is
    the save's own place in the server's history, 0 where it did nothing yet."""

    n: int
    id: TransactionId
    outcome: Outcome
    touched: tuple[RecordRef, ...] = ()
    stamp: int = 0


class UploadResponse(msgspec.Struct, frozen=True, omit_defaults=True):
    """Results in the order sent, and the touched records as they are now and as the caller may read them now.

    `fork_at`: from this queue number on the server knows other content under the same numbers; nothing of it was
    applied now, and the device must take a new number and new ids for what it never had confirmed. Results behind it
    are of saves that the server knows just as they were sent.
    """

    results: tuple[Result, ...]
    rows: tuple[RowBlock, ...] = ()
    gone: tuple[Gone, ...] = ()
    fork_at: int | None = None


T = TypeVar("T")
_KNOWN = frozenset(str(one.__struct_config__.tag) for one in get_args(Outcome))
_NAME_CHARACTERS = 60


class _Tagged(msgspec.Struct, frozen=True):
    type: str


def decode_answer(raw: bytes, shape: type[T]) -> T:
    """An answer as this shape. Of its `results`, outcomes that this version has no name for are `Unheard`, so that one
    does not make the others unreadable. Raises msgspec.DecodeError, UnicodeDecodeError."""
    try:
        return msgspec.json.decode(raw, type=shape)
    except msgspec.ValidationError:
        readable = _with_unheard(raw)
        if readable is None:
            raise
        return msgspec.json.decode(readable, type=shape)


def _with_unheard(raw: bytes) -> bytes | None:
    """The answer with such outcomes named; None where it has none, and is wrong for another reason."""
    try:
        answer = msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
        results = msgspec.json.decode(answer["results"], type=list[dict[str, msgspec.Raw]])
        names = [msgspec.json.decode(result["outcome"], type=_Tagged).type for result in results]
    except (msgspec.DecodeError, KeyError):
        return None
    if _KNOWN.issuperset(names):
        return None
    for result, name in zip(results, names, strict=True):
        if name not in _KNOWN:
            result["outcome"] = msgspec.Raw(msgspec.json.encode(Unheard(name[:_NAME_CHARACTERS])))
    answer["results"] = msgspec.Raw(msgspec.json.encode(results))
    return msgspec.json.encode(answer)


_ITEMS = msgspec.json.Decoder(tuple[Item, ...], float_hook=Decimal)
_ENCODER = msgspec.json.Encoder(decimal_format="number", order="deterministic")


def encode_items(items: tuple[Item, ...]) -> bytes:
    """Items as they are stored in the queue, hashed and sent."""
    return _ENCODER.encode(items)


def decode_items(raw: bytes | msgspec.Raw) -> tuple[Item, ...]:
    """Items of one part. Raises msgspec.DecodeError, which says what and where."""
    return _ITEMS.decode(raw)


def hash_of(parts: tuple[bytes, ...]) -> str:
    """The content hash of a transaction out of the raw items of its parts, in order."""
    return content_hash(b"".join(parts))
