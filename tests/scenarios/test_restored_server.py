"""The server is restored from yesterday's backup. What devices had saved since, and were told was safe, comes back from
them, in the order in which it was saved; what does not fit any more is an admin's to look at (DESIGN 5)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.scenarios.backups import Org
from tests.scenarios.shops import change, shops_pack
from tests.scenarios.stage import org_with_two, wait_for
from tests.scenarios.test_old_image import Ipad

from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Code, Refused
from fieldsync.device import Device
from fieldsync.server.org.create import seeding_org
from fieldsync.server.org.seed import insert_rows

PACK = shops_pack("restored")


def here(device: Device, shop: RecordId) -> object:
    """The city as the person sees it."""
    found = device.get("Shop", shop)
    assert found is not None
    return found.values["City"]


@pytest.fixture
def org(database: str, tmp_path: Path) -> Iterator[Org]:
    with org_with_two(database, tmp_path, PACK) as (stage, sarah, tom):
        made = Org(stage, sarah, tom)
        yield made
        stage.stop_server()
        made.backups.drop()


def test_what_was_acknowledged_after_the_backup_comes_back_from_the_device(org: Org) -> None:
    org.gather(0)
    ipad = org.stage.device(org.sarah, "ipad", started=False)
    org.backups.take()
    change(ipad, org.shop, City="Bergen")
    with ipad.edit() as edit:
        visit = edit.create("Visit", {"Name": "V", "ShopId": org.shop})
    assert ipad.sync().successful
    org.backups.restore()
    assert org.stage.rows("Shop")[org.shop]["City"] == "Oslo", "yesterday"
    assert org.stage.rows("Visit") == {}
    report = ipad.sync()
    assert report.successful
    assert (report.uploads, report.upload_errors) == (2, 0)
    wait_for(lambda: org.stage.rows("Shop")[org.shop]["City"] == "Bergen" and visit in org.stage.rows("Visit"))
    assert ipad.sync().successful
    assert ipad.queue() == ipad.errors() == []
    found = ipad.get("Visit", visit)
    assert found is not None
    assert found.values["ShopId"] == org.shop


def test_saves_of_two_devices_come_back_in_the_order_in_which_they_were_acknowledged(org: Org) -> None:
    ipad, laptop = org.stage.device(org.sarah, "ipad", started=False), org.stage.device(org.tom, "pc", started=False)
    org.backups.take()
    change(ipad, org.shop, City="Bergen")
    assert laptop.sync().successful
    change(laptop, org.shop, City="Narvik")
    org.backups.restore()
    assert laptop.sync().successful, "the last one is the first to come back"
    [waiting] = laptop.queue()
    assert waiting.state == "accepted"
    assert here(laptop, org.shop) == "Narvik", "what he was told is saved stays before his eyes"
    assert ipad.sync().successful
    assert org.stage.rows("Shop")[org.shop]["City"] == "Oslo", "they only gather"
    org.end_of_window()
    with ipad.edit() as edit:
        edit.create("Visit", {"Name": "Later", "ShopId": org.shop})
    assert ipad.sync().successful
    org.apply_now()
    wait_for(lambda: org.stage.rows("Shop")[org.shop]["City"] == "Narvik" and org.stage.rows("Visit"))
    for device in (ipad, laptop):
        assert device.sync().successful
        assert device.queue() == device.errors() == []
        assert here(device, org.shop) == "Narvik"


def test_what_does_not_fit_any_more_is_for_an_admin_and_asks_the_person_nothing(org: Org) -> None:
    org.gather(0)
    ipad = org.stage.device(org.sarah, "ipad", started=False)
    laptop = org.stage.device(org.tom, "pc", started=False)
    org.backups.take()
    change(ipad, org.shop, City="Bergen")
    change(ipad, org.shop, Phone="12")
    org.backups.restore()
    change(laptop, org.shop, City="Narvik")
    assert ipad.sync().successful
    wait_for(lambda: sorted(org.recovery().values()) == ["Failed", "Success"])
    assert ipad.sync().successful
    assert ipad.queue() == ipad.errors() == []
    assert ipad.notices() == []
    shop = org.stage.rows("Shop")[org.shop]
    assert (shop["City"], shop["Phone"]) == ("Narvik", "12")
    assert here(ipad, org.shop) == "Narvik"
    assert len(ipad.undone()) == 1, "a copy of it is kept on the device too"
    page = org.recovery_page()
    assert "1 save does not fit" in page
    assert page.index('class="status Failed"') < page.index('class="status Success"'), "what needs somebody comes first"
    assert "Every device has synced since" in page


def test_a_device_that_the_backup_knows_nothing_of_keeps_its_number_and_its_saves(org: Org) -> None:
    org.gather(0)
    org.backups.take()
    ipad = org.stage.device(org.sarah, "ipad", started=False)
    with ipad.edit() as edit:
        visit = edit.create("Visit", {"Name": "V", "ShopId": org.shop})
    assert ipad.sync().successful
    account = ipad.account
    org.backups.restore()
    with pytest.raises(Refused) as refused:
        ipad.sync()
    assert refused.value.problem.code is Code.AUTH, "its session is lost: Sarah signs in again"
    org.stage.sign_in(ipad, org.sarah, "ipad")
    assert ipad.account is not None
    assert account is not None
    assert ipad.account.device_number == account.device_number
    assert ipad.sync().successful
    wait_for(lambda: visit in org.stage.rows("Visit"))


def test_a_device_none_of_whose_numbers_the_backup_knows_gives_back_what_it_sent_under_each(org: Org) -> None:
    org.gather(0)
    org.backups.take()
    ipad = Ipad(org.stage, org.sarah)
    before = _visited(ipad, org.shop, "before the image")
    ipad.keep_image()
    _visited(ipad, org.shop, "lost to the image")
    ipad.put_back_image()
    behind = _visited(ipad, org.shop, "under another number")
    assert {before, behind} < set(org.stage.rows("Visit"))
    org.backups.restore()
    ipad.sign_in()
    ipad.device.sync()
    assert ipad.device.sync().successful
    wait_for(lambda: set(org.stage.rows("Visit")) == {before, behind})
    ipad.device.close()


def _visited(ipad: Ipad, shop: RecordId, name: str) -> RecordId:
    """A visit that is on the server, where it may have got another id."""
    with ipad.device.edit() as edit:
        edit.create("Visit", {"Name": name, "ShopId": shop})
    ipad.device.sync()
    ipad.device.sync()
    [visit] = ipad.device.find("Visit", where={"Name": name})
    return visit.id


def test_a_family_is_of_one_history_or_of_the_other(org: Org) -> None:
    """What the restored server answers of the tour is of its history; the stop is of the one that was lost."""
    org.gather(0)
    ipad, laptop = org.stage.device(org.sarah, "ipad", started=False), org.stage.device(org.tom, "pc", started=False)
    org.backups.take()
    with ipad.edit() as edit:
        tour = edit.create("Tour", {"Name": "T", "City": "Bergen"})
    assert ipad.sync().successful
    assert laptop.sync().successful
    with laptop.edit() as edit:
        edit.update("Tour", tour, {"City": "Narvik"})
        edit.create("Stop", {"Name": "S", "TourId": tour})
    assert laptop.sync().successful
    assert ipad.sync().successful
    assert _tour(ipad, tour) == ("Narvik", 1)
    org.backups.restore()
    with ipad.edit() as edit:
        edit.update("Shop", org.shop, {"Phone": "12"})
    ipad.sync("upload_only")
    wait_for(lambda: org.stage.rows("Tour").get(tour, {}).get("City") == "Bergen")
    wait_for(lambda: ipad.sync("upload_only").successful and ipad.queue() == [])
    assert _tour(ipad, tour) == ("Narvik", 1), "as it was, whole, until the iPad asks for what is there now"
    assert ipad.sync().successful
    assert _tour(ipad, tour) == ("Bergen", 0)
    assert laptop.sync().successful
    wait_for(lambda: org.stage.rows("Tour")[tour]["City"] == "Narvik")
    assert ipad.sync().successful
    assert _tour(ipad, tour) == ("Narvik", 1)


def _tour(device: Device, tour: RecordId) -> tuple[object, int]:
    """The city and how many stops, as the person sees them."""
    found = device.get("Tour", tour)
    assert found is not None
    return found.values["City"], len(device.find("Stop", where={"TourId": tour}))


def test_errors_that_the_server_forgot_are_decided_anew(org: Org) -> None:
    org.gather(0)
    with seeding_org(org.stage.uri, org.stage.org, org.stage.world) as seeding:
        insert_rows(seeding, "Shop", [{"Name": "Other", "Code": "A1"}])
    ipad = org.stage.device(org.sarah, "ipad", started=False)
    org.backups.take()
    with ipad.edit() as edit:
        edit.update("Shop", org.shop, {"Code": "A1"})
    assert ipad.sync().upload_errors == 1
    change_online = 'UPDATE "Shop" SET "Code" = NULL WHERE "Code" = \'A1\''
    org.backups.restore()
    org.run(change_online)
    assert ipad.sync().successful
    assert ipad.errors() == []
    assert org.stage.rows("Shop")[org.shop]["Code"] == "A1"


@pytest.mark.parametrize("starts", [0, 1])
def test_only_what_differs_travels_to_a_device_that_saw_what_was_lost(org: Org, starts: int) -> None:
    """Tom's laptop is lost with what it had saved. Also where PostgreSQL was started anew after the backup, so that
    nothing of the epoch is known in which Sarah's device synced last."""
    org.gather(0)
    changed, deleted, later, *_ = org.shops(300)
    org.run("UPDATE _change SET at = at - interval '1 hour'")  # the last minutes before a backup may not be in it
    ipad, laptop = org.stage.device(org.sarah, "ipad", started=False), org.stage.device(org.tom, "pc", started=False)
    org.backups.take()
    for _ in range(starts):
        org.start_anew()
    change(laptop, changed, City="Lost")
    with laptop.edit() as edit:
        edit.delete("Shop", deleted)
        lost = edit.create("Shop", {"Name": "Lost"})
    assert laptop.sync().successful
    assert ipad.sync().successful
    assert (here(ipad, changed), ipad.get("Shop", deleted)) == ("Lost", None)
    assert ipad.get("Shop", lost) is not None
    org.backups.restore()
    change(org.stage.device(org.tom, "phone", started=False), later, City="New")
    if starts:
        org.stage.sign_in(ipad, org.sarah, "ipad")  # its tokens were renewed since the backup
    report = ipad.sync()
    assert report.verified
    assert ipad.get("Shop", lost) is None
    assert [here(ipad, shop) for shop in (changed, deleted, later)] == ["Oslo", "Oslo", "New"]
    assert report.rows_received < 30, "of 300"
    assert ipad.sync().rows_received == 0
