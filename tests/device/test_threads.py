"""Any thread may call any method: saves, reads, leases and the background at once lose nothing."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest
from tests.device.lab import Lab

from fieldsync.device import Event, QueueChanged, Unreachable
from fieldsync.device.sync.background import thread as background
from fieldsync.device.transport import Heard
from fieldsync.protocol.events import NEWS_EVENT

THREADS, SAVES = 4, 40
SECONDS_MAX = 20
"""Less than any wait of an engine that nobody woke."""


def until(true: Callable[[], bool]) -> None:
    """Wait for it."""
    end = time.monotonic() + SECONDS_MAX
    while not true():
        assert time.monotonic() < end
        time.sleep(0.001)


def empties(lab: Lab) -> None:
    """Everything is sent."""
    until(lambda: not lab.device.queue())


def test_many_threads_save_read_and_sync_at_once(lab: Lab) -> None:
    lab.script.always["upload"] = lab.saved()
    failed: list[BaseException] = []
    made: list[str] = []

    def person(name: int) -> None:
        try:
            for n in range(SAVES):
                with lab.device.edit() as edit:
                    shop = edit.create("Shop", {"Name": f"{name}-{n}"})
                made.append(shop)
                with lab.device.view("Shop", shop):
                    assert lab.device.get("Shop", shop) is not None
                lab.device.find("Shop", search=str(name), limit=5)
                lab.device.widget()
        except BaseException as error:  # noqa: BLE001 the test reports it
            failed.append(error)

    lab.device.start()
    people = [threading.Thread(target=person, args=(n,)) for n in range(THREADS)]
    for thread in people:
        thread.start()
    for thread in people:
        thread.join()
    empties(lab)
    lab.device.stop()
    assert failed == []
    assert lab.device.count("Shop") == len(set(made)) == THREADS * SAVES


def test_a_save_is_on_the_wire_at_once(lab: Lab) -> None:
    sent = threading.Event()

    def answer(body: bytes) -> object:
        sent.set()
        return lab.saved()(body)

    lab.script.always["upload"] = answer
    lab.device.start()
    waits = []
    for n in range(10):
        sent.clear()
        began = time.perf_counter()
        with lab.device.edit() as edit:
            edit.create("Shop", {"Name": str(n)})
        assert sent.wait(SECONDS_MAX)
        waits.append(time.perf_counter() - began)
        empties(lab)
    lab.device.stop()
    assert min(waits) < 0.05, "the machine may be busy with others: the best of ten"


@pytest.mark.parametrize("opens", ["when it has failed", "while it fails"])
def test_what_failed_goes_again_as_soon_as_the_stream_is_open_and_not_when_its_wait_is_over(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, opens: str
) -> None:
    """Her next attempt is minutes away when the server is back. Time stands still in a lab: only news bring it on.
    Nor is what was lost on its way a sign that the server is away, once its stream is open."""
    back, opened = threading.Event(), threading.Event()

    def unreachable(_: bytes) -> object:
        if opens == "while it fails":
            back.set()
            assert opened.wait(SECONDS_MAX)
            lab.script.always["upload"] = lab.saved()
        return Unreachable("the server is being started")

    def events(_path: str, _headers: object, heard: Heard, stop: threading.Event) -> None:
        if not back.is_set():
            raise Unreachable("the server is being started")
        heard(NEWS_EVENT, b"{}")
        opened.set()
        stop.wait(60)

    monkeypatch.setattr(background, "STREAM_RETRY_SECONDS", 0.05)
    monkeypatch.setattr(lab.script, "events", events)
    lab.script.always["upload"] = unreachable
    lab.device.start()
    with lab.device.edit() as edit:
        edit.create("Shop", {"Name": "hers"})
    if opens == "when it has failed":
        until(lambda: lab.device.queue()[0].next_attempt_at is not None)
        lab.script.always["upload"] = lab.saved()
        back.set()
    empties(lab)
    lab.device.stop()


def test_events_come_after_the_commit_and_outside_the_lock(lab: Lab) -> None:
    seen: list[int] = []

    def count(done: threading.Event) -> None:
        seen.append(len(lab.device.queue()))
        done.set()

    def look(event: Event) -> None:
        if isinstance(event, QueueChanged):
            done = threading.Event()
            threading.Thread(target=count, args=(done,)).start()
            assert done.wait(SECONDS_MAX), "another thread can read and write while a callback runs"
            lab.device.drafts.put("from a callback", {})

    stop = lab.device.subscribe(look)
    with lab.device.edit() as edit:
        edit.create("Shop", {"Name": "x"})
    stop()
    with lab.device.edit() as edit:
        edit.create("Shop", {"Name": "y"})
    assert seen == [1]
