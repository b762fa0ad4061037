"""Twenty people sell in the same two regions at the same time: nobody is told of a deadlock, and the sums are exact.

`FIELDSYNC_CONTENTION_SAVES=1000` lets each of them save more; the rate is printed with `pytest -s`.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from threading import Barrier

from tests.scenarios.replay.running import Shops
from tests.scenarios.replay.script import drain
from tests.scenarios.replay.shops import add_people, add_rows
from tests.scenarios.replay.wires import Wire

from fieldsync.base.ids import RecordId
from fieldsync.device import Device

PEOPLE = 20
SAVES = int(os.environ.get("FIELDSYNC_CONTENTION_SAVES", "60"))
"""First sales of each person; half of them are changed and a sixth is deleted in the rounds after that."""


def test_two_masters_shared_by_twenty_people(shops: Shops) -> None:
    names = [f"seller{n}" for n in range(PEOPLE)]
    add_people(shops.uri, names)
    regions = add_rows(shops.uri, "Region", {"Name": "North"}, {"Name": "South"})
    wires = [Wire(shops.address) for _ in names]
    devices = [shops.device(name, "ipad", wire) for name, wire in zip(names, wires, strict=True)]
    sales = [sell(device, regions, place) for place, device in enumerate(devices)]
    seconds = upload_at_once(devices)
    for device, mine in zip(devices, sales, strict=True):
        change(device, mine[::2])
        delete(device, mine[::6])
    seconds += upload_at_once(devices)
    saves = sum(len(shops.journal(device)) for device in devices)
    sys.stdout.write(f"\n{saves} saves of {PEOPLE} devices under 2 masters: {saves / seconds:.0f} saves/s\n")
    assert [wire.refused for wire in wires] == [[]] * PEOPLE
    assert [device.errors() for device in devices] == [[]] * PEOPLE
    assert all(status == "Success" for device in devices for _, status in shops.journal(device))
    sums_are_exact(shops, regions)


def sell(device: Device, regions: Sequence[RecordId], place: int) -> list[RecordId]:
    """One save for each sale, half of them in each region, in another order on every other device."""
    device.go_offline()
    chosen = regions if place % 2 else regions[::-1]
    with device.edit() as edit:
        values = [{"Name": f"{n}", "RegionId": chosen[n % 2], "Amount": Decimal(n) / 4} for n in range(SAVES)]
        return [edit.create("Sale", one) for one in values]


def change(device: Device, sales: Sequence[RecordId]) -> None:
    with device.edit() as edit:
        for number, sale in enumerate(sales):
            edit.update("Sale", sale, {"Amount": Decimal(number) + Decimal("0.01")})


def delete(device: Device, sales: Sequence[RecordId]) -> None:
    for sale in sales:
        with device.edit() as edit:
            edit.delete("Sale", sale)


def upload_at_once(devices: Sequence[Device]) -> float:
    """Everybody sends everything. Returns the seconds until the last has every outcome stored."""
    ready = Barrier(len(devices) + 1)

    def send(device: Device) -> None:
        ready.wait()
        drain(device)
        device.go_offline()

    with ThreadPoolExecutor(len(devices)) as threads:
        sent = [threads.submit(send, device) for device in devices]
        ready.wait()
        began = time.perf_counter()
        for one in sent:
            one.result()
        return time.perf_counter() - began


def sums_are_exact(shops: Shops, regions: Sequence[RecordId]) -> None:
    """Count and sum of each region, as they are stored, and counted anew."""
    stored = shops.rows("Region")
    left = [sale for sale in shops.rows("Sale").values() if sale["RegionId"] in regions]
    assert len(left) == PEOPLE * (SAVES - len(range(0, SAVES, 6)))
    for region in regions:
        amounts = [Decimal(str(sale["Amount"])) for sale in left if sale["RegionId"] == region]
        assert stored[region]["Sales"] == len(amounts)
        assert Decimal(str(stored[region]["Turnover"])) == sum(amounts)
