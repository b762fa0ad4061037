"""The rows a save works on, as they are after each of its acts, and what the acts become on the wire.

Reads the store, writes nothing. Existence and news are looked at here, in the transaction that will write, so nothing
can come between.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Code, Refused, problem
from fieldsync.device.edit.check import keeps_signature
from fieldsync.device.edit.preview import Author, Row, new_row, touch
from fieldsync.device.edit.session import Act
from fieldsync.device.merge.base import BaseState, bases_of_records
from fieldsync.device.queue.fold import fold
from fieldsync.device.store.objects import ObjectTables
from fieldsync.device.store.records import Stored, below, read_row, root_in_table
from fieldsync.device.store.work import Work
from fieldsync.protocol.rows import RecordRef
from fieldsync.protocol.upload import Change, Item, Operation
from fieldsync.schema.family import signing
from fieldsync.schema.family.declaration import Submit


@dataclass
class Touched:
    """One record of a save: as it stood, as it stands now (None: removed), and its item, if one is left.

    `swept`: removed with the record above it; the server removes it by itself.
    """

    ref: RecordRef
    root: RecordId
    before: Stored | None
    row: Row | None
    item: Item | None
    swept: bool = False


@dataclass
class Desk:
    """Collects a save's records in the order they were first named."""

    work: Work
    tables: ObjectTables
    author: Author
    records: dict[RecordId, Touched] = field(default_factory=dict)

    def act(self, act: Act) -> None:
        """Carry out one act on the desk. Raises Refused: UNKNOWN_OBJECT, NOT_FOUND, ENTITY_DELETED, LOCKED."""
        if act.object not in self.tables:  # it went while the person was typing
            raise Refused(problem(Code.UNKNOWN_OBJECT, object=act.object))
        match act.operation:
            case Operation.CREATE:
                self._create(act)
            case Operation.UPDATE:
                self._update(act)
            case _:
                self._delete(act)

    def keep_signed(self) -> None:
        """Nothing that was signed is other than it was, unless its signature is taken back. Raises Refused(SIGNED).

        A signed root covers its details; what only looks it up is free.
        """
        for one in self.records.values():
            family = self.tables.catalog.family_of(one.ref.object)
            submit = family.declaration.submit if family is not None else None
            object_type, is_root = self.tables[one.ref.object].type, one.ref.id == one.root
            values, own = one.before.values if one.before else {}, submit if is_root else None
            kept = one.swept or keeps_signature(object_type, values, one.row, own)
            if kept and family is not None and not is_root and signing.covered(object_type):
                kept = one.item is None or not self._is_signed(family.root, one.root, submit)
            if not kept:
                raise Refused(problem(Code.SIGNED, object=one.ref.object, id=one.ref.id))

    def _is_signed(self, name: str, root: RecordId, submit: Submit | None) -> bool:
        """Whether the root was signed before this save, and its signature stands."""
        known = self.records.get(root)
        held = known.before if known is not None else read_row(self.work, self.tables[name], root)
        if held is None or not signing.is_open(held.values, submit):
            return False
        after = held.values if known is None or known.row is None else known.row
        given = signing.given(self.tables[name].type, held.values)
        return bool(given) and all(after.get(one) == held.values[one] for one in given)

    def _create(self, act: Act) -> None:
        object_type = self.tables[act.object].type
        row = new_row(object_type, act.id, act.values, self.author)
        changes = {c: Change(None, v) for c, v in act.values.items()}
        ref = RecordRef(act.object, act.id)
        root = self._root(ref, row)
        item = Item(act.object, act.id, Operation.CREATE, changes, root_seen=self._root_seen(ref, root))
        self.records[act.id] = Touched(ref, root, None, row, item)

    def _update(self, act: Act) -> None:
        touched = self._on_desk(act)
        assert touched.row is not None
        changes = {c: Change(touched.row.get(c), v) for c, v in act.values.items() if touched.row.get(c) != v}
        if not changes:
            return
        touched.row.update(act.values)
        touch(self.tables[act.object].type, touched.row, changes.keys(), self.author)
        seen, root_seen = touched.before.stamp if touched.before else 0, self._root_seen(touched.ref, touched.root)
        self._fold(touched, Item(act.object, act.id, Operation.UPDATE, changes, seen, root_seen=root_seen))

    def _delete(self, act: Act) -> None:
        touched = self._on_desk(act)
        for table, record_id in list(below(self.work, self.tables, act.object, act.id)):
            self._sweep(self._present(RecordRef(table.type.name, RecordId(record_id))))
        for other in self._under(act.id):
            self._sweep(other)
        seen, root_seen = touched.before.stamp if touched.before else 0, self._root_seen(touched.ref, touched.root)
        self._fold(touched, Item(act.object, act.id, Operation.DELETE, {}, seen, root_seen=root_seen))
        touched.row = None

    def _sweep(self, touched: Touched) -> None:
        touched.row, touched.item, touched.swept = None, None, True

    def _under(self, record_id: RecordId) -> list[Touched]:
        """Records on the desk whose way to the root leads through this one."""
        found: list[Touched] = []
        above = {record_id}
        for touched in self.records.values():
            way = self.tables[touched.ref.object].way
            if way and touched.row is not None and touched.row.get(way[0].column) in above:
                found.append(touched)
                above.add(touched.ref.id)
        return found

    def _fold(self, touched: Touched, item: Item) -> None:
        touched.item = item if touched.item is None else fold(touched.item, item)

    def _on_desk(self, act: Act) -> Touched:
        touched = self._present(RecordRef(act.object, act.id))
        if touched.row is None:
            raise Refused(problem(Code.NOT_FOUND, object=act.object, id=act.id))
        return touched

    def _present(self, ref: RecordRef) -> Touched:
        known = self.records.get(ref.id)
        if known is None:
            stored = read_row(self.work, self.tables[ref.object], ref.id)
            if stored is None:
                raise Refused(problem(Code.NOT_FOUND, object=ref.object, id=ref.id))
            row = dict(stored.values)
            root = self._root(ref, row)
            self._refuse_by_news(ref, root, stored)
            known = self.records[ref.id] = Touched(ref, root, stored, row, None)
        return known

    def _root(self, ref: RecordRef, row: Row) -> RecordId:
        way = self.tables[ref.object].way
        if not way:
            return ref.id
        parent = row.get(way[0].column)
        if parent is None and way[0].optional:
            return ref.id
        assert isinstance(parent, str), "a detail has its master: it was checked"
        above = self.records.get(RecordId(parent))
        if above is not None:
            return above.root
        found = root_in_table(self.work, self.tables[way[0].parent], parent)
        if found is None:
            raise Refused(problem(Code.INVALID_REF, object=ref.object, id=ref.id, field=way[0].column, value=parent))
        return found

    def _root_seen(self, ref: RecordRef, root: RecordId) -> int:
        """The version of the family's root that the person has before him, where it may have been submitted since."""
        family = self.tables.catalog.family_of(ref.object)
        if family is None or family.declaration.submit is None or root == ref.id:
            return 0
        known = self.records.get(root)
        shown = known.before if known is not None else read_row(self.work, self.tables[family.root], root)
        return 0 if shown is None else shown.stamp

    def _refuse_by_news(self, ref: RecordRef, root: RecordId, stored: Stored) -> None:
        """Staged news can refuse an action before it is taken (FEATURES D04)."""
        news = bases_of_records(self.work, {ref.id, root})
        own = news.get(ref.id)
        if own is not None and stored.stamp > 0 and own.state is not BaseState.ROW:
            raise Refused(problem(Code.ENTITY_DELETED, object=ref.object, id=ref.id))
        above = news.get(root)
        family = self.tables.catalog.family_of(ref.object)
        submit = family.declaration.submit if family is not None else None
        if family is None or submit is None or above is None or above.state is not BaseState.ROW:
            return
        shown = read_row(self.work, self.tables[family.root], root)
        newer = shown is not None and above.stamp > shown.stamp
        if newer and shown and above.values.get(submit.field) == submit.value != shown.values.get(submit.field):
            raise Refused(problem(Code.LOCKED, object=family.root, id=root))
