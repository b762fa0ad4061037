"""Triggers: Python functions that run with a save, registered in one table for each pack.

A trigger is an `async` function over the whole batch. Before the write it may change the records it was given and
refuse them with `add_error`; after it, it may also change and create others, which are saved by the same pipeline. An
asynchronous one does so later, as a job: see `later/`.

    async def keep_one_primary(batch: Batch) -> None:
        ...

    TRIGGERS = (Trigger("Address", keep_one_primary, When.AFTER, frozenset({Operation.CREATE, Operation.UPDATE})),)

A package offers its table under the entry point group `fieldsync.triggers`, with the name of its pack; it runs in every
org that has the pack.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from importlib.metadata import entry_points

from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Code, Problem, problem
from fieldsync.protocol.upload import Operation
from fieldsync.schema.catalog import Catalog, ObjectType
from fieldsync.schema.fields import BadValue, FieldValue, canonical
from fieldsync.server.save.batch import Edit, Row

GROUP = "fieldsync.triggers"
ALL_OPERATIONS = frozenset(Operation)


class When(StrEnum):
    """Before the rows are written, after, or when the save is long committed."""

    BEFORE = "before"
    AFTER = "after"
    ASYNC = "async"


class TriggerRecord:
    """One record of the batch: what it was, and what it will be."""

    def __init__(self, edit: Edit, *, may_change: bool) -> None:
        self._edit, self._may_change = edit, may_change
        self.problems: list[Problem] = []

    @property
    def id(self) -> RecordId:
        return self._edit.item.id

    @property
    def operation(self) -> Operation:
        """What is done with the record."""
        return self._edit.item.operation

    @property
    def old(self) -> Row | None:
        """The row before the save; None for a new record."""
        return self._edit.current

    def __getitem__(self, column: str) -> FieldValue:
        """The value after the save. Raises KeyError for a column the object has not."""
        assert self._edit.new is not None
        value: FieldValue = self._edit.new[column]
        return value

    def __setitem__(self, column: str, value: object) -> None:
        """Change a value, before the write only. Raises ValueError for what the field does not take."""
        if not self._may_change:
            raise ValueError(f"{column}: the record is written already; use batch.update")
        assert self._edit.new is not None
        self._edit.new[column] = value_for(self._edit.object_type, column, value)
        self._edit.changed.add(column)

    def is_changed(self, column: str) -> bool:
        """Whether this save gives the column another value."""
        before = self._edit.current
        return before is None or before.get(column) != self[column]

    def add_error(self, message: str, field: str | None = None) -> None:
        """Refuse the transaction of this record with a sentence."""
        item = self._edit.item
        self.problems.append(
            problem(Code.VALIDATION, object=item.object, id=item.id, field=field, message=message, rule="trigger")
        )


@dataclass
class Batch:
    """What a trigger is given: every record of its object that one wave saves with the same operation."""

    object_type: ObjectType
    operation: Operation
    records: list[TriggerRecord]
    user_id: RecordId
    now: str
    find: Callable[[str, str, Iterable[str]], Awaitable[list[Row]]]
    """`await batch.find("Address", "AccountId", ids)`: present rows that refer to these, locked for a change."""
    updates: list[tuple[TriggerRecord, str, RecordId, dict[str, object]]] = field(default_factory=list)
    creates: list[tuple[TriggerRecord, str, dict[str, object]]] = field(default_factory=list)

    def update(self, because: TriggerRecord, object_name: str, record_id: str, **values: object) -> None:
        """Change another record, after the write only; `because` is the record it follows from."""
        self.updates.append((because, object_name, RecordId(record_id), values))

    def create(self, because: TriggerRecord, object_name: str, **values: object) -> None:
        """Create another record, after the write only."""
        self.creates.append((because, object_name, values))


Run = Callable[[Batch], Awaitable[None]]


@dataclass(frozen=True)
class Trigger:
    """One row of a pack's table of triggers."""

    object: str
    run: Run
    when: When
    on: frozenset[Operation] = ALL_OPERATIONS
    feed: bool = False
    """Whether what an asynchronous trigger changes goes on the feed of the user who saved (DESIGN 6, step 13)."""

    def __post_init__(self) -> None:
        assert self.when is When.ASYNC or not self.feed, "what other triggers change goes on the feed with its save"

    @property
    def name(self) -> str:
        """For messages: where the function stands."""
        return f"{self.run.__module__}.{getattr(self.run, '__qualname__', 'trigger')}"


class Triggers:
    """The triggers of one catalog, by object."""

    def __init__(self, catalog: Catalog, found: Iterable[Trigger]) -> None:
        self._by_object: dict[str, list[Trigger]] = {}
        for trigger in found:
            if trigger.object in catalog:
                self._by_object.setdefault(trigger.object, []).append(trigger)

    def of(self, object_name: str, when: When, operation: Operation) -> list[Trigger]:
        """In the order of the table."""
        found = self._by_object.get(object_name)
        return [t for t in found if t.when is when and operation in t.on] if found else []

    def asynchronous(self, object_name: str, name: str) -> Trigger | None:
        """The asynchronous trigger of this name, as a job remembers it; None when it is no longer installed."""
        found = self._by_object.get(object_name, [])
        return next((t for t in found if t.when is When.ASYNC and t.name == name), None)

    def __contains__(self, object_name: object) -> bool:
        return object_name in self._by_object


def installed_triggers(catalog: Catalog) -> list[Trigger]:
    """The tables of installed packages whose packs the catalog has."""
    packs = {pack.name for pack in catalog.packs}
    return [t for entry in entry_points(group=GROUP) if entry.name in packs for t in entry.load()]


def value_for(object_type: ObjectType, column: str, value: object) -> FieldValue:
    """A value in canonical form. Raises ValueError with a sentence."""
    field_here = object_type.column_fields.get(column)
    if field_here is None:
        raise ValueError(f"{object_type.name} has no field {column}")
    try:
        return canonical(field_here, value)
    except BadValue as bad:
        raise ValueError(bad.problem(object_type.name, None, column).message) from None
