"""The server was restored from a backup: its history is not the one this device stood in (DESIGN 5).

Up to some stamp the two are one, and the server says which. What the device has from there on it names, row by row, and
gets as it is now; what changed on the server since comes with it, and the digest at the end proves the rest: what only
the lost history had taken away, or brought without writing it. Everything is loaded anew where that cannot be told.
"""

from __future__ import annotations

from fieldsync.base.problems import Code, Refused
from fieldsync.base.world import Clock
from fieldsync.device.store import meta
from fieldsync.device.store.meta import Key
from fieldsync.device.store.store import Store
from fieldsync.device.sync.calls import Calls
from fieldsync.device.sync.digest.held import held_from
from fieldsync.device.sync.download import Asked, Downloaded, Progress, RefreshNeeded, download
from fieldsync.protocol.digest import Repair


def is_parted(error: Refused) -> bool:
    """Whether the checkpoint leads nowhere any more."""
    return error.problem.code in (Code.FORK, Code.BAD_CURSOR)


def parted_at(error: Refused) -> int | None:
    """The stamp up to which the histories are one; None where nothing of them is known to be."""
    stamp = error.problem.details.get("stamp")
    return stamp if error.problem.code is Code.FORK and isinstance(stamp, int) and stamp > 0 else None


def rejoin(store: Store, calls: Calls, clock: Clock, progress: Progress, stamp: int) -> Downloaded:
    """Fetch and apply what is other on the server than here, where the histories part at `stamp`.

    Raises Unreachable, Refused, CatalogMoved; and RefreshNeeded, with the store ready to start over. A slice that was
    applied before it broke off is no harm: its rows are named again.
    """
    with store.read() as work:
        checkpoint, feed = meta.get(work, Key.CHECKPOINT), meta.get(work, Key.FEED_READ)
        held = held_from(work, store.tables, stamp)
    try:
        if checkpoint is None or held is None:
            raise RefreshNeeded
        repair = Repair(checkpoint, label="", held=held, feed=feed or "", named_from=stamp)
        return download(store, calls, clock, progress, Asked(repair=repair))
    except RefreshNeeded:
        start_over(store)
        raise
    except Refused as refused:
        if refused.problem.code is not Code.BAD_REQUEST:
            raise
        start_over(store)
        raise RefreshNeeded from None  # a server of an earlier version takes no such repair


def start_over(store: Store) -> None:
    """The next download brings everything, and versions may go back."""
    with store.write() as work:
        meta.put(work, Key.CHECKPOINT, None)
        meta.put(work, Key.STARTING_OVER, 1)
