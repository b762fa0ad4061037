"""One bad save among a thousand made offline stops nobody but those that build on it (laws L1, L7)."""

from __future__ import annotations

from tests.scenarios.replay.running import Shops
from tests.scenarios.replay.script import drain
from tests.scenarios.replay.shops import REFUSED_CITY

from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Code
from fieldsync.device import Device, Mark, State

SAVES, BAD = 1_000, 400
"""The bad one is in the middle of a request, and its last dependent is in another request than itself."""


def test_one_poisoned_save_among_a_thousand_holds_back_its_three_dependents_only(shops: Shops) -> None:
    day, _ = shops.day(0)
    device = day.device
    device.go_offline()
    bad, dependents = work_offline(device, day.ids["Shop 0"])
    assert len(device.queue()) == SAVES
    drain(device)
    first, *waiting = device.errors()
    assert (first.n, first.state, [p.code for p in first.problems]) == (BAD, State.FAILED, [Code.VALIDATION])
    assert [(e.n, e.state) for e in waiting] == [(n, State.HELD) for n in dependents]
    assert all(entry.waiting_for for entry in waiting)
    arrived = shops.journal(device)
    assert [n for n, status in arrived if status == "Success"] == sorted({*range(1, SAVES + 1)} - {BAD, *dependents})
    with device.edit() as edit:
        edit.update("Shop", bad, {"City": "Linz"})
    device.resend(BAD)
    drain(device)
    assert (device.queue(), device.errors()) == ([], [])
    everything_arrived(shops, device, bad)


def work_offline(device: Device, shop: RecordId) -> tuple[RecordId, list[int]]:
    """A thousand saves. The bad one makes a shop; two visits there and another edit of it build on it."""
    dependents = {BAD + 1, BAD + 200, SAVES - 1}
    bad, numbers = shop, []
    for n in range(1, SAVES + 1):
        with device.edit() as edit:
            if n == BAD:
                bad = edit.create("Shop", {"Name": "The bad one", "City": REFUSED_CITY})
            elif n in dependents:
                edit.create("Visit", {"ShopId": bad, "Notes": f"visit {n}"})
            else:
                edit.create("Shop", {"Name": f"Shop {n}", "City": "Wels"})
        assert edit.queue_numbers == (n,)
        numbers += [n] if n in dependents else []
    return bad, numbers


def everything_arrived(shops: Shops, device: Device, bad: RecordId) -> None:
    """The corrected shop first, then its visits, all as the device shows them, and nothing of it is left to decide."""
    device.sync()
    rows = shops.rows("Shop")
    assert rows[bad]["City"] == "Linz"
    assert sum(row["City"] == "Wels" for row in rows.values()) == SAVES - 4
    visits = [row for row in shops.rows("Visit").values() if row["ShopId"] == bad]
    assert sorted(row["Notes"] for row in visits) == [f"visit {n}" for n in (BAD + 1, BAD + 200, SAVES - 1)]
    assert {device.mark("Shop", bad), *(device.mark("Visit", row["Id"]) for row in visits)} == {Mark.CLEAN}
    order = [n for n, status in shops.journal(device) if status == "Success"]
    assert order == sorted(order)
