"""The digest on real parts: devices and server agree after any history; what was tampered with comes right again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.conftest import Databases

from fieldsync.base.ids import RecordId
from fieldsync.device import SyncReport
from fieldsync.sim import actions
from fieldsync.sim.laws import agreed_digest, convergence
from fieldsync.sim.run import settle
from fieldsync.sim.world import SimDevice, SimWorld


@pytest.fixture
def world(databases: Databases, tmp_path: Path) -> Iterator[SimWorld]:
    """Two devices after a history with faults; all is well now, and every device has synced."""
    name = databases.create()
    made = SimWorld(databases.uri(name), tmp_path, seed=5, device_count=2)
    for _ in range(40):
        actions.choose(made)(made, made.devices[made.chance.below(2)])
    made.faults.heal()
    assert list(settle(made)) == []
    yield made
    made.close()
    databases.drop(name)


def tamper(device: SimDevice, sql: str, *values: object) -> None:
    with device.engine._store.write() as work:
        work.run(sql, *values)


def requests(device: SimDevice, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Where the device asks from here on."""
    asked: list[str] = []
    stream = device.transport.stream

    def listen(path: str, headers: dict[str, str], body: bytes | None = None) -> Iterator[bytes]:
        asked.append(path.partition("?")[0])
        return stream(path, headers, body)

    monkeypatch.setattr(device.transport, "stream", listen)
    return asked


def ids(device: SimDevice, object_name: str) -> list[str]:
    return [record.id for record in device.engine.find(object_name, order_by="Id", limit=10_000)]


def test_a_device_that_was_tampered_with_comes_right_again(world: SimWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    assert list(agreed_digest.check(world)) == []
    sarah = world.devices[0]
    stale, newer, lost, edited = ids(sarah, "Account")[:4]
    [(hidden,)] = world.query('SELECT "Id" FROM org_sim."Sync_Rule" LIMIT 1')
    nowhere = hidden[:8] + "zzzzzzz" + hidden[15:]
    with sarah.engine.edit() as edit:
        edit.update("Account", RecordId(edited), {"Description": "hers"})
    tamper(sarah, 'UPDATE "Account" SET _stamp = 1, Name = ? WHERE Id = ?', "wrong", stale)
    tamper(sarah, 'UPDATE "Account" SET _stamp = 1 << 60, Name = ? WHERE Id = ?', "wrong", newer)
    tamper(sarah, 'DELETE FROM "Account" WHERE Id = ?', lost)
    for extra in (hidden, nowhere):
        tamper(sarah, 'INSERT INTO "Sync_Rule" (Id, Name, _stamp) VALUES (?, ?, 7)', extra, "not hers")
    asked = requests(sarah, monkeypatch)
    report: SyncReport = sarah.engine.verify()
    assert asked == ["/sync/v1/download", "/sync/v1/digest"]
    assert (report.verified, report.rows_repaired) == (True, 5)
    world.devices[1].engine.sync()
    assert list(convergence.check(world)) == []
    assert ids(sarah, "Sync_Rule") == []
    again = sarah.engine.verify()
    assert (again.verified, again.rows_repaired) == (True, 0)
