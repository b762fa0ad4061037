"""Autosync: how long a save takes on the device, and until another device of the same person shows it."""

from __future__ import annotations

import time
from pathlib import Path

from fieldsync.device import Device
from fieldsync.protocol.session import Platform
from fieldsync.sim.bench import floors
from fieldsync.sim.bench.beside import Watcher, watching
from fieldsync.sim.bench.figures import Figure, figure, percentile
from fieldsync.sim.bench.setting import Setting, setting

CONDITIONS = (
    "encrypted stores with synchronous=FULL, PostgreSQL with fsync, HTTP over loopback, one server process, "
    "each device in a process of its own"
)


def measure(folder: Path, port: int, *, saves: int) -> list[Figure]:
    """Median and p95 of the local save and of save-to-second-device."""
    with setting(folder, port, accounts=100) as place:
        ipad = place.device("ipad", Platform.IPAD)
        try:
            ipad.start()
            with watching(place, "iphone", Platform.IPHONE) as iphone:
                local, across = _latencies(place, ipad, iphone, saves)
        finally:
            ipad.close()
        floor_local, floor_across = floors.local_save_ms(folder), floors.autosync_ms(folder, place.uri)
    return [
        *_pair("local save", local, floor_local),
        *_pair("save to second device", across, floor_across),
    ]


def _pair(name: str, values: list[float], floor: float) -> list[Figure]:
    conditions = f"{CONDITIONS}; {len(values)} saves of one record"
    return [
        figure(f"{name}, median", percentile(values, 0.5), "ms", floor=floor, conditions=conditions),
        figure(f"{name}, p95", percentile(values, 0.95), "ms", floor=floor, conditions=conditions),
    ]


def _latencies(place: Setting, ipad: Device, iphone: Watcher, saves: int) -> tuple[list[float], list[float]]:
    """Milliseconds of each save, and from its beginning until the other device has merged it."""
    local, across = [], []
    warm_up = 10
    for i in range(saves + warm_up):
        account, phone = place.accounts[i % len(place.accounts)], f"+43 {i}"
        iphone.expect(account, phone)
        start = time.perf_counter()
        with ipad.edit() as edit:
            edit.update("Account", account, {"Phone": phone})
        saved = time.perf_counter()
        arrived = iphone.shown_at()
        if i >= warm_up:
            local.append((saved - start) * 1000)
            across.append((arrived - start) * 1000)
        time.sleep(0.01)
    return local, across
