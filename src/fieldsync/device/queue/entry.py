"""A queue entry as it is stored and sent, and as a person sees it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from fieldsync.base import limits
from fieldsync.base.ids import RecordId, TransactionId, content_hash
from fieldsync.base.problems import Code, Problem, problem
from fieldsync.device.queue.states import State
from fieldsync.protocol.upload import (
    Discarded,
    Held,
    Item,
    Outcome,
    Rejected,
    Transaction,
    Unheard,
    decode_items,
    encode_items,
)

_LINE = b"\n"
_OUTCOME = msgspec.json.Decoder(Outcome)


@dataclass(frozen=True)
class Entry:
    """One save. `items` holds the raw JSON of its parts, a part a line; `sealed` entries never change again."""

    n: int
    id: TransactionId
    state: State
    root: RecordId
    saved_at: str
    hash: str
    items: bytes
    item_count: int
    sealed: bool = False

    def decoded(self) -> tuple[Item, ...]:
        """Its items, all parts together."""
        return decoded(self.items)


class Changed(msgspec.Struct, frozen=True):
    """One field of a save, as a person sees it."""

    object: str
    operation: str
    column: str
    old: Any
    new: Any


class QueueEntry(msgspec.Struct, frozen=True):
    """One row of the queue or the error list, for pages. `name` of the record, if it has one on this device."""

    n: int
    id: TransactionId
    state: State
    object: str
    record_id: RecordId
    name: str | None
    saved_at: str
    attempts: int
    next_attempt_at: str | None
    items: int
    problems: tuple[Problem, ...] = ()
    waiting_for: tuple[int, ...] = ()
    records: tuple[RecordId, ...] = ()
    """Every record the save names."""
    content: tuple[Changed, ...] = ()
    """What was refused, field by field; also of fields and objects that are no more."""


def decoded(raw: bytes) -> tuple[Item, ...]:
    """An entry's stored items, all parts together."""
    return tuple(item for part in raw.split(_LINE) for item in decode_items(part))


def content_of(raw: bytes) -> tuple[Changed, ...]:
    """What an entry's stored items change."""
    return tuple(
        Changed(item.object, item.operation.value, column, change.old, change.new)
        for item in decoded(raw)
        for column, change in item.changes.items()
    )


def raw_parts(items: Sequence[Item], per_part: int) -> bytes:
    """The items as stored: JSON arrays of at most `per_part` items, a line each (FEATURES B17); of more, where there
    would be more parts than the server takes.

    JSON text holds no line end of its own, so the lines are the parts.
    """
    per_part = max(per_part, -(-len(items) // limits.TRANSACTION_PARTS_MAX))
    parts = [encode_items(tuple(items[i : i + per_part])) for i in range(0, len(items), per_part)]
    return _LINE.join(parts)


def hash_of_parts(raw: bytes) -> str:
    """The content hash: over the raw parts, joined in order."""
    return content_hash(raw.replace(_LINE, b""))


def transactions_of(entry: Entry) -> tuple[Transaction, ...]:
    """The entry on the wire, one transaction a part."""
    parts = entry.items.split(_LINE)
    if len(parts) == 1:
        return (Transaction(entry.id, entry.n, entry.hash, entry.saved_at, msgspec.Raw(entry.items)),)
    return tuple(
        Transaction(
            entry.id, entry.n, entry.hash, entry.saved_at, msgspec.Raw(raw), place, len(parts), entry.item_count
        )
        for place, raw in enumerate(parts, 1)
    )


def encode_outcome(outcome: Outcome) -> bytes:
    """An outcome as it is stored with its entry."""
    return msgspec.json.encode(outcome)


def decode_outcome(raw: bytes | None) -> Outcome | None:
    """The stored outcome, if there is one."""
    return None if raw is None else _OUTCOME.decode(raw)


def problems_of(outcome: Outcome | None) -> tuple[Problem, ...]:
    """The reasons a person is shown."""
    match outcome:
        case Rejected(problems=problems):
            return problems
        case Discarded(reason=reason):
            return (reason,)
        case Unheard(name=name):
            return (problem(Code.UNKNOWN_OUTCOME, name=name),)
        case _:
            return ()


def waiting_for(outcome: Outcome | None) -> tuple[int, ...]:
    """The numbers of the entries that hold this one up."""
    return outcome.waiting_for if isinstance(outcome, Held) else ()
