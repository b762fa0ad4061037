"""Step 4: what an edit means for the row as the server has it now (DESIGN 7). Pure.

First save wins: an edit sends old and new value of each changed column, and a column whose old value is no longer
there is a conflict. Families override instead and keep theirs in the journal. Arrival decides; no clock is read.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from fieldsync.base.problems import Code, Problem, problem
from fieldsync.protocol.upload import Change, Item, Operation
from fieldsync.schema.catalog import Catalog, ObjectType
from fieldsync.schema.family.declaration import FamilyConflict
from fieldsync.schema.fields import FieldValue, same
from fieldsync.schema.model import ConflictPolicy, Field
from fieldsync.schema.standard import STAMP
from fieldsync.server.save.batch import UNLOGGED, Predecessor, Row, Since


@dataclass
class Verdict:
    """What to write, whose values that replaces, and what speaks against it."""

    values: dict[str, FieldValue] = field(default_factory=dict)
    overridden: dict[str, FieldValue] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def overrides(catalog: Catalog, object_name: str) -> bool:
    """Whether the object belongs to a family in which the last save to arrive wins."""
    family = catalog.family_of(object_name)
    return family is not None and family.declaration.conflict is FamilyConflict.OVERRIDE


@dataclass(frozen=True)
class Chain:
    """What an edit follows: the save of the same device that it names in `after`, and what others did unseen."""

    predecessor: Predecessor | None = None
    since: Since | None = None

    @property
    def is_alone(self) -> bool:
        """Whether nobody else has written the row since the version the person had before him."""
        saved = self.predecessor is not None and self.predecessor.saved
        return saved and self.since is not None and not self.since.written

    def knows(self, field: Field, column: str) -> bool:
        """Whether nobody else was the last to set this column. Long text is not in the log: its values are compared."""
        if self.predecessor is None or not self.predecessor.saved or self.since is None:
            return False
        return self.is_alone or (field.type not in UNLOGGED and column not in self.since.columns)


def decide_update(object_type: ObjectType, item: Item, row: Row, *, override: bool, chain: Chain) -> Verdict:
    """Which of an update's columns apply to `row`."""
    verdict = Verdict()
    if row["IsDeleted"]:
        verdict.problems.append(problem(Code.ENTITY_DELETED, object=item.object, id=item.id))
        return verdict
    for column, change in item.changes.items():
        definition = object_type.column_fields[column]
        theirs = row[column]
        if same(definition, theirs, change.new):
            continue
        if same(definition, theirs, change.old) or chain.knows(definition, column):
            verdict.values[column] = change.new
        elif override:
            verdict.values[column] = change.new
            verdict.overridden[column] = theirs
        else:
            _by_policy(verdict, object_type.policy(definition), item, column, change, row)
    return verdict


def decide_recreation(object_type: ObjectType, item: Item, row: Row) -> Verdict:
    """The edit laid over the deleted row, which is there again; what it replaces goes to the journal (K11)."""
    verdict = Verdict({"IsDeleted": False}, {"IsDeleted": True})
    for column, change in item.changes.items():
        definition = object_type.column_fields[column]
        if not same(definition, row[column], change.new):
            verdict.values[column] = change.new
            if not same(definition, row[column], change.old):
                verdict.overridden[column] = row[column]
    return verdict


def _by_policy(verdict: Verdict, policy: ConflictPolicy, item: Item, column: str, change: Change, row: Row) -> None:
    """FEATURES G14: the object or field says who wins when the old value is no longer there."""
    if policy is ConflictPolicy.DEVICE:
        verdict.values[column] = change.new
        verdict.overridden[column] = row[column]
    elif policy is ConflictPolicy.ERROR:
        verdict.problems.append(
            problem(
                Code.CONFLICT_OLD_VALUE,
                object=item.object,
                id=item.id,
                field=column,
                base=change.old,
                mine=change.new,
                theirs=row[column],
                who=row["LastModifiedById"],
                when=row["LastModifiedDate"],
            )
        )


def decide_delete(item: Item, row: Row, *, override: bool, chain: Chain) -> Problem | None:
    """What speaks against a delete: the row was changed since the person saw it, unless a family's delete wins."""
    if override or item.seen >= row[STAMP] or chain.is_alone:
        return None
    reason = "it was changed online after you last saw it"
    return problem(Code.DELETE_DENIED, object=item.object, id=item.id, reason=reason)


def missing(item: Item) -> Problem:
    """The record is not there, or is nothing this caller may know of: one answer for both (THREATS T15)."""
    assert item.operation is not Operation.CREATE
    return problem(Code.NOT_FOUND, object=item.object, id=item.id)
