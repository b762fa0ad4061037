"""What an admin wants of this device: asked for, and what is on the queue handed over (FEATURES M05, G12).

A save is handed over as it is, whatever its state; handing it over changes nothing here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fieldsync.device.edit.clearing import ENTRIES_AT_ONCE_MAX, whole
from fieldsync.device.queue.states import State
from fieldsync.device.store import meta
from fieldsync.device.store.meta import Key
from fieldsync.device.store.store import Store
from fieldsync.device.store.work import Work
from fieldsync.device.sync.account import read_account
from fieldsync.device.sync.calls import Calls
from fieldsync.protocol.clearing import HandedOver, HandOver, Known, Orders

_OPEN = ", ".join(f"'{state}'" for state in State if state not in (State.GATHERING, State.DONE))


@dataclass(frozen=True)
class Emptying:
    """A wipe that is due: who this device is, which stands in its store no longer then."""

    org: str
    key: str
    asked: str
    through: int | None
    """Up to which number all was handed over; None: what waits may be lost."""


def known(store: Store) -> Known | None:
    """Who this device is; None before its first sign-in."""
    with store.read() as work:
        account, key = read_account(work), meta.get(work, Key.DEVICE_KEY)
    return None if account is None or key is None else Known(account.org, key)


def follow(store: Store, calls: Calls, send: Callable[[], None]) -> Emptying | None:
    """Ask what is wanted of this device and do it, but for the wipe itself, which is returned. `send` sends what waits.

    Raises Unreachable, Refused.
    """
    who = known(store)
    if who is None:
        return None
    found = calls.open_post("/sync/v1/device/orders", who, Orders)
    if found.queue is not None:
        hand_over(store, calls, who, found.queue)
    if found.wipe is None:
        return None
    if found.send_first:
        send()
    return Emptying(
        who.org, who.key, found.wipe, hand_over(store, calls, who, found.wipe) if found.send_first else None
    )


def hand_over(store: Store, calls: Calls, who: Known, asked: str) -> int:
    """Send all that the server has not settled; up to which number that was. Raises Unreachable, Refused."""
    behind, last = 0, False
    while not last:
        with store.read() as work:
            numbers = _following(work, behind)
            entries, last = whole(work, numbers), len(numbers) < ENTRIES_AT_ONCE_MAX
        calls.open_post("/sync/v1/device/queue", HandOver(who.org, who.key, asked, last, entries), HandedOver)
        behind = numbers[-1] if numbers else behind
    return behind


def is_behind(store: Store, through: int) -> bool:
    """Whether something was saved that is not handed over."""
    with store.read() as work:
        return bool(_following(work, through))


def _following(work: Work, behind: int) -> list[int]:
    sql = f"SELECT n FROM _queue WHERE n > ? AND state IN ({_OPEN}) ORDER BY n LIMIT ?"
    return [n for (n,) in work.rows(sql, behind, ENTRIES_AT_ONCE_MAX)]
