"""Which sync runs, and that only one does: refused, canceled, or made a refresh (E12, E24, E25)."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from tests.device.lab import Lab, catalog, error
from tests.device.sync.test_refresh import Meanwhile, cities, rest, shop

from fieldsync.base.problems import Code, Refused, problem
from fieldsync.device import SyncKind, SyncReport
from fieldsync.device.sync.sending import foreground
from fieldsync.schema.catalog import encode
from fieldsync.schema.model import Field, FieldType


def test_a_second_sync_is_refused_while_one_runs(lab: Lab) -> None:
    refused: list[Code] = []

    def again() -> None:
        try:
            lab.device.sync()
        except Refused as error:
            refused.append(error.problem.code)

    def start_another() -> None:
        other = threading.Thread(target=again)
        other.start()
        other.join(60)

    lab.script.then("refresh", Meanwhile(lab.refresh_lines(), 1, start_another))
    lab.script.then("download", lab.lines())
    lab.device.sync("full")
    assert refused == [Code.SYNC_RUNNING]
    assert len(lab.device.syncs()) == 1


def test_a_canceled_refresh_changes_nothing_and_is_recorded(lab: Lab) -> None:
    lab.download(lab.block("Shop", shop(lab, 1, City="old")))
    blocks = [lab.block("Shop", shop(lab, n, 9, City="new")) for n in (1, 2)]
    lines = lab.refresh_lines(*blocks)
    lab.script.then("refresh", Meanwhile(lines, 2, lab.device.cancel_sync))
    with pytest.raises(Refused) as caught:
        lab.device.sync("full")
    assert caught.value.problem.code is Code.SYNC_CANCELED
    report = lab.device.syncs()[0]
    assert (report.canceled, report.successful) == (True, False)
    assert cities(lab) == ["old"]
    lab.script.then("refresh", rest(lab, lines, 1))
    lab.script.then("download", lab.lines())
    lab.device.sync("full")
    assert cities(lab) == ["new", "new"]
    assert not lab.device.syncs()[0].canceled


def test_a_server_that_cannot_tell_the_changes_has_the_database_refreshed(lab: Lab) -> None:
    lab.download(lab.block("Shop", shop(lab, 1, City="old")))
    required = error(409, problem(Code.REFRESH_REQUIRED, reason="too long away"))
    lines = lab.refresh_lines(lab.block("Shop", shop(lab, 1, 9, City="new")))
    lab.script.then("refresh", lines, lines)
    lab.script.then("download", required, lab.lines(), lab.lines(full=True), lab.lines())
    lab.device.sync()
    assert cities(lab) == ["new"]
    lab.device.sync()
    assert lab.script.answers["refresh"] == lab.script.answers["download"] == []


@pytest.mark.parametrize(("days", "kind"), [(30, SyncKind.INCREMENTAL), (31, SyncKind.FULL)])
def test_who_was_away_for_too_long_refreshes(lab: Lab, days: int, kind: SyncKind) -> None:
    lab.download(lab.block("Shop", shop(lab, 1, City="old")))
    lab.clock.advance(days * 86_400)
    lab.script.then("refresh", lab.refresh_lines(lab.block("Shop", shop(lab, 1, 9, City="new"))))
    lab.script.then("download", lab.lines())
    lab.device.sync()
    assert lab.device.syncs()[0].kind is kind
    assert cities(lab) == ["new" if kind is SyncKind.FULL else "old"]


class Front(threading.Event):
    """Whether the app is in front: it is not; and whether somebody waits for that."""

    def __init__(self) -> None:
        super().__init__()
        self.awaited = threading.Event()

    def wait(self, timeout: float | None = None) -> bool:
        self.awaited.set()
        return super().wait(timeout)


def test_a_sync_waits_between_requests_while_the_app_is_behind_and_counts_it(lab: Lab) -> None:
    lab.download()
    front = lab.device.foreground._front = Front()
    lab.script.then("download", lab.lines())
    asked, reports = len(lab.script.asked), list[SyncReport]()
    running = threading.Thread(target=lambda: reports.append(lab.device.sync()))
    running.start()
    assert front.awaited.wait(60)
    running.join(0.05)
    assert running.is_alive()
    assert len(lab.script.asked) - asked <= 1, "outcomes were asked for; rows were not"
    lab.clock.advance(40)
    lab.device.foreground.come()
    running.join(60)
    assert (reports[0].successful, reports[0].freeze_seconds, reports[0].seconds) == (True, 40.0, 40.0)


def test_a_sync_that_waits_behind_can_be_canceled(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(foreground, "LOOK_SECONDS", 0.02)
    lab.download()
    front = lab.device.foreground._front = Front()
    ended: list[Code] = []

    def run() -> None:
        try:
            lab.device.sync()
        except Refused as refused:
            ended.append(refused.problem.code)

    running = threading.Thread(target=run)
    running.start()
    assert front.awaited.wait(60)
    lab.device.cancel_sync()
    running.join(60)
    assert ended == [Code.SYNC_CANCELED]


def test_what_a_newer_data_model_takes_is_part_of_no_other_phase_and_all_phases_add_up(lab: Lab) -> None:
    lab.download(lab.block("Shop", shop(lab, 1)))
    lab.clock.advance(1)
    newer = catalog(more=(Field(name="Zip", type=FieldType.TEXT),))
    lab.script.catalog = newer

    def slow(seconds: float, answer: object) -> Callable[[bytes], object]:
        def answered(_: bytes) -> object:
            lab.clock.advance(seconds)
            return answer

        return answered

    lab.script.then("catalog", slow(7, encode(newer)))
    lab.script.then("download", slow(3, lab.lines()), slow(2, lab.lines()))
    report = lab.device.sync()
    phases = (report.upload_seconds, report.metadata_seconds, report.download_seconds, report.apply_seconds)
    assert phases == (0.0, 7.0, 5.0, 0.0)
    assert report.seconds == sum(phases)
