"""A store that an admin had emptied: the keys and files go, then the server is told, also by a later start."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from fieldsync.base.problems import Code, Refused, problem
from fieldsync.device.keys import destroy
from fieldsync.device.store.store import Store
from fieldsync.device.sync.calls import encoded
from fieldsync.device.sync.orders.orders import Emptying, is_behind
from fieldsync.device.transport import Transport, Unreachable
from fieldsync.protocol.clearing import Wiped

_OK = 200


def empty(store: Store, wanted: Emptying) -> bool:
    """Take the store's keys and files away. Whatever happens after it began, the next start ends it. False, and nothing
    done, where the person saved something meanwhile that is to be handed over first."""
    with store.lock:
        if wanted.through is not None and is_behind(store, wanted.through):
            return False
        destroy.mark(store.folder, destroy.Emptied(wanted.org, wanted.key, wanted.asked))
        store.close(lambda: _destroy(store.folder))
    return True


def carry_out(
    store: Store, transport: Transport, wanted: Emptying, closing: tuple[Callable[[], None], Callable[[], None]]
) -> float | None:
    """Empty the store, then end what worked with it, and tell the server; a later start tells it where it is away. From
    here on every use of the store is refused with DEVICE_WIPE. Seconds until it is tried again, see `empty`."""
    if not empty(store, wanted):
        return 0.0
    for close in closing:
        close()
    with suppress(Refused):
        finish_emptying(store.folder, transport)
    return None


def _destroy(folder: Path) -> None:
    destroy.destroy(folder)


def finish_emptying(folder: Path, transport: Transport) -> None:
    """End what was begun in this folder, and tell the server. Raises Refused: OFFLINE until the server knows,
    OPEN_ELSEWHERE."""
    emptied = destroy.marked(folder)
    if emptied is None:
        return
    if not destroy.destroy(folder):
        raise Refused(problem(Code.OPEN_ELSEWHERE))
    told = Wiped(emptied.org, emptied.key, emptied.asked)
    try:
        reply = transport.request("POST", "/sync/v1/device/wiped", encoded(told), {})
    except Unreachable:
        raise Refused(problem(Code.OFFLINE)) from None
    if reply.status != _OK:
        raise Refused(problem(Code.OFFLINE))
    destroy.told(folder)
