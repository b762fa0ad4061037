"""A second device in a process of its own, as devices are: it shares no interpreter with the one that saves.

The clock of both is `time.perf_counter`, which counts for the whole machine.
"""

from __future__ import annotations

import multiprocessing
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection

from fieldsync.base.ids import RecordId
from fieldsync.device import Device
from fieldsync.protocol.session import Platform
from fieldsync.sim.bench.setting import Setting

WAIT_SECONDS = 20.0
Expected = tuple[RecordId, str]
"""An account, and the phone number it will have."""


class Watcher:
    """Says when the other device shows what was saved here."""

    def __init__(self, line: Connection) -> None:
        self._line = line

    def expect(self, account: RecordId, phone: str) -> None:
        """Returns when the other device looks out for it."""
        self._line.send((account, phone))
        assert self._line.recv() is None

    def shown_at(self) -> float:
        """The moment at which it showed it."""
        assert self._line.poll(WAIT_SECONDS), "the second device never showed the save"
        shown: float = self._line.recv()
        return shown


@contextmanager
def watching(place: Setting, name: str, platform: Platform) -> Iterator[Watcher]:
    """A signed-in device with its first download done and its event stream open."""
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_watch, args=(place, name, platform, there))
    process.start()
    try:
        assert here.poll(WAIT_SECONDS), "the second device did not start"
        here.recv()
        yield Watcher(here)
    finally:
        here.send(None)
        process.join(WAIT_SECONDS)


def _watch(place: Setting, name: str, platform: Platform, line: Connection) -> None:
    device = place.device(name, platform)
    try:
        device.start()
        time.sleep(1.0)
        line.send(None)
        while (expected := line.recv()) is not None:
            line.send(_shown_at(device, expected, line))
    finally:
        device.close()


def _shown_at(device: Device, expected: Expected, line: Connection) -> float:
    account, phone = expected
    shown, at = threading.Event(), [0.0]

    def look(_: object) -> None:
        record = device.get("Account", account)
        if record is not None and record.values["Phone"] == phone:
            at[0] = time.perf_counter()
            shown.set()

    stop = device.subscribe(look)
    line.send(None)
    assert shown.wait(WAIT_SECONDS), "it never came"
    stop()
    return at[0]
