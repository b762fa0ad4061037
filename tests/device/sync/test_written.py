"""What a sync says it made, changed and removed here is the difference of the database before and after (I06)."""

from __future__ import annotations

import random
from typing import Any

import pytest
from tests.device.lab import Lab

from fieldsync.device import SyncReport
from fieldsync.device.sync import download
from fieldsync.protocol.rows import Gone

SHOPS, ROUNDS = 9, 12

Held = dict[str, tuple[Any, ...]]


def held(lab: Lab) -> Held:
    with lab.device._store.read() as work:
        return {row[0]: row for row in work.rows("SELECT Id, _stamp, Name, City FROM Shop")}


def told(report: SyncReport) -> tuple[int, int, int]:
    return report.rows_created, report.rows_updated, report.rows_removed


def difference(before: Held, after: Held) -> tuple[int, int, int]:
    both = before.keys() & after.keys()
    changed = sum(before[one] != after[one] for one in both)
    return len(after.keys() - before.keys()), changed, len(before.keys() - after.keys())


def news(lab: Lab, chance: random.Random) -> tuple[list[dict[str, object]], tuple[Gone, ...]]:
    """Rows of versions that are older, the same or newer than what is held, and removals of what may be here."""
    stamps = {row[0]: row[1] for row in held(lab).values()}
    rows, gone = list[dict[str, object]](), list[Gone]()
    for n in chance.sample(range(1, SHOPS + 1), chance.randint(1, SHOPS)):
        shop = lab.server_id("Shop", n)
        stamp = max(1, stamps.get(shop, 5) + chance.choice((-1, 0, 1, 2)))
        if chance.random() < 0.3:
            gone.append(Gone("Shop", shop, stamp))
        else:
            rows.append({"Id": shop, "_stamp": stamp, "Name": f"S{n:03}", "City": f"as of {stamp}"})
    return rows, tuple(gone)


@pytest.mark.parametrize("way", ["at once", "staged", "applied"])
def test_what_a_sync_says_it_changed_is_what_differs(lab: Lab, monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    if way == "staged":
        monkeypatch.setattr(download, "FEW_BYTES", 0)
    chance, seen = random.Random(way), [0, 0, 0]
    first = [{"Id": lab.server_id("Shop", n), "_stamp": 5, "Name": f"S{n:03}", "City": "as of 5"} for n in (1, 2, 3, 4)]
    lab.download(lab.block("Shop", *first))
    assert told(lab.device.syncs()[0]) == (4, 0, 0), "a database refresh makes every row"
    lab.device.view("Shop", lab.server_id("Shop", 2))
    for _ in range(ROUNDS):
        rows, gone = news(lab, chance)
        before = held(lab)
        block = (lab.block("Shop", *rows),) if rows else ()
        if way == "applied":
            lab.script.then("download", lab.lines(*block, gone=gone))
            lab.device.updates.prepare()
            assert told(lab.device.syncs()[0]) == (0, 0, 0), "nothing yet"
            lab.device.updates.apply()
        else:
            lab.download(*block, gone=gone, full=False)
        report = lab.device.syncs()[0]
        assert told(report) == difference(before, held(lab))
        assert report.rows_received == len(rows)
        seen = [one + more for one, more in zip(seen, told(report), strict=True)]
    assert all(seen), "each of them happened"
