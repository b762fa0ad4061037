"""Taking outcomes: entries change state, what builds on refused ones is held, families that are free get their rows.

One transaction for a whole answer. Clean families of one record, the common case, are handled as sets.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from fieldsync.base.faults import reach
from fieldsync.base.ids import RecordId
from fieldsync.device.merge.apply import Applied, apply
from fieldsync.device.merge.base import Base, BaseState, bases_of_records, put_bases
from fieldsync.device.merge.image import Image
from fieldsync.device.merge.left import left_view, mark_left_behind, mark_torn, mark_untold
from fieldsync.device.merge.manifest import Manifest
from fieldsync.device.queue import acknowledged, journal, lost
from fieldsync.device.queue.entry import Entry, encode_outcome
from fieldsync.device.queue.outcome import event_of, is_by_recovery, keeps_content
from fieldsync.device.queue.states import Event, State, after
from fieldsync.device.store.objects import ObjectTables
from fieldsync.device.store.values import pack
from fieldsync.device.store.work import Work, listed
from fieldsync.device.sync.orders.orders import Emptying
from fieldsync.protocol.rows import RecordRef
from fieldsync.protocol.upload import (
    Canceled,
    Discarded,
    Duplicated,
    Held,
    Item,
    Linked,
    Operation,
    Rejected,
    Result,
    Saved,
)

_LEFT_AS_IT_WAS = Rejected | Held | Canceled | Discarded | Duplicated
"""Outcomes of saves that changed nothing of the records they are of."""
_THERE = Saved | Duplicated | Linked
"""Outcomes of saves whose content is on the server."""


@dataclass
class Settled:
    """What came of an answer."""

    applied: Applied
    decided: int = 0
    """Entries that got an outcome, also a refusal, or were taken to be decided later."""
    refused: list[int] = field(default_factory=list)
    """Entries that are in the error list now and were not before."""


def settle(
    work: Work,
    tables: ObjectTables,
    results: Sequence[Result],
    images: Sequence[Image],
    *,
    manifests: Iterable[Manifest] = (),
    now: str,
) -> Settled:
    """Take results and records of one answer. Results of entries that are decided already change nothing."""
    manifests = tuple(manifests)
    fed = {ref.id for manifest in manifests for ref in (manifest.root, *manifest.members)}
    images = _open_to_us(work, tables, results, images, fed)
    known = _entries(work, results)
    pairs = [(known[r.n], r) for r in results if r.n in known and known[r.n].id == r.id]
    done = [(e, r) for e, r in pairs if after(e.state, event_of(r.outcome)) is State.DONE]
    others = [(e, r) for e, r in pairs if after(e.state, event_of(r.outcome)) is not State.DONE]
    _assume(work, done, {i.ref.id for i in images})
    there = [e.n for e, r in done if isinstance(r.outcome, _THERE)]
    mark_left_behind(work, tables, there, images)
    mark_untold(work, tables, (e for e, r in done if isinstance(r.outcome, _LEFT_AS_IT_WAS)), images)
    if lost.any_held(work):
        mark_torn(work, tables, images)
    reach("settle.before_entries")
    _keep_content(work, done, now)
    decided = [e.n for e, _ in done]
    _acknowledge(work, done, now)
    waiting = _waiting_behind(work, decided)
    freed = {*(e.root for e, _ in done), *journal.records_of(work, decided)}
    journal.remove(work, decided)
    _change_states(work, others)
    held = _hold_dependents(work, [e.n for e, _ in others])
    _free_waiting(work, waiting)
    reach("settle.before_rows")
    applied = apply(work, tables, images, manifests=manifests, freed=freed)
    events = [(e, event_of(r.outcome)) for e, r in others]
    refusals = [e for e, event in events if event in (Event.REFUSED, Event.WAITS)]
    fresh = [e.n for e in refusals if e.state not in (State.FAILED, State.HELD)]
    taken = sum(event is Event.TAKEN for _, event in events)
    return Settled(applied, len(done) + len(refusals) + taken, fresh + held)


def _open_to_us(
    work: Work, tables: ObjectTables, results: Sequence[Result], images: Sequence[Image], fed: Collection[RecordId]
) -> Sequence[Image]:
    """The images without those of records that left this device's view, where the saves of them changed nothing there.

    A refusal brings what the record is now, to compare with; so does what somebody else ended, or what became an edit
    of a duplicate. It puts nothing on the feed, so a record that no rule selects any more is not kept beyond the edit
    (law L4), the less without the rest of its family (L5); if one does again, the next download brings it. `fed`: what
    is on the feed itself, of another save.
    """
    nothing = [r.n for r in results if isinstance(r.outcome, _LEFT_AS_IT_WAS)]
    if not nothing:
        return images
    taken = journal.records_of(work, [r.n for r in results if not isinstance(r.outcome, _LEFT_AS_IT_WAS)])
    rows = [i for i in images if i.row is not None and i.ref.id not in taken and i.ref.id not in fed]
    left = {image.ref.id for image in left_view(work, tables, nothing, rows)}
    return [image for image in images if image.row is None or image.ref.id not in left]


def _entries(work: Work, results: Sequence[Result]) -> dict[int, Entry]:
    rows = work.rows(
        f"SELECT {journal.COLUMNS} FROM _queue WHERE sealed = 1 AND n IN (SELECT value FROM json_each(?))",
        listed(r.n for r in results),
    )
    return {entry.n: entry for entry in map(journal.entry_of, rows)}


def _assume(work: Work, done: Sequence[tuple[Entry, Result]], arrived: set[RecordId]) -> None:
    """A saved record of which no row came back is on the server as it was sent: it had those values already."""
    saved = {e.n: e for e, r in done if isinstance(r.outcome, Saved)}
    silent: dict[RecordId, list[Item]] = {}
    for n in _with_silent_items(work, saved, arrived):
        for item in saved[n].decoded():
            if item.id not in arrived:
                silent.setdefault(item.id, []).append(item)
    bases = bases_of_records(work, silent) if silent else {}
    put_bases(work, [_assumed(base, silent[base.ref.id]) for base in bases.values()])


def _with_silent_items(work: Work, numbers: Iterable[int], arrived: set[RecordId]) -> list[int]:
    touches = work.rows(
        f"SELECT n, id FROM _touch WHERE kind < {journal.Touch.REFERS.value}"
        " AND n IN (SELECT value FROM json_each(?)) ORDER BY n",
        listed(numbers),
    )
    return list(dict.fromkeys(n for n, record_id in touches if record_id not in arrived))


def _assumed(base: Base, items: Iterable[Item]) -> Base:
    values = base.values
    for item in items:
        if item.operation is Operation.DELETE:
            return Base(base.ref, base.root, BaseState.DELETED, base.stamp, None)
        values.update({column: change.new for column, change in item.changes.items()})
    if base.state is not BaseState.ROW:
        return base
    return Base(base.ref, base.root, BaseState.ROW, base.stamp, pack(values))


def _keep_content(work: Work, done: Sequence[tuple[Entry, Result]], now: str) -> None:
    """What did not become the record's is kept (L1), told already: the server decided it."""
    rows = [(e.n, e.id, now, e.items, encode_outcome(r.outcome)) for e, r in done if keeps_content(r.outcome)]
    if rows:
        again = "NOT EXISTS (SELECT 1 FROM _undone WHERE n = ?1 AND outcome IS NOT NULL)"
        work.many(f"INSERT INTO _undone (n, id, at, told, items, outcome) SELECT ?, ?, ?, 1, ?, ? WHERE {again}", rows)


def _acknowledge(work: Work, done: Sequence[tuple[Entry, Result]], now: str) -> None:
    """Keep what the server has, to offer it to one that was restored."""
    there = {e.n: r.stamp for e, r in done if isinstance(r.outcome, _THERE) or is_by_recovery(r.outcome)}
    acknowledged.keep(work, there.items(), now)
    acknowledged.forget(work, [e.n for e, _ in done if e.n not in there])


def _change_states(work: Work, others: Sequence[tuple[Entry, Result]]) -> None:
    work.many(
        "UPDATE _queue SET state = ?, outcome = ?, next_attempt_ms = 0 WHERE n = ?",
        [(after(e.state, event_of(r.outcome)).value, encode_outcome(r.outcome), e.n) for e, r in others],
    )


def _hold_dependents(work: Work, refused: Sequence[int]) -> list[int]:
    """Entries never sent that build on refused ones wait here, so the server is not asked what is known."""
    held: list[int] = []
    fresh = list(refused)
    while fresh:
        blocker = fresh.pop(0)
        state = work.value("SELECT state FROM _queue WHERE n = ?", blocker)
        if state not in (State.FAILED, State.HELD):
            continue
        for n in journal.dependents(work, blocker):
            if work.value("SELECT state FROM _queue WHERE n = ?", n) == State.QUEUED:
                outcome = encode_outcome(Held((blocker,)))
                state_now = after(State.QUEUED, Event.BLOCKED).value
                work.run("UPDATE _queue SET state = ?, outcome = ? WHERE n = ?", state_now, outcome, n)
                held.append(n)
                fresh.append(n)
    return held


def _waiting_behind(work: Work, done: Sequence[int]) -> list[int]:
    """Entries held here that may have waited for one of these."""
    if not work.one("SELECT 1 FROM _queue WHERE state = 'held' AND sealed = 0 LIMIT 1"):
        return []
    return sorted({n for one in done for n in journal.dependents(work, one)})


def _free_waiting(work: Work, candidates: Sequence[int]) -> None:
    """Entries held here whose last blocker is gone take their place in the queue again."""
    for n in candidates:
        row = work.one(f"SELECT {journal.COLUMNS} FROM _queue WHERE n = ? AND state = 'held' AND sealed = 0", n)
        if row is None:
            continue
        touches = work.rows("SELECT id, kind FROM _touch WHERE n = ?", n)
        changes = [i for i, kind in touches if kind < journal.Touch.REFERS]
        refers = [i for i, kind in touches if kind == journal.Touch.REFERS]
        if not journal.blockers(work, changes, refers, n):
            state = after(State.HELD, Event.FREED).value
            work.run("UPDATE _queue SET state = ?, outcome = NULL WHERE n = ?", state, n)


@dataclass
class Stepped:
    """What a piece of work did. `again`: seconds until the next is due; None when nothing is.

    `objects`: objects any record of which may have changed.
    """

    again: float | None = None
    changed: dict[RecordRef, None] = field(default_factory=dict)
    waiting: dict[RecordRef, None] = field(default_factory=dict)
    objects: frozenset[str] = frozenset()
    queue_changed: bool = False
    emptying: Emptying | None = None
    """The store is to be emptied now."""
    refused: list[int] = field(default_factory=list)

    def take(self, settled: Settled) -> None:
        """Add what an answer changed."""
        self.changed.update(settled.applied.changed)
        self.waiting.update(settled.applied.waiting)
        self.refused += settled.refused
        self.queue_changed = self.queue_changed or settled.decided > 0
