"""After a fork the device takes a new number, and its never-confirmed creates new ids, references included."""

from __future__ import annotations

from tests.device.lab import Lab, items_of

from fieldsync.base.ids import DeviceNumber, device_of
from fieldsync.device import Unreachable
from fieldsync.protocol.session import NewNumber
from fieldsync.protocol.upload import UploadResponse

FRESH = DeviceNumber("00D02")


def forked(lab: Lab) -> None:
    with lab.device.edit() as edit:
        shop = edit.create("Shop", {"Name": "One"})
        visit = edit.create("Visit", {"ShopId": shop})
        edit.create("Visit_Line", {"VisitId": visit, "Product": "x"})
    lab.device.drafts.put(f"call/{visit}", {"ShopId": shop})
    lab.script.then("upload", UploadResponse((), fork_at=1))


def test_a_fork_gives_new_ids_and_sends_again(lab: Lab) -> None:
    confirmed = lab.server_id("Shop", 7)
    lab.download(lab.block("Shop", {"Id": confirmed, "_stamp": 5, "Name": "Old"}))
    with lab.device.edit() as edit:
        edit.create("Shop", {"Name": "kept"})
    lab.upload(lab.saved(Name="kept"))
    with lab.device.edit() as edit:
        edit.update("Shop", confirmed, {"City": "x"})
    forked(lab)
    lab.script.then("device/number", NewNumber(FRESH))
    lab.device.step()
    account = lab.device.account
    assert account is not None
    assert account.device_number == FRESH
    lab.upload(lab.saved())
    before, after = lab.script.uploads[-2], lab.script.uploads[-1]
    assert (after.device, [t.n for t in after.transactions]) == (FRESH, [t.n for t in before.transactions])
    assert {t.id for t in after.transactions}.isdisjoint(t.id for t in before.transactions)
    (_, (old,)), (_, (shop,)), (_, (visit, line)) = items_of(after)
    assert old.id == confirmed
    assert {device_of(i.id) for i in (shop, visit, line)} == {FRESH}
    assert visit.changes["ShopId"].new == shop.id
    assert line.changes["VisitId"].new == visit.id
    assert lab.device.queue() == []
    assert {r.id for r in lab.device.find("Shop", where={"Name": "One"})} == {shop.id}
    assert [r.values["VisitId"] for r in lab.device.find("Visit_Line")] == [visit.id]
    assert lab.device.drafts.get(f"call/{visit.id}") == {"ShopId": shop.id}
    assert {device_of(r.id) for r in lab.device.find("Shop", where={"Name": "kept"})} != {FRESH}


def test_nothing_changes_while_no_new_number_comes(lab: Lab) -> None:
    forked(lab)
    before = {r.id for r in lab.device.find("Shop")}
    lab.script.then("device/number", Unreachable("down"))
    lab.device.step()
    assert {r.id for r in lab.device.find("Shop")} == before
    assert len(lab.device.queue()) == 2
    lab.clock.advance(400)
    lab.script.then("upload", UploadResponse((), fork_at=1))
    lab.script.then("device/number", NewNumber(FRESH))
    lab.device.step()
    lab.upload(lab.saved())
    assert lab.device.queue() == []


def test_a_fork_behind_a_fork_does_not_ask_for_number_after_number(lab: Lab) -> None:
    forked(lab)
    lab.script.always["device/number"] = NewNumber(FRESH)
    lab.script.always["upload"] = UploadResponse((), fork_at=1)
    for _ in range(10):
        lab.device.step()
    assert [path for _, path, _ in lab.script.asked].count("/sync/v1/device/number") == 1
    assert len(lab.device.queue()) == 2
