"""The server is killed with SIGKILL in the middle of uploads: nothing is lost, nothing is done twice (laws L1, L2)."""

from __future__ import annotations

from datetime import UTC, datetime

import httpx
import msgspec
from tests.server.http.running import running_server
from tests.server.lab import START, Lab, Phone, create

from fieldsync.protocol.upload import Saved, Transaction, UploadRequest, UploadResponse

POINTS = 16
"""Fault points of uploads, one server life each."""


def upload(address: str, phone: Phone, transactions: list[Transaction]) -> UploadResponse | None:
    """The answer; None when the server died on the way."""
    body = msgspec.json.encode(UploadRequest(phone.number, 0, tuple(transactions)))
    try:
        answer = httpx.post(
            f"{address}/sync/v1/upload", content=body, headers={"authorization": f"Bearer {phone.token}"}, timeout=60
        )
    except httpx.HTTPError:
        return None
    assert answer.status_code == 200, answer.text
    return msgspec.json.decode(answer.content, type=UploadResponse)


def test_a_server_killed_at_any_point_of_an_upload_loses_and_doubles_nothing(lab: Lab) -> None:
    lab.clock.jump((datetime.now(UTC) - START).total_seconds())  # the server process lives in real time
    lab.person("sarah")
    phone = lab.phone("sarah")
    saves = [phone.save(create("Shop", phone.new_id("Shop"), Name=f"shop {i}", Code=str(i))) for i in range(3 * POINTS)]
    deaths = 0
    for life in range(POINTS):
        batch = saves[: 3 * (life + 1)][-9:]  # what was sent before goes again, as after a lost answer
        with running_server(lab.uri, env={"KILL_AT": str(1 + life % 8)}) as (address, process):
            if upload(address, phone, batch) is None:
                deaths += 1
                assert process.wait(timeout=60) == -9
    with running_server(lab.uri) as (address, _):
        for start in range(0, len(saves), 9):
            answer = upload(address, phone, saves[start : start + 9])
            assert answer is not None
            assert all(isinstance(result.outcome, Saved) for result in answer.results)
    assert deaths >= POINTS // 2
    assert lab.query('SELECT count(*), count(DISTINCT "Code") FROM "Shop"') == [(len(saves), len(saves))]
    assert lab.query('SELECT count(*) FROM "Sync_Transaction"') == [(len(saves),)]
    positions = [p for (p,) in lab.query("SELECT feed_position FROM _change WHERE feed_position > 0 ORDER BY 1")]
    assert positions == list(range(1, len(saves) + 1))
