"""The server is restored from yesterday's backup. What devices had saved since, and were told was safe, comes back from
them, in the order in which it was saved; what does not fit any more is an admin's to look at (DESIGN 5)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import psycopg
import pytest
from psycopg import sql
from tests.scenarios.shops import change, shops_pack
from tests.scenarios.stage import PASSWORD, Stage, org_with_two, wait_for
from tests.scenarios.test_old_image import Ipad

from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Code, Refused
from fieldsync.device import Device
from fieldsync.server.org.create import seeding_org
from fieldsync.server.org.seed import insert_rows

PACK = shops_pack("restored")


class Backups:
    """What the operator does: a copy of the database, and the copy in its place."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._name = psycopg.conninfo.conninfo_to_dict(stage.uri)["dbname"]
        self._admin = stage.uri.replace(f"/{self._name}?", "/postgres?", 1)

    def take(self) -> None:
        self._stage.stop_server()
        self._copy(str(self._name), f"{self._name}_backup")
        self._stage.start_server()

    def restore(self) -> None:
        self._stage.stop_server()
        self._copy(f"{self._name}_backup", str(self._name))
        self._stage.start_server()

    def drop(self) -> None:
        self._run("DROP DATABASE IF EXISTS {} WITH (FORCE)", f"{self._name}_backup")

    def _copy(self, source: str, target: str) -> None:
        self._run("DROP DATABASE IF EXISTS {} WITH (FORCE)", target)
        self._run("CREATE DATABASE {} TEMPLATE {}", target, source)

    def _run(self, statement: str, *names: str) -> None:
        with psycopg.connect(self._admin, autocommit=True) as connection:
            connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


class Org:
    """Sarah, Tom, the shop they both visit, and the operator."""

    def __init__(self, stage: Stage, sarah: str, tom: str) -> None:
        self.stage, self.sarah, self.tom = stage, sarah, tom
        self.backups = Backups(stage)
        with seeding_org(stage.uri, stage.org, stage.world) as seeding:
            [shop] = insert_rows(seeding, "Shop", [{"Name": "Corner", "City": "Oslo"}])
        self.shop = RecordId(shop)

    def shops(self, count: int) -> list[RecordId]:
        """So many more, in the same city."""
        rows = [{"Name": f"{number}", "City": "Oslo"} for number in range(count)]
        with seeding_org(self.stage.uri, self.stage.org, self.stage.world) as seeding:
            return [RecordId(shop) for shop in insert_rows(seeding, "Shop", rows)]

    def start_anew(self) -> None:
        """PostgreSQL's process ends and begins again, as far as the servers can tell."""
        self.run("UPDATE _epoch SET cluster = regexp_replace(cluster, ' [^ ]*$', ' 1700000000.0')")
        self.stage.stop_server()
        self.stage.start_server()

    def gather(self, minutes: int) -> None:
        """So long after a restore saves that are offered again only gather."""
        with seeding_org(self.stage.uri, self.stage.org, self.stage.world) as seeding:
            setting = {"Name": "w", "Setting": "Recovery_Window_Minutes", "Value": str(minutes)}
            insert_rows(seeding, "Sync_Setting", [setting])

    def end_of_window(self) -> None:
        """The hour is over: the epoch began long ago."""
        self.run("UPDATE _epoch SET begun_at = begun_at - interval '2 hours'")

    def apply_now(self) -> None:
        """The job that was put off to the end of the window is due."""
        self.run("UPDATE _undecided SET due_at = now() WHERE offered IS NOT NULL")
        self.run("UPDATE fieldsync_jobs.procrastinate_jobs SET scheduled_at = now() WHERE status = 'todo'")

    def recovery(self) -> dict[str, str]:
        """What was offered again: how each transaction stands."""
        rows = self.stage.rows("Sync_Transaction")
        return {i: row["Status"] for i, row in rows.items() if row["Offered_Again"] is not None}

    def recovery_page(self) -> str:
        """The console's page, as an admin sees it."""
        with httpx.Client(base_url=f"{self.stage.address}/console", headers={"origin": self.stage.address}) as browser:
            admin = {"org": self.stage.org, "username": f"admin@{self.stage.org}.example", "password": PASSWORD}
            assert browser.post("/enter", data=admin).status_code == 303
            return browser.get("/recovery").raise_for_status().text

    def run(self, statement: str) -> None:
        with psycopg.connect(self.stage.uri, autocommit=True) as connection:
            connection.execute(sql.SQL("SET search_path TO {}").format(sql.Identifier(f"org_{self.stage.org}")))
            connection.execute(statement.encode())


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
