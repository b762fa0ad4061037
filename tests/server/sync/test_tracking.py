"""A device tells of its syncs: one record each, however often; the device's own record says how it stands."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

import pytest
from tests.server.lab import START, Lab, Phone

from fieldsync.base.problems import Refused
from fieldsync.protocol import wire
from fieldsync.protocol.tracking import LogLine, Standing, Tracked, TrackedSync, Tracking
from fieldsync.server.http.context import calling
from fieldsync.server.org.upkeep import keep_up
from fieldsync.server.postgres.work import snapshot
from fieldsync.server.processor.clearing import wish
from fieldsync.server.sync.tracking.keep import track
from fieldsync.server.sync.tracking.log import log_of


def told(lab: Lab, phone: Phone, sent: Tracking) -> Tracked:
    return lab.run(track(lab.org, partial(calling, lab.org, phone.token), sent))


def a_sync(number: int, **values: object) -> TrackedSync:
    began = START + timedelta(minutes=number)
    given = {"trigger": "Manual", "seconds": 12, "successful": True, "download_processed": True} | values
    return TrackedSync(number, "incremental", started_at=began, ended_at=began + timedelta(seconds=12), **given)  # type: ignore[arg-type]


def test_every_sync_is_one_record_however_often_it_is_told(lab: Lab, sarah: Phone) -> None:
    sent = Tracking(Standing(START), (a_sync(1), a_sync(2, successful=False, problem_code="OFFLINE")))
    assert told(lab, sarah, sent) == told(lab, sarah, sent) == Tracked(2)
    query = 'SELECT "Name", "Number_On_Device", "Successful", "Problem_Code" FROM "Sync_Tracking" ORDER BY 1'
    assert lab.query(query) == [("S-00000001", 1, True, None), ("S-00000002", 2, False, "OFFLINE")]
    told(lab, sarah, Tracking(Standing(START), (a_sync(2, apply_seconds=7),)))
    assert lab.query('SELECT "Apply_Seconds", "Successful" FROM "Sync_Tracking" WHERE "Number_On_Device" = 2') == [
        (7, True)
    ]


def test_what_a_sync_brought_and_how_long_each_phase_took_is_in_its_record(lab: Lab, sarah: Phone) -> None:
    counts = {"records_up": 3, "rows_received": 9, "rows_created": 4, "rows_updated": 5, "rows_removed": 2}
    phases = {"metadata_seconds": 1, "metadata_milliseconds": 1_250, "media_seconds": 2}
    told(lab, sarah, Tracking(Standing(START), (a_sync(1, **counts, **phases),)))
    columns = (f'"Records_{name}"' for name in ("Up", "Down", "Created", "Updated", "Deleted"))
    assert lab.query(f'SELECT {", ".join(columns)} FROM "Sync_Tracking"') == [(3, 9, 4, 5, 2)]
    phase_columns = '"Metadata_Seconds"::float, "Media_Seconds"::float'
    assert lab.query(f'SELECT {phase_columns} FROM "Sync_Tracking"') == [(1.25, 2.0)]


def test_the_device_stands_as_it_says_and_its_clock_is_compared(lab: Lab, sarah: Phone) -> None:
    early, at = START - timedelta(days=2), START + timedelta(minutes=10)
    told(lab, sarah, Tracking(Standing(at, pending=3, errors=1, oldest_pending_at=early), (a_sync(1),)))
    columns = '"Pending_Transactions", "Open_Errors", "Oldest_Pending_At", "Clock_Off_Seconds", "Last_Download_Success"'
    assert lab.query(f'SELECT {columns} FROM "Device"') == [(3, 1, early, 600, True)]
    told(lab, sarah, Tracking(Standing(START)))
    assert lab.query(f'SELECT {columns} FROM "Device"') == [(0, 0, None, 0, True)]


def lines(*numbers: int, level: str = "info") -> tuple[LogLine, ...]:
    return tuple(LogLine(n, START + timedelta(minutes=n), level, f"turn n={n}\x00") for n in numbers)  # type: ignore[arg-type]


def read(lab: Lab, levels: tuple[str, ...] = ()) -> list[str]:
    [(device,)] = lab.query('SELECT "Id" FROM "Device"')

    async def ask() -> list[str]:
        async with snapshot(lab.org.pool) as database:
            return [line.text for line in await log_of(database, device, 100, levels)]

    return lab.run(ask())


def test_a_line_of_the_log_is_kept_once_and_for_as_long_as_the_setting_says(lab: Lab, sarah: Phone) -> None:
    assert told(lab, sarah, Tracking(Standing(START), log=lines(1, 2))) == Tracked(0, 2)
    again = Tracking(Standing(START), (a_sync(1),), lines(2, 3, level="error"))
    assert told(lab, sarah, again) == told(lab, sarah, again) == Tracked(1, 3)
    assert read(lab) == ["turn n=3?", "turn n=2?", "turn n=1?"]
    assert read(lab, ("error",)) == ["turn n=3?"]
    lab.query("UPDATE _device_log SET received_at = received_at - interval '30 days 1 minute' RETURNING 1")
    told(lab, sarah, Tracking(Standing(START), log=lines(4)))
    keep_up(lab.uri, "small", lab.world)
    assert read(lab) == ["turn n=4?"]


def test_a_device_logs_in_detail_where_its_person_or_its_profile_is_to(lab: Lab, sarah: Phone) -> None:
    def asked() -> bool:
        async def ask() -> bool:
            async with calling(lab.org, sarah.token) as (database, caller):
                return (await wish(lab.org, database, caller))[1].detailed_log

        return lab.run(ask())

    found = [asked()]
    for table in ("Profile", "User"):
        for state in ("true", "false"):
            lab.query(f'UPDATE "{table}" SET "Debug_Logging" = {state} RETURNING 1')
            found.append(asked())
    assert found == [False, True, False, True, False]


def test_what_is_out_of_all_bounds_is_refused_at_the_door(lab: Lab, sarah: Phone) -> None:
    for body in (b'{"standing": {"at": "2026-03-02"}}', b'{"standing": {"at": "2026-03-02T08:00:00Z", "pending": -1}}'):
        with pytest.raises(Refused, match="BAD_REQUEST"):
            wire.decode(body, Tracking)
