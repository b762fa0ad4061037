"""Bugs of the device engine, each a patch of some of its names."""

from __future__ import annotations

from typing import Any

import msgspec

from fieldsync.device.merge.apply import Applied
from fieldsync.device.queue.states import Event
from fieldsync.device.status.widget import WidgetState
from fieldsync.protocol.upload import Rejected, Result, Saved
from fieldsync.sim.planted.patching import Patch, Planted, returning


def _refused_is_done(right: Any) -> Any:
    return lambda outcome: Event.SETTLED if isinstance(outcome, Rejected) else right(outcome)


def _stale_ack(right: Any) -> Any:
    def take(store: Any, response: Any, batch: Any, now: str) -> Any:
        known = {result.n for result in response.results}
        more = tuple(Result(e.n, e.id, Saved()) for e in batch.entries if e.n not in known)
        results = (*(msgspec.structs.replace(r, outcome=Saved()) for r in response.results), *more)
        return right(store, msgspec.structs.replace(response, results=results), batch, now)

    return take


def _nothing_is_pending(right: Any) -> Any:
    return lambda work, roots: {root for (root,) in work.rows("SELECT DISTINCT root FROM _lease") if root in set(roots)}


def _nothing_is_open(right: Any) -> Any:
    return lambda work, roots: {root for (root,) in work.rows("SELECT DISTINCT root FROM _queue") if root in set(roots)}


def _without_queue(right: Any) -> Any:
    def copy(work: Any) -> None:
        right(work)
        work.run("DELETE FROM main._queue WHERE state IN ('queued', 'sending')")

    return copy


def _without_errors(right: Any) -> Any:
    def copy(work: Any) -> None:
        right(work)
        work.run("DELETE FROM main._queue WHERE state IN ('failed', 'held')")

    return copy


def _model_drops_queue(right: Any) -> Any:
    def remodel(work: Any, before: Any, after: Any) -> Any:
        work.run("DELETE FROM _touch")
        work.run("DELETE FROM _queue")
        return right(work, before, after)

    return remodel


def _not_synced(right: Any) -> Any:
    def make(connection: Any) -> None:
        right(connection)
        connection.pragma("synchronous", "off")

    return make


def _always_green(right: Any) -> Any:
    return lambda facts: WidgetState.OK


def _commit_first(right: Any) -> Any:
    """The row is written in one transaction, the queue entry in another: a kill between them parts the two."""

    def queue(work: Any, *given: Any, **more: Any) -> Any:
        work.run("COMMIT")
        work.run("BEGIN IMMEDIATE")
        return right(work, *given, **more)

    return queue


def _no_old_values(right: Any) -> Any:
    def chained(work: Any, item: Any) -> Any:
        return right(work, msgspec.structs.replace(item, changes={}))

    return chained


def _never_due(right: Any) -> Any:
    return lambda at, now: at == 0


def _forgets_number(right: Any) -> Any:
    """The next number is looked up in the queue: where that is empty, they begin again."""

    def begin(self: Any, work: Any, world: Any) -> None:
        right(self, work, world)
        self._n = 1 + (work.value("SELECT max(n) FROM _queue") or 0)

    return begin


def _forgets_counter(right: Any) -> Any:
    def begin(self: Any, work: Any, world: Any) -> None:
        right(self, work, world)
        self._counter = max(0, self._counter - 4)

    return begin


def _applies_nothing(right: Any) -> Any:
    return lambda *_args, **_more: Applied()


def _keeps_rows(right: Any) -> Any:
    def remove(work: Any, table: Any, ids: Any) -> None:
        return None

    return remove


def _half_applied(right: Any) -> Any:
    """Only the first half of the records of an answer."""

    def half(work: Any, tables: Any, images: Any, **more: Any) -> Any:
        return right(work, tables, list(images)[: (len(images) + 1) // 2], **more)

    return half


def _older_is_news(right: Any) -> Any:
    return lambda incoming, held: True


def _cancels_everything(right: Any) -> Any:
    """Undo takes back what is only waiting too."""

    def undone(work: Any, n: int) -> list[int]:
        right(work, n)
        found = work.rows("SELECT n FROM _queue WHERE n >= ? AND state IN ('failed', 'held')", n)
        work.run("DELETE FROM _queue WHERE state = 'queued' AND n > ?", n)
        return sorted(k for (k,) in found)

    return undone


DEVICE_BUGS = (
    Planted("a refusal counts as done", (Patch("device.sync.settle:event_of", _refused_is_done),)),
    Planted("every answer counts as saved", (Patch("device.sync.upload:take_answer", _stale_ack),)),
    Planted(
        "merge over pending edits",
        (Patch("device.merge.apply:busy_roots", _nothing_is_pending),),
        focus=3 * ("save_during_sync",),
    ),
    Planted(
        "merge under an editor",
        (Patch("device.merge.apply:busy_roots", _nothing_is_open),),
        focus=5 * ("look", "online_edit"),
    ),
    Planted("news of busy records is thrown away", (Patch("device.merge.apply:_stage", returning(None)),)),
    Planted(
        "refresh drops the queue",
        (Patch("device.merge.carry:_copy_kept", _without_queue),),
        focus=3 * ("save_during_sync",),
    ),
    Planted(
        "refresh drops the errors", (Patch("device.merge.carry:_copy_kept", _without_errors),), focus=5 * ("refresh",)
    ),
    Planted(
        "a new data model drops the queue",
        (Patch("device.sync.session:remodel", _model_drops_queue),),
        focus=5 * ("change_model", "sync"),
    ),
    Planted("the disk is not synced", (Patch("device.store.store:make_durable", _not_synced),), focus=("network",)),
    Planted("the widget is always green", (Patch("device.status.widget:_state", _always_green),)),
    Planted("row and queue entry apart", (Patch("device.edit.save:_queue", _commit_first),)),
    Planted("edits without their values", (Patch("device.edit.save:_chained", _no_old_values),)),
    Planted("a kept time never comes", (Patch("device.queue.backoff:is_due", _never_due),), focus=("network",)),
    Planted("queue numbers begin again", (Patch("device.edit.numbers:Numbers.__init__", _forgets_number),), seed=2),
    Planted("ids begin again", (Patch("device.edit.numbers:Numbers.__init__", _forgets_counter),)),
    Planted("a download is not applied", (Patch("device.sync.download:apply", _applies_nothing),)),
    Planted("the feed is not applied", (Patch("device.sync.settle:apply", _applies_nothing),), focus=("network",)),
    Planted("half of an answer is applied", (Patch("device.sync.settle:apply", _half_applied),)),
    Planted("removed rows stay", (Patch("device.merge.base:remove_rows", _keeps_rows),)),
    Planted(
        "undo leaves the rows", (Patch("device.edit.undo:free_families", returning([])),), focus=("undo", "network")
    ),
    Planted("undo takes what waits", (Patch("device.edit.undo:undone_with", _cancels_everything),), focus=("undo",)),
    Planted(
        "leaving a page merges nothing",
        (Patch("device.merge.view:free_families", returning([])),),
        focus=5 * ("look", "online_edit"),
        seed=2,
    ),
    Planted(
        "merged accounts are not followed",
        (
            Patch("device.merge.apply:follow_merges", returning([])),
            Patch("device.sync.download:follow_merges", returning([])),
        ),
        focus=5 * ("merge_accounts", "merge_accounts", "sync"),
    ),
    Planted(
        "the fork is not taken",
        (Patch("device.sync.sending.sender:fork.take_new_number", returning(None)),),
        focus=(*10 * ("old_image",), "network"),
    ),
    Planted(
        "the other history is not noticed",
        (
            Patch("device.sync.run:parted.start_over", returning(None)),
            Patch("device.sync.run:parted.parted_at", returning(None)),
        ),
        focus=(*10 * ("back_up",), *4 * ("sync",)),
    ),
    Planted(
        "what a restored server lost is not named",
        (
            Patch("device.sync.digest.parted:held_from", returning(())),
            Patch("device.sync.digest.verify:compare", returning({})),  # the digest would mend it unseen
        ),
        focus=(*10 * ("back_up",), *4 * ("sync", "online_edit")),
        seed=10,
    ),
)
