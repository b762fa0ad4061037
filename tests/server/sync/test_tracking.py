"""A device tells of its syncs: one record each, however often; the device's own record says how it stands."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

import pytest
from tests.server.lab import START, Lab, Phone

from fieldsync.base.problems import Refused
from fieldsync.protocol import wire
from fieldsync.protocol.tracking import Standing, Tracked, TrackedSync, Tracking
from fieldsync.server.http.context import calling
from fieldsync.server.sync.tracking.keep import track


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


def test_the_device_stands_as_it_says_and_its_clock_is_compared(lab: Lab, sarah: Phone) -> None:
    early, at = START - timedelta(days=2), START + timedelta(minutes=10)
    told(lab, sarah, Tracking(Standing(at, pending=3, errors=1, oldest_pending_at=early), (a_sync(1),)))
    columns = '"Pending_Transactions", "Open_Errors", "Oldest_Pending_At", "Clock_Off_Seconds", "Last_Download_Success"'
    assert lab.query(f'SELECT {columns} FROM "Device"') == [(3, 1, early, 600, True)]
    told(lab, sarah, Tracking(Standing(START)))
    assert lab.query(f'SELECT {columns} FROM "Device"') == [(0, 0, None, 0, True)]


def test_what_is_out_of_all_bounds_is_refused_at_the_door(lab: Lab, sarah: Phone) -> None:
    for body in (b'{"standing": {"at": "2026-03-02"}}', b'{"standing": {"at": "2026-03-02T08:00:00Z", "pending": -1}}'):
        with pytest.raises(Refused, match="BAD_REQUEST"):
            wire.decode(body, Tracking)
