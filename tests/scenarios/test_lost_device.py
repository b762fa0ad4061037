"""A device is lost, or its person is stuck: an admin asks for its queue, or has it emptied, and sees it was done.

Real server, real devices, over HTTP (FEATURES M05, G12; THREATS T2, T4).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import httpx
import pytest
from sqlalchemy import select
from tests.conftest import Databases
from tests.scenarios.stage import PASSWORD, Stage, catch_up, org_with_two

from fieldsync.base.problems import Code, Refused
from fieldsync.device import Device
from fieldsync.device.keys import destroy
from fieldsync.device.membership import ask_rescue
from fieldsync.device.transport import HttpTransport, Reply, Unreachable
from fieldsync.protocol.session import AskRescue
from fieldsync.server.org.create import seeding_org

PACK = """
name: lost
label: Lost
objects:
  - name: Clinic
    label: Clinic
    prefix: s00
    fields: [{name: City, type: text}]
    validation_rules: [{name: A_City, condition: 'AND(City = "nowhere", OR(ISNEW(), TRUE))', message: Say where.}]
profiles:
  - {name: Rep, label: Rep, objects: {'*': [read, create, edit, delete]}}
"""
TOKEN = re.compile(r'name="page_token" value="([^"]+)"')


@pytest.fixture(scope="module")
def stage(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    name = databases.create()
    with org_with_two(databases.uri(name), tmp_path_factory.mktemp("lost"), PACK) as (stage, *_):
        yield stage
    databases.drop(name)


class Console:
    """The admin's browser on the page of one device."""

    def __init__(self, browser: httpx.Client, stage: Stage, device: str) -> None:
        self._browser = browser
        [self.id] = [i for i, row in stage.rows("Device").items() if row["Name"] == device]

    def page(self) -> str:
        return self._browser.get(f"/devices/{self.id}").text

    def ask(self, act: str, **more: str) -> int:
        [token, *_] = TOKEN.findall(self.page())
        return self._browser.post(
            f"/devices/{self.id}/{act}", data={"page_token": token, "on": "true", **more}
        ).status_code

    def handed(self) -> list[dict[str, object]]:
        lines = self._browser.get(f"/devices/{self.id}/handed").text.splitlines()
        return [entry for line in lines for entry in json.loads(line)["entries"]]


@contextmanager
def console(stage: Stage, device: str) -> Iterator[Console]:
    with httpx.Client(base_url=f"{stage.address}/console", headers={"origin": stage.address}) as browser:
        given = {"org": stage.org, "username": "admin@lost.example", "password": PASSWORD}
        assert browser.post("/enter", data=given).status_code == 303
        yield Console(browser, stage, device)


def save(device: Device, city: str) -> None:
    with device.edit() as edit:
        edit.create("Clinic", {"Name": city, "City": city})


def test_a_person_sends_a_diagnostic_file_and_the_newest_is_kept_and_counted(stage: Stage) -> None:
    sarahs = stage.device("sarah@lost.example", "puzzling", started=False)
    save(sarahs, "nowhere")
    catch_up(sarahs)
    sarahs.go_offline()
    with pytest.raises(Refused) as refused:
        sarahs.diagnostics.send()
    assert refused.value.problem.code is Code.OFFLINE
    sarahs.go_online()
    sarahs.diagnostics.send()
    with console(stage, "puzzling") as page:
        assert "Its person sent 1 diagnostic file, the last one" in page.page()
        assert [entry["state"] for entry in page.handed()] == ["failed"]
        sarahs.undo(sarahs.errors()[0].n)
        sarahs.diagnostics.send()
        assert "Its person sent 2 diagnostic files" in page.page()
        assert page.handed() == [], "the newest takes the place of those before"


def test_a_queue_is_asked_for_handed_over_and_stays_where_it_is(stage: Stage) -> None:
    sarahs = stage.device("sarah@lost.example", "stuck", started=False)
    save(sarahs, "nowhere")
    catch_up(sarahs)
    assert len(sarahs.errors()) == 1
    with console(stage, "stuck") as page:
        assert page.ask("queue") == 303
        assert "not delivered yet" in page.page()
        sarahs.wake()
        catch_up(sarahs)
        assert "✓ Handed over" in page.page()
        [entry] = page.handed()
    assert (entry["state"], entry["items"][0]["changes"]["City"]) == ("failed", [None, "nowhere"])  # type: ignore[index]
    assert len(sarahs.errors()) == 1, "nothing was taken from the person"


def test_a_wiped_device_sends_first_what_waits_then_nothing_is_left_of_it(stage: Stage) -> None:
    ipad = stage.device("sarah@lost.example", "ipad", started=False)
    ipad.go_offline()
    for city in ("Leeds", "nowhere", "York"):
        save(ipad, city)
    folder = stage.folder / "ipad"
    with console(stage, "ipad") as page:
        assert page.ask("wipe", name="somebody else", first="true") == 200, "it is not the person's name"
        assert page.ask("wipe", name="sarah@lost.example", first="true") == 303
        ipad.go_online()
        catch_up(ipad)
        assert "✓ Wiped" in page.page()
        assert "Out of service." in page.page()
        assert [entry["state"] for entry in page.handed()] == ["failed"], "what the server refused was handed over"
    assert {row["City"] for row in stage.rows("Clinic").values()} >= {"Leeds", "York"}
    assert [path.name for path in folder.iterdir()] == ["store.lock"]
    for use in (ipad.queue, ipad.sync, lambda: ipad.find("Clinic"), lambda: save(ipad, "Bath")):
        with pytest.raises(Refused) as refused:
            use()
        assert refused.value.problem.code is Code.DEVICE_WIPE


def test_one_that_is_not_to_send_first_loses_what_waits_and_sends_nothing(stage: Stage) -> None:
    phone = stage.device("tom@lost.example", "phone", started=False)
    phone.go_offline()
    save(phone, "Hull")
    with console(stage, "phone") as page:
        assert page.ask("wipe", name="tom@lost.example", first="false") == 303
        phone.go_online()
        with pytest.raises(Refused) as refused:
            phone.sync()
        assert refused.value.problem.code is Code.DEVICE_WIPE
        catch_up(phone)
        assert "✓ Wiped" in page.page()
        assert page.handed() == []
    assert "Hull" not in {row["City"] for row in stage.rows("Clinic").values()}


def test_a_device_whose_sessions_ended_hears_of_it_and_one_that_was_killed_on_the_way_ends_it(stage: Stage) -> None:
    laptop = stage.device("tom@lost.example", "laptop", started=False)
    laptop.membership.deposit(b"a way in for who has the password")
    with console(stage, "laptop") as page:
        assert page.ask("wipe", name="tom@lost.example", first="false") == 303
        assert _rescue_refused(stage, "laptop") is Code.DEVICE_WIPE, (
            "the server gives no way into what is to be emptied"
        )
        assert page.ask("service", on="false") == 303
        stopped = Killed(stage.address)
        laptop._calls.transport.close()
        laptop._calls.transport = stopped  # the process dies between emptying the folder and telling of it
        laptop.wake()
        catch_up(laptop)
        assert "not confirmed yet" in page.page()
        folder = stage.folder / "laptop"
        assert destroy.marked(folder) is not None
        Device.open(folder, bytes(32), world=stage.world, transport=HttpTransport(stage.address)).close()
        assert "✓ Wiped" in page.page()


def _rescue_refused(stage: Stage, device: str) -> Code | None:
    with seeding_org(stage.uri, stage.org, stage.world) as seeding:
        issued, known = seeding.metadata.tables["_device_number"], seeding.metadata.tables["Device"]
        asked = select(issued.c.number).join(known, known.c.Id == issued.c.device_id).where(known.c.Name == device)
        number = str(seeding.connection.execute(asked).scalar())
    try:
        ask_rescue(HttpTransport(stage.address), AskRescue(stage.org, "tom@lost.example", PASSWORD, number))
    except Refused as refused:
        return refused.problem.code
    return None


class Killed(HttpTransport):
    """A way to the server that ends once the device is empty."""

    def request(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Reply:
        if path.endswith("/wiped"):
            raise Unreachable("the process was killed")
        return super().request(method, path, body, headers)


def test_who_is_nobody_is_told_of_nothing(stage: Stage) -> None:
    asked = {"org": stage.org, "key": "k" * 60}
    assert httpx.post(f"{stage.address}/sync/v1/device/orders", json=asked).json() == {}
    over = {**asked, "asked": "wipe x", "last": True, "entries": []}
    assert httpx.post(f"{stage.address}/sync/v1/device/queue", json=over).json() == {"kept": 0}
    assert httpx.post(f"{stage.address}/sync/v1/device/wiped", json={**asked, "asked": "wipe x"}).status_code == 200
