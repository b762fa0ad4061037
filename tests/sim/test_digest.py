"""The digest on real parts: devices and server agree after any history; what was tampered with comes right again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fieldsync.base import limits
from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Refused
from fieldsync.device import SyncReport
from fieldsync.device.sync import run
from fieldsync.device.sync.digest.agreement import read_agreement
from fieldsync.device.transport import Unreachable
from fieldsync.sim.actions import syncing
from fieldsync.sim.actions.table import burst, drawn
from fieldsync.sim.device import SimDevice
from fieldsync.sim.ground import Databases
from fieldsync.sim.laws import agreed_digest, convergence
from fieldsync.sim.run import settle
from fieldsync.sim.world import SimWorld


@pytest.fixture
def world(grounds: Databases, tmp_path: Path) -> Iterator[SimWorld]:
    """Two devices after a history with faults; all is well now, what was refused is taken back, and every device has
    synced."""
    made = SimWorld(grounds, tmp_path, seed=5, device_count=2)
    made.faults.begin()
    for _ in range(30):
        drawn(made, HISTORY)(made, made.devices[made.chance.below(2)])
    made.faults.heal()
    assert list(settle(made)) == []
    for device in made.devices:
        while device.engine.errors():
            syncing.undo(made, device)
    assert list(settle(made)) == []
    yield made
    made.close()


HISTORY = ((3, burst), (6, syncing.network), (1, syncing.sync), (1, syncing.way), (2, syncing.wait))


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


AWAY_SECONDS = (limits.CHANGE_LOG_DAYS + 2) * 86_400


@pytest.fixture
def away(world: SimWorld, monkeypatch: pytest.MonkeyPatch) -> tuple[SimDevice, str, str, str]:
    """Sarah comes back when the log of her time away is gone: her device, an account that was changed, one that was
    deleted, and one with an edit of hers that she could not send. Her org lets devices be away for ever."""
    sarah = world.devices[0]
    changed, gone, edited = ids(sarah, "Account")[:3]
    with sarah.engine.edit() as edit:
        edit.update("Account", RecordId(edited), {"Description": "hers"})
    world.clock.advance(AWAY_SECONDS)
    world.query(f"""UPDATE org_sim."Account" SET "Phone" = '+43 1', _stamp = _stamp + 1 WHERE "Id" = '{changed}'
        RETURNING 1""")
    world.query(f"""UPDATE org_sim."Account" SET "IsDeleted" = true, _stamp = _stamp + 1 WHERE "Id" = '{gone}'
        RETURNING 1""")
    world.query("DELETE FROM org_sim._change WHERE kind = 'updated' RETURNING 1")
    monkeypatch.setattr(limits, "OFFLINE_DAYS", 0)
    sarah.sign_in()
    return sarah, changed, gone, edited


def is_right(sarah: SimDevice, changed: str, gone: str, edited: str) -> bool:
    record, mine = (sarah.engine.get("Account", RecordId(one)) for one in (changed, edited))
    assert record is not None
    assert mine is not None
    values = record.values["Phone"], mine.values["Description"], sarah.engine.get("Account", RecordId(gone))
    return values == ("+43 1", "hers", None)


def test_who_was_away_for_longer_than_the_log_is_compared_and_gets_what_differs(
    away: tuple[SimDevice, str, str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    sarah, *accounts = away
    asked = requests(sarah, monkeypatch)
    report: SyncReport = sarah.engine.sync()
    assert asked == ["/sync/v1/download", "/sync/v1/digest"]
    assert (report.verified, report.rows_repaired) == (True, 3), "with the address of the one that was deleted"
    assert is_right(sarah, *accounts)
    assert sarah.engine.sync().rows_received == 0


def test_who_is_killed_before_the_comparison_makes_it_with_the_next_sync(
    away: tuple[SimDevice, str, str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    sarah, *accounts = away

    def killed(*_: object) -> None:
        raise Unreachable("killed here")

    with monkeypatch.context() as patched:
        patched.setattr(run, "verify", killed)
        with pytest.raises(Refused):
            sarah.engine.sync()
    with sarah.engine._store.read() as work:
        assert read_agreement(work) is None, "nothing is proved, and nothing says so (law L12)"
    sarah.reopen()
    assert sarah.engine.sync().verified
    assert is_right(sarah, *accounts)


def test_what_a_comparison_cannot_mend_is_refreshed(
    away: tuple[SimDevice, str, str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    sarah, *accounts = away
    monkeypatch.setattr(limits, "DIGEST_ROWS_MAX", 0)
    asked = requests(sarah, monkeypatch)
    assert sarah.engine.sync().verified
    assert "/sync/v1/refresh" in asked
    assert is_right(sarah, *accounts)
