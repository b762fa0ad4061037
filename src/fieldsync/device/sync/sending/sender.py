"""The queue going up, batch by batch: the next is made ready while the server works, what a request could not carry is
halved, what a server cannot read is looked for entry by entry, and behind a fork the device goes on under a new number.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fieldsync.base.faults import reach
from fieldsync.base.problems import Code, Refused, problem
from fieldsync.device.edit.numbers import Numbers
from fieldsync.device.queue import backoff
from fieldsync.device.queue.at_once import AtOnce
from fieldsync.device.store.store import Store
from fieldsync.device.sync import upload
from fieldsync.device.sync.calls import Calls
from fieldsync.device.sync.sending import fork
from fieldsync.device.sync.settle import Stepped
from fieldsync.device.transport import Unconnected, Unreachable


@dataclass(frozen=True)
class Brought:
    """What one request came to. `further`: so many entries; 0 where nothing waited. `ahead`: the server's data model is
    newer than the store's."""

    further: int = 0
    answered: bool = False
    ahead: bool = False


class Sender:
    """Sends what waits. One request at a time asks for it."""

    def __init__(
        self, store: Store, calls: Calls, numbers: Numbers, is_online: Callable[[], bool], at_once: AtOnce
    ) -> None:
        self._store, self._calls, self._numbers, self._is_online = store, calls, numbers, is_online
        self._at_once = at_once
        self._one_by_one = False
        self._unanswered = 0
        """Requests that left and got no answer, less those that got one since."""
        self._on_its_way: upload.Sent | None = None
        self._forked = False

    def send(self, did: Stepped) -> Brought:
        """One request. Raises Unreachable and Refused.

        Of a long queue the next batch is made ready while the server works, and is on its way while the outcomes of
        this one are stored: a device and its server work side by side.
        """
        sent, self._on_its_way = self._on_its_way or self._first(), None
        if sent is None:
            return Brought()
        try:
            following = self._ready(behind=sent.batch) if sent.batch.full and not self._one_by_one else None
            response = sent.answer()
            reach("upload.answered")
            self._unanswered = max(0, self._unanswered - 1)
            if following is not None and self._is_online() and upload.went_well(response):
                self._on_its_way = upload.send(self._calls, following, ahead=True)
            done = upload.take_answer(self._store, response, sent.batch, self._numbers.now())
            if done.fork_at is not None:
                self._fork(done.fork_at)
        except Refused as error:
            return Brought(self._narrow_down(error, sent.batch, did))
        except Unreachable as error:
            self._unanswered += not isinstance(error, Unconnected)
            raise
        self._forked = done.fork_at is not None
        did.take(done.settled)
        did.queue_changed = True
        self._one_by_one = self._one_by_one and done.settled.decided == 0
        further = done.settled.decided + len(sent.batch.undone) + self._forked
        return Brought(further, answered=True, ahead=done.ahead)

    def _first(self) -> upload.Sent | None:
        """The first batch, on its way; None when there is none."""
        ready = self._ready()
        return None if ready is None else upload.send(self._calls, ready, ahead=ready.batch.full)

    def _ready(self, behind: upload.Batch | None = None) -> upload.Ready | None:
        """The first batch that waits, or the one behind another; None when there is none."""
        records = 1 if self._one_by_one else backoff.records_at_once(self._unanswered)
        batch = None
        if self._at_once.is_marked and behind is None and not self._one_by_one:
            batch = upload.take_marked(self._store, self._at_once, records_max=records, may_send=self._is_online)
        batch = batch or upload.take_batch(
            self._store, self._numbers, records_max=records, may_send=self._is_online, behind=behind
        )
        return None if batch.empty else upload.make_ready(self._numbers, batch)

    def _fork(self, fork_at: int) -> None:
        """Go on under a new number. A second fork right behind the first is no restored image: it waits its time."""
        if self._forked:
            raise Refused(problem(Code.FORK, reason="also under the new number"))
        fork.take_new_number(self._store, self._calls, self._numbers, fork_at)

    def _narrow_down(self, error: Refused, batch: upload.Batch, did: Stepped) -> int:
        """A request that the server will not read is sent entry by entry, until the one it means is found."""
        if not upload.is_poison(error) or not batch.entries:
            raise error
        if len(batch.entries) > 1:
            self._one_by_one = True
            return 1
        upload.fail_alone(self._store, batch.entries[0], error)
        self._one_by_one = False
        did.queue_changed = True
        did.refused.append(batch.entries[0].n)
        return 1
