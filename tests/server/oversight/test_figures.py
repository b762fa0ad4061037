"""Figures of the fleet, beside a fixture that is counted by hand (FEATURES I12, I13)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial
from typing import TypeVar

from tests.server.lab import START, Lab, Phone

from fieldsync.protocol.session import Platform
from fieldsync.protocol.tracking import Standing, TrackedSync, Tracking
from fieldsync.server.http.context import calling
from fieldsync.server.org.runtime import Org
from fieldsync.server.oversight.figures.charts import Charts, Group, Period, charts
from fieldsync.server.oversight.figures.people import completeness, people_syncs
from fieldsync.server.oversight.figures.waiting import Pending, pending_saves
from fieldsync.server.postgres.work import Work, snapshot
from fieldsync.server.sync.tracking.keep import track

T = TypeVar("T")


def tell(lab: Lab, phone: Phone, took: list[tuple[float, str | None]], version: str, **standing: object) -> None:
    """Syncs that took so long, and what ended each."""
    syncs = []
    for number, (seconds, problem) in enumerate(took, 1):
        began = START + timedelta(hours=number)
        ended = {"problem_code": problem, "successful": problem is None, "app_version": version, "upload_errors": 1}
        if isinstance(seconds, float):
            ended |= {"milliseconds": round(seconds * 1_000)}
        until = began + timedelta(seconds=seconds)
        syncs.append(TrackedSync(number, "incremental", "Manual", began, until, round(seconds), **ended))  # type: ignore[arg-type]
    sent = Tracking(Standing(lab.clock.now(), **standing), tuple(syncs))  # type: ignore[arg-type]
    lab.run(track(lab.org, partial(calling, lab.org, phone.token), sent))


def asked(lab: Lab, question: Callable[[Org, Work], Awaitable[T]]) -> T:
    async def ask() -> T:
        async with snapshot(lab.org.pool) as database:
            return await question(lab.org, database)

    return lab.run(ask())


def charts_of(lab: Lab, **filters: str) -> Charts:
    async def ask() -> Charts:
        async with snapshot(lab.org.pool) as database:
            return await charts(lab.org, database, Period(START, START + timedelta(days=2), **filters))

    return lab.run(ask())


def test_shares_and_durations_are_those_counted_by_hand(lab: Lab, sarah: Phone) -> None:
    lab.person("tom")
    tom = lab.phone("tom", "surface", Platform.WINDOWS)
    tell(lab, sarah, [(seconds, None) for seconds in range(1, 20)] + [(100, "OFFLINE")], "1.0")
    tell(lab, tom, [(7, None), (9, "OFFLINE")], "2.0")
    found = charts_of(lab)
    assert found.whole == Group("", 22, 2, 2, 22, 9.0, 19.0)
    assert found.version == (Group("1.0", 20, 1, 1, 20, 10.0, 19.0), Group("2.0", 2, 1, 1, 2, 7.0, 9.0))
    assert [(one.name, one.syncs, one.failed) for one in found.device] == [("iPad", 20, 1), ("Windows", 2, 1)]
    assert [(one.name, one.syncs) for one in found.problem] == [("OFFLINE", 2)]
    assert [one.syncs for one in found.territory] == [22]
    assert [(one.name, one.syncs) for one in found.day] == [("2026-03-02", 17), ("2026-03-03", 5)]
    assert charts_of(lab, version="2.0").whole.syncs == charts_of(lab, device="Windows").whole.syncs == 2
    assert charts_of(lab, profile="Rep").whole.syncs == 22
    assert charts_of(lab, profile="Nobody").whole.syncs == 0


def test_quick_syncs_are_told_apart_by_milliseconds(lab: Lab, sarah: Phone) -> None:
    tell(lab, sarah, [(0.212, None), (0.418, None), (0.419, None), (12.345, None), (700.0, None)], "1.0")
    whole = charts_of(lab).whole
    assert (whole.p50, whole.p95) == (0.4, 700.0), "by 20 ms below a second, by 10 s above ten minutes"
    shown = lab.query('SELECT "Duration_Seconds"::text FROM "Sync_Tracking" ORDER BY 1')
    assert ("0.212",) in shown


def test_who_is_late_and_what_a_report_cannot_know_is_said(lab: Lab, sarah: Phone) -> None:
    tell(lab, sarah, [(1, None)], "1.0", pending=3, oldest_pending_at=START - timedelta(days=1, hours=1))
    lab.query('UPDATE "Device" SET "Last_Download_At" = %(now)s RETURNING 1', now=START)
    [person] = asked(lab, people_syncs)
    assert (person.username, person.pending, person.late) == ("sarah@small.example", 3, "")
    assert asked(lab, completeness).sentence == "1 device holds edits up to 2 days old."
    waiting, hours = asked(lab, pending_saves), 25 * 3_600.0
    assert [one.saves for one in waiting.ages] == [0, 0, 3, 0]
    assert waiting.version == (Pending("1.0", 1, 3, hours),)
    assert waiting.device == (Pending("iPad", 1, 3, hours),)
    assert waiting.territory == (Pending("(none)", 1, 3, hours),)
    lab.clock.advance(6 * 86_400)
    [person] = asked(lab, people_syncs)
    assert person.late == "no sync for 6 days"
    sentence = asked(lab, completeness).sentence
    assert sentence == "1 device holds edits up to 8 days old; 1 device has said nothing for 5 days."
