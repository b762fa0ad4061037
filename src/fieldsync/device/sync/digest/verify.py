"""Proving a download, and repairing what differs: at most three rounds, then a problem that everybody sees.

The first round costs no request of its own: the sums came with the rows, out of the same snapshot. Each repair brings
rows, removals and the sums of its own snapshot, so it is proved as it arrives.
"""

from __future__ import annotations

from fieldsync.base.faults import reach
from fieldsync.base.problems import Code, Problem, problem
from fieldsync.base.world import Clock, instant
from fieldsync.device.store import meta
from fieldsync.device.store.connect import if_there_is_room
from fieldsync.device.store.meta import Key
from fieldsync.device.store.store import Store
from fieldsync.device.sync.calls import Calls
from fieldsync.device.sync.digest.agreement import Agreement, keep_agreement
from fieldsync.device.sync.digest.held import Unlike, compare, held_in
from fieldsync.device.sync.download import Asked, Downloaded, Progress, download
from fieldsync.protocol.digest import Digest, Repair

ROUNDS_MAX = 3


def verify(store: Store, calls: Calls, clock: Clock, progress: Progress, found: Downloaded) -> Agreement | None:
    """Compare with the digest the download ended with; `found` takes what repairs bring.

    None where the server sent no digest. Raises Unreachable, Refused, CatalogMoved, RefreshNeeded; what differs is
    kept then, and the next sync goes on with it.
    """
    agreement = None
    for turn in range(ROUNDS_MAX):
        if found.digest is None:
            break
        with store.read() as work:
            unlike = compare(work, store.tables, found.digest, found.totals)
        agreement = Agreement(instant(clock.now()), tuple(sorted(unlike)), found.repaired)
        with if_there_is_room(), store.write() as work:
            keep_agreement(work, agreement)
        reach("digest.kept")
        if agreement.agreed or turn == ROUNDS_MAX - 1:
            break
        found.add(download(store, calls, clock, progress, Asked(repair=_repair(store, found.digest, unlike))))
    return agreement


def _repair(store: Store, digest: Digest, unlike: Unlike) -> Repair:
    with store.read() as work:
        held = held_in(work, store.tables, digest, unlike)
        return Repair(meta.get(work, Key.CHECKPOINT), digest.label, held, meta.get(work, Key.FEED_READ) or "")


def problem_of(agreement: Agreement | None) -> Problem | None:
    """What to tell of a digest that did not agree, after all that was tried."""
    if agreement is None or agreement.agreed:
        return None
    return problem(Code.DIGEST, reason=f"rows of {', '.join(agreement.unlike)} differ")
