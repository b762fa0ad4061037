"""What the edits of a submitted family become under its duplicate. Pure: rows and ids are given.

New details keep their ids and change their master; edited ones are copied with what was edited. The duplicate's header
is the original's with the edited fields; it is not submitted and carries no signature. What a device edits again before
it knew goes to the same duplicate and the same copies.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from fieldsync.base.ids import RecordId
from fieldsync.protocol.rows import RecordRef
from fieldsync.protocol.upload import Change, Item, Operation
from fieldsync.schema.catalog import Catalog, ObjectType
from fieldsync.schema.family.declaration import Submit
from fieldsync.schema.fields import FieldValue
from fieldsync.server.save.batch import Edit, Row

Mint = Callable[[str], RecordId]
"""A fresh id for a record of this object."""


@dataclass
class Duplicate:
    """The one duplicate of an original that a device caused, and the copies of edited details under it."""

    original: RecordRef
    id: RecordId
    fresh: bool
    """Made by the save at hand."""
    copied: dict[RecordId, RecordId] = field(default_factory=dict)

    @property
    def ref(self) -> RecordRef:
        return RecordRef(self.original.object, self.id)


@dataclass(frozen=True)
class Rewriter:
    """Turns edits of one save into edits of the duplicate. `rows`: by id, of originals, copies and the duplicate."""

    catalog: Catalog
    duplicate: Duplicate
    submit: Submit
    rows: dict[str, Row]
    mint: Mint
    why: str

    def rewrite(self, edits: Iterable[Edit]) -> list[Edit]:
        """Edits of the duplicate: its header first, then its details."""
        asked = list(edits)
        new = {edit.item.id for edit in asked if edit.item.operation is Operation.CREATE}
        header = next((edit for edit in asked if edit.item.id == self.duplicate.original.id), None)
        found = list(self._header(header))
        for edit in asked:
            if edit is not header:
                found += self._detail(edit, new)
        return found

    def _header(self, edit: Edit | None) -> Iterator[Edit]:
        object_type = self.catalog[self.duplicate.original.object]
        kept = self._not_kept(object_type)
        edited = {} if edit is None else {c: change.new for c, change in edit.item.changes.items() if c not in kept}
        if not self.duplicate.fresh:
            yield from self._update(object_type, self.duplicate.id, edited)
            return
        values = _values(object_type, self.rows[self.duplicate.original.id]) | edited
        values = {column: value for column, value in values.items() if column not in kept}
        plan = self.submit.duplicate
        if plan is not None:
            links = {self.submit.field: plan.status, plan.original: self.duplicate.original.id}
            values |= links | {plan.reason: self.why}
        yield _create(object_type, self.duplicate.id, values)

    def _not_kept(self, object_type: ObjectType) -> frozenset[str]:
        plan = self.submit.duplicate
        named = (self.submit.field, self.submit.unlocked, self.submit.override, *(plan.without if plan else ()))
        links = (plan.original, plan.link, plan.reason) if plan else ()
        return object_type.files | {name for name in (*named, *links) if name is not None}

    def _detail(self, edit: Edit, new: set[RecordId]) -> Iterator[Edit]:
        item, object_type = edit.item, edit.object_type
        values = {column: change.new for column, change in item.changes.items()}
        if item.operation is Operation.CREATE:
            yield from self._under(object_type, item.id, values, new)
        elif self._is_under_duplicate(edit):
            yield edit
        elif item.id in self.duplicate.copied:
            copy = self.duplicate.copied[item.id]
            if item.operation is Operation.UPDATE:
                yield from self._update(object_type, copy, values)
            elif item.operation is Operation.DELETE:
                yield Edit(Item(item.object, copy, Operation.DELETE), object_type, self.rows.get(copy))
        elif item.operation is Operation.UPDATE and edit.current is not None:
            yield from self._copy(object_type, edit.current, values, new)

    def _copy(
        self, object_type: ObjectType, row: Row, values: dict[str, FieldValue], new: set[RecordId]
    ) -> Iterator[Edit]:
        copy = self.duplicate.copied[row["Id"]] = self.mint(object_type.name)
        yield from self._under(object_type, copy, _values(object_type, row) | values, new)

    def _under(
        self, object_type: ObjectType, record_id: RecordId, values: dict[str, FieldValue], new: set[RecordId]
    ) -> Iterator[Edit]:
        """A new detail of the duplicate, and copies of the details above it that are not there yet."""
        master = object_type.master
        assert master is not None, "a detail has a master"
        above = values.get(master.name)
        if above == self.duplicate.original.id:
            values[master.name] = self.duplicate.id
        elif above in self.duplicate.copied:
            values[master.name] = self.duplicate.copied[RecordId(str(above))]
        elif above not in new and above != self.duplicate.id and str(above) in self.rows:
            yield from self._copy(self.catalog[master.references or ""], self.rows[str(above)], {}, new)
            values[master.name] = self.duplicate.copied[RecordId(str(above))]
        yield _create(object_type, record_id, values)

    def _is_under_duplicate(self, edit: Edit) -> bool:
        master = edit.object_type.master
        above = (edit.current or {}).get(master.name) if master is not None else None
        return above == self.duplicate.id or above in self.duplicate.copied.values()

    def _update(self, object_type: ObjectType, record_id: RecordId, values: dict[str, FieldValue]) -> Iterator[Edit]:
        row = self.rows.get(record_id)
        if row is not None and values:
            changes = {column: Change(row[column], value) for column, value in values.items()}
            yield Edit(Item(object_type.name, record_id, Operation.UPDATE, changes), object_type, row)


def _values(object_type: ObjectType, row: Row) -> dict[str, FieldValue]:
    """What a copy takes over: all that a person may have set. What is unique stays with the original."""
    fields = object_type.column_fields
    taken = (c for c in fields if c in object_type.writable and not fields[c].unique and c != "OwnerId")
    return {column: row[column] for column in taken if row[column] is not None}


def _create(object_type: ObjectType, record_id: RecordId, values: dict[str, FieldValue]) -> Edit:
    changes = {column: Change(None, value) for column, value in values.items() if value is not None}
    return Edit(Item(object_type.name, record_id, Operation.CREATE, changes), object_type)
