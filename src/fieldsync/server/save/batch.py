"""The values that flow through the save pipeline: who saves, what is to be saved, what is known, what was decided.

A `Batch` is one database transaction of one user: at most `UPLOAD_BATCH_RECORDS_MAX` records. It runs in waves; a wave
holds no record twice, so that its rows are read and written as sets. Steps fill a `Wave`; nothing here decides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from functools import cached_property
from itertools import count
from typing import TYPE_CHECKING, Any

import msgspec

from fieldsync.base.ids import DeviceNumber, RecordId, TransactionId, is_id
from fieldsync.base.problems import Problem
from fieldsync.protocol.rows import RecordRef
from fieldsync.protocol.session import Software, Supporter
from fieldsync.protocol.upload import Duplicated, Item, Operation, Outcome, Rejected
from fieldsync.schema.access.rights import NOBODY, Rights
from fieldsync.schema.catalog import ObjectType
from fieldsync.schema.fields import FieldValue
from fieldsync.schema.model import DeletedElsewhere, FieldType
from fieldsync.schema.standard import STAMP
from fieldsync.server.postgres.json_rows import as_json

if TYPE_CHECKING:
    from fieldsync.server.save.elsewhere.duplicate import Duplicate
    from fieldsync.server.scope.scope import Scope

Row = dict[str, Any]
"""A record's stored columns by name, canonical values, `_stamp` included."""

UNLOGGED = frozenset({FieldType.LONG_TEXT, FieldType.BASE64})
"""Types whose old values are not in the change log: neither a condition nor a formula can read them."""
NAME_CHARS_MAX = 63
"""As long as a name may be in PostgreSQL."""
_DECODER = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal)


def decode_row(text: str) -> Row:
    """A row as PostgreSQL wrote it: numbers with a point become Decimal, nothing becomes a float."""
    return _DECODER.decode(text)


def encode_rows(rows: list[Row]) -> str:
    """Rows as the JSON document the set-based statements unpack."""
    return as_json(rows)


def legible(text: str, most: int = NAME_CHARS_MAX) -> str:
    """A name or value that a client made up, as it can be told and stored."""
    return text[:most] if text.isprintable() else "".join(c if c.isprintable() else "?" for c in text[:most])


class Channel(StrEnum):
    """Where a save comes from."""

    DEVICE = "device"
    API = "api"
    IMPORT = "import"
    JOB = "job"


@dataclass(frozen=True)
class Caller:
    """Who asks: user, profile, rights and, for a device, its numbers (every number ever issued to its key)."""

    user_id: RecordId
    profile: str
    channel: Channel
    device_id: RecordId | None = None
    number: DeviceNumber | None = None
    numbers: frozenset[DeviceNumber] = frozenset()
    chain: int = 0
    """How many jobs, each deferred by the save of the one before, led here."""
    job_feeds: bool = False
    rights: Rights = field(default=NOBODY, compare=False)
    """What the person may do; an import and a job are not asked for it."""
    rights_version: int | None = None
    """Of the head row, when the rights were read: a save whose rights changed meanwhile begins again."""
    software: Software = field(default=Software(), compare=False)
    ordered: bool = field(default=False, compare=False)
    """Whether an admin wants something of the device that asks."""
    supporter: Supporter | None = field(default=None, compare=False)
    """Of a support session, in which an admin sees what this person sees."""

    @property
    def feeds(self) -> bool:
        """Whether the save goes on the user's feed: what a device uploads (FEATURES C15), and a job declared so."""
        return self.channel is Channel.DEVICE or (self.channel is Channel.JOB and self.job_feeds)


@dataclass(frozen=True)
class Incoming:
    """One complete transaction as it came."""

    id: TransactionId
    n: int
    hash: str
    saved_at: str
    items: tuple[Item, ...]
    record_id: RecordId | None = None
    """Its Sync_Transaction, where it runs again."""
    attempts: int = 0
    """How often it was refused before."""


@dataclass
class Edit:
    """One item on its way: the row it found and the row it will leave."""

    item: Item
    object_type: ObjectType
    current: Row | None = None
    new: Row | None = None
    changed: set[str] = field(default_factory=set)
    overridden: dict[str, FieldValue] = field(default_factory=dict)
    """Values of somebody else that a family's edit replaced: kept in the journal."""
    was_there: bool = False
    """Its row is there, and is not for this caller to read: it counts as none."""
    by_platform: bool = False
    """Nobody sent it: the platform links what belongs together. No lock holds it up."""
    once_sent: bool = False
    """There is no row for this caller, and his device proves that it once had it."""

    @property
    def ref(self) -> RecordRef:
        return RecordRef(self.item.object, self.item.id)

    @cached_property
    def references(self) -> tuple[tuple[str, str], ...]:
        """(object, id) of every reference the item sets."""
        fields = self.object_type.column_fields
        return tuple(
            (fields[column].references or "", change.new)
            for column, change in self.item.changes.items()
            if column in fields and fields[column].references is not None and is_id(change.new)
        )

    @property
    def recreates(self) -> bool:
        """Whether it brings back what was deleted without its maker having seen that (FEATURES K11)."""
        kept = self.object_type.declared.when_deleted_elsewhere is DeletedElsewhere.RECREATE
        row = self.current if kept and self.item.operation is Operation.UPDATE else None
        return row is not None and row["IsDeleted"] and self.item.seen < row[STAMP]

    @property
    def revives(self) -> bool:
        """Whether the row it leaves is there, and the one it found was deleted."""
        return bool(self.current and self.new and self.current["IsDeleted"] and not self.new["IsDeleted"])

    @property
    def writes(self) -> bool:
        """Whether the row is really written: an edit whose values are all there already writes nothing."""
        return self.item.operation is not Operation.UPDATE or bool(self.changed)


@dataclass
class Work:
    """A transaction in progress: its edits, and its outcome once there is one."""

    incoming: Incoming
    edits: list[Edit]
    outcome: Outcome | None = None
    touched: list[RecordRef] = field(default_factory=list)
    root: RecordRef | None = None
    asked: list[Edit] | None = None
    """What was sent, where `edits` are now those of a duplicate."""
    becomes: Duplicated | None = None
    """Its outcome once it is written, where that is not Saved."""
    linked: dict[RecordId, RecordId] = field(default_factory=dict)
    """Records that were to be created, and those there are that they became."""
    refused_for_good: bool = False
    """Rejected for what it is or for what it causes; running its wave again will not change that."""

    @property
    def open(self) -> bool:
        """Not decided yet, so still to be applied."""
        return self.outcome is None

    def reject(self, *problems: Problem) -> None:
        """Refuse the whole transaction; reasons found one after another add up."""
        known = self.outcome.problems if isinstance(self.outcome, Rejected) else ()
        assert self.outcome is None or isinstance(self.outcome, Rejected)
        self.outcome = Rejected((*known, *problems))


@dataclass(frozen=True)
class Predecessor:
    """What became of an earlier save of the same device that an item names in `after`."""

    saved: bool
    stamp: int


@dataclass(frozen=True)
class Since:
    """What others wrote of a record behind the version its editor had seen: whether at all, and the columns they were
    the last to set."""

    written: bool
    columns: frozenset[str]


@dataclass
class Facts:
    """What a wave looked up before it decides anything, all of it locked."""

    rows: dict[str, Row] = field(default_factory=dict)
    """Records to be written, by id."""
    references: dict[str, bool] = field(default_factory=dict)
    """Ids that fields point to and that exist, and whether they are deleted."""
    blocked: dict[str, int] = field(default_factory=dict)
    """Records of this device's rejected or held saves, with the queue number."""
    predecessors: dict[int, Predecessor] = field(default_factory=dict)
    since: dict[str, Since] = field(default_factory=dict)
    """By record: what others did unseen, where an edit behind another of its device meets values it does not name."""
    taken: dict[tuple[str, str, str], str] = field(default_factory=dict)
    """(object, unique column, value) to the id that has it."""
    duplicates: dict[str, Duplicate] = field(default_factory=dict)
    """By their originals: duplicates that this device's saves became."""
    access: dict[str, bool] = field(default_factory=dict)
    """Of the named records that are not open to everybody, those the caller may read, and whether he may write them."""


class StepLog:
    """What each step did and how long it took, for the transaction that is being saved (FEATURES J24)."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now, self._at = now, now()
        self.lines: list[tuple[str, str]] = []
        """Step, and what is said of it."""

    def mark(self, step: str, wave: Wave) -> None:
        """A step is over."""
        before, self._at = self._at, self._now()
        decided = ", ".join(type(work.outcome).__name__ for work in wave.works if work.outcome is not None)
        took = (self._at - before).total_seconds() * 1000
        self.lines.append((step, f"{took:.1f} ms, {len(wave.edits)} records to save{decided and f', {decided}'}"))


@dataclass(frozen=True)
class Frame:
    """What is fixed for the whole batch, read with the user's head row locked."""

    stamp: int
    server_number: DeviceNumber
    now: str
    position: int
    """The last position on the user's feed."""
    dry: bool = False  # nothing of it will be committed
    scope: Scope | None = field(default=None, compare=False)
    """Whose rows the caller may read and write; None for who is not asked."""
    entries: Iterator[int] = field(default_factory=count, compare=False)
    """Numbers for the change log: the order of what one transaction writes."""
    steps: StepLog | None = field(default=None, compare=False)
    """Where the steps of each transaction are noted, if somebody wants to know."""
    together: bool = True
    """Whether transactions are decided and written together where they can be; else one by one (FEATURES J07)."""
    settled: bool = True  # whether the last wave waits for what PostgreSQL says of its rows, or the caller sees to it
    stamped: dict[str, int] = field(default_factory=dict, compare=False)
    """The stamps this transaction has given."""

    def stamp_after(self, row_id: str, before: Row | None) -> int:
        """The stamp a row gets: this transaction's, or one more than it had where a younger one was faster to the row.

        A row's stamps only grow, or a device that has seen the greater one would not take the smaller.
        """
        known = 0 if before is None else before[STAMP]
        if self.stamped.get(row_id) != known:
            self.stamped[row_id] = max(self.stamp, known + 1)
        return self.stamped[row_id]


@dataclass
class Wave:
    """Transactions that are decided and written together."""

    caller: Caller
    frame: Frame
    works: list[Work]
    facts: Facts = field(default_factory=Facts)
    numbers: list[int] = field(default_factory=list)
    """Counters drawn for the ids of its journal rows."""

    def mark(self, step: str) -> None:
        """A step is over."""
        if self.frame.steps is not None:
            self.frame.steps.mark(step, self)

    @property
    def edits(self) -> list[Edit]:
        """Edits of the transactions that are still open."""
        return [edit for work in self.works if work.outcome is None for edit in work.edits]
