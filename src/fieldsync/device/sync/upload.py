"""Upload, the device's half: what waits goes up in order, in bounded batches; outcomes come back and are stored.

An entry is marked as sent, durably, before its first byte leaves, and never changes from then on. Without an answer
the same entries go again, unchanged: the server tells replays from news (law L2). Edits made meanwhile are entries of
their own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import takewhile

from fieldsync.base import limits
from fieldsync.base.faults import reach
from fieldsync.base.ids import DeviceNumber
from fieldsync.base.problems import Code, Refused
from fieldsync.base.world import World
from fieldsync.device.edit import undo
from fieldsync.device.edit.numbers import Numbers
from fieldsync.device.edit.undo import Told
from fieldsync.device.merge.image import images_of, is_ahead
from fieldsync.device.queue import acknowledged, backoff, journal
from fieldsync.device.queue.at_once import WAITING, AtOnce, mark_sent
from fieldsync.device.queue.entry import Entry, encode_outcome, transactions_of
from fieldsync.device.queue.states import Event, State, after
from fieldsync.device.store.store import Store
from fieldsync.device.store.work import Work
from fieldsync.device.sync.calls import Calls, encoded
from fieldsync.device.sync.settle import Settled, settle
from fieldsync.device.transport import Unreachable
from fieldsync.protocol.upload import Rejected, Saved, UploadRequest, UploadResponse

_POISON = frozenset({Code.BAD_REQUEST, Code.TOO_LARGE})


@dataclass(frozen=True)
class Batch:
    """One request's worth of the queue, marked as sent; and what the server is told beside it. `full`: there is more
    behind it."""

    entries: tuple[Entry, ...]
    confirmed_through: int
    undone: tuple[int, ...]
    full: bool = False
    offered: Mapping[int, tuple[str, int]] = field(default_factory=dict)
    """By queue number, of saves the server acknowledged before it was restored: device number then, and stamp."""
    earlier: DeviceNumber | None = None
    """The device number under which what was taken back had been sent, where that is one from before a fork."""

    @property
    def empty(self) -> bool:
        return not self.entries and not self.undone


@dataclass(frozen=True)
class Uploaded:
    """What came of one request. `fork_at`: the device has to take a new number. `ahead`: the server's data model is
    newer than the store's."""

    settled: Settled
    fork_at: int | None
    ahead: bool = False


def waiting(work: Work) -> int:
    """How many entries wait to be sent, or to be sent again."""
    count: int = work.value(f"SELECT count(*) FROM _queue WHERE {WAITING}")
    return count


def records_waiting(work: Work) -> int:
    """How many records they save; one counts in each."""
    count: int = work.value(f"SELECT coalesce(sum(item_count), 0) FROM _queue WHERE {WAITING}")
    return count


def due_in(work: Work, now_ms: int) -> float | None:
    """Seconds until something can be sent; None when nothing waits."""
    row = work.one(f"SELECT next_attempt_ms FROM _queue WHERE {WAITING} ORDER BY n LIMIT 1")
    if row is None:
        return 0.0 if work.one(f"SELECT 1 FROM _undone WHERE told <> {Told.YES.value} LIMIT 1") else None
    return 0.0 if backoff.is_due(row[0], now_ms) else (row[0] - now_ms) / 1000


def take_marked(store: Store, at_once: AtOnce, *, records_max: int, may_send: Callable[[], bool]) -> Batch | None:
    """The first entries that wait, where the transaction that saved them marked them as sent; None where it did not."""
    with store.read() as work:
        entries, full = _first(work, records_max, 0)
        marked = at_once.take(entries)
        if marked is None or not may_send() or undo.untold(work):
            return None
    reach("upload.sealed")
    return Batch(entries, marked.confirmed_through, (), full)


def take_batch(
    store: Store, numbers: Numbers, *, records_max: int, may_send: Callable[[], bool], behind: Batch | None = None
) -> Batch:
    """The first entries that wait, marked as sent; none when the device went into flight mode meanwhile.

    `behind`: those behind a batch whose outcomes are not stored yet.
    """
    with store.write() as work:
        if not may_send():
            return Batch((), 0, ())
        earlier = undo.untold_earlier(work) if behind is None else None
        if earlier is not None:
            return Batch((), 0, earlier[1], earlier=earlier[0])
        entries, full = _first(work, records_max, behind.entries[-1].n if behind is not None and behind.entries else 0)
        offered = acknowledged.offered(work, (e.n for e in entries))
        if offered:
            entries, full = _alike(entries, offered), True
        for entry in entries:
            after(entry.state, Event.SENT)
        mark_sent(work, [e.n for e in entries])
        undone = undo.untold(work) if behind is None else ()
        batch = Batch(entries, journal.confirmed_through(work, numbers.upcoming_n), undone, full, offered)
        reach("upload.before_seal")
    reach("upload.sealed")
    return batch


def _first(work: Work, records_max: int, behind_n: int) -> tuple[tuple[Entry, ...], bool]:
    """Those that go together, and whether others have to wait."""
    rows = work.rows(
        f"SELECT {journal.COLUMNS} FROM _queue WHERE {WAITING} AND n > ? ORDER BY n LIMIT ?",
        behind_n,
        limits.QUEUE_TRANSACTIONS_PER_REQUEST_MAX,
    )
    found: list[Entry] = []
    records = 0
    for entry in map(journal.entry_of, rows):
        records += entry.item_count
        if found and records > records_max:
            return tuple(found), True
        found.append(entry)
    return tuple(found), len(rows) == limits.QUEUE_TRANSACTIONS_PER_REQUEST_MAX


def _alike(entries: tuple[Entry, ...], offered: Mapping[int, tuple[str, int]]) -> tuple[Entry, ...]:
    """As many as go under one device number: what is offered again goes under that it was made with."""
    kinds = [offered[e.n][0] if e.n in offered else None for e in entries]
    return tuple(entry for entry, _ in takewhile(lambda pair: pair[1] == kinds[0], zip(entries, kinds, strict=True)))


@dataclass(frozen=True)
class Ready:
    """A batch as it will be sent."""

    batch: Batch
    body: bytes


@dataclass(frozen=True)
class Sent:
    """A batch on its way. `answer` waits for the response; raises Unreachable and Refused, then nothing is known of
    the batch, and its entries go again."""

    batch: Batch
    answer: Callable[[], UploadResponse]


def make_ready(numbers: Numbers, batch: Batch) -> Ready:
    """One request's body."""
    assert numbers.device is not None
    transactions = tuple(t for entry in batch.entries for t in transactions_of(entry))
    again = [(e.n, *batch.offered[e.n]) for e in batch.entries if e.n in batch.offered]
    number = again[0][1] if again else batch.earlier or numbers.device
    offered = tuple((n, stamp) for n, _, stamp in again)
    request = UploadRequest(number, batch.confirmed_through, transactions, batch.undone, offered)
    return Ready(batch, encoded(request))


def send(calls: Calls, ready: Ready, *, ahead: bool) -> Sent:
    """One request. `ahead`: it goes now, while the device does something else; else when it is asked for."""
    reach("upload.before_send")
    if ahead:
        return Sent(ready.batch, calls.post_ahead("/sync/v1/upload", ready.body, UploadResponse))
    return Sent(ready.batch, lambda: calls.post("/sync/v1/upload", ready.body, UploadResponse))


def went_well(response: UploadResponse) -> bool:
    """Whether everything was saved as it was sent, so that nothing behind it has to wait for anything."""
    return response.fork_at is None and all(isinstance(result.outcome, Saved) for result in response.results)


def take_answer(store: Store, response: UploadResponse, batch: Batch, now: str) -> Uploaded:
    """Store what the server answered to a batch."""
    images = images_of(store.tables, response.rows, response.gone)
    with store.write() as work:
        settled = settle(work, store.tables, response.results, images, now=now)
        undo.told(work, batch.undone, Told.UNDER_EARLIER if batch.earlier else Told.YES)
        reach("upload.before_store")
    reach("upload.stored")
    return Uploaded(settled, response.fork_at, is_ahead(store.tables, response.rows))


def postpone(store: Store, world: World, error: Unreachable | Refused) -> None:
    """Nothing came back: the head of the queue waits, and with it all behind it."""
    asked = error.retry_after_seconds if isinstance(error, Refused) else None
    with store.write() as work:
        row = work.one(f"SELECT n, attempts FROM _queue WHERE {WAITING} ORDER BY n LIMIT 1")
        if row is None:
            return
        seconds = backoff.wait_seconds(max(row[1], 1), world.chance, asked=asked)
        at = int(world.clock.now().timestamp() * 1000 + seconds * 1000)
        work.run("UPDATE _queue SET next_attempt_ms = ? WHERE n = ?", at, row[0])


def is_poison(error: Refused) -> bool:
    """Whether the request itself was refused, so that sending it again as it is would be refused again."""
    return error.problem.code in _POISON


def fail_alone(store: Store, entry: Entry, error: Refused) -> None:
    """The server will not even read this entry: it goes to the error list, and the rest goes on (law L7)."""
    with store.write() as work:
        state = after(entry.state if entry.state is not State.QUEUED else State.SENDING, Event.REFUSED)
        outcome = encode_outcome(Rejected((error.problem,)))
        work.run("UPDATE _queue SET state = ?, outcome = ? WHERE n = ?", state.value, outcome, entry.n)


def retry_now(work: Work) -> None:
    """The network is back, or the person asked: nothing waits for its time."""
    work.run(f"UPDATE _queue SET next_attempt_ms = 0 WHERE {WAITING} AND next_attempt_ms > 0")
