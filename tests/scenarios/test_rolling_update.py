"""Two servers side by side, one of which has not taken up the data model that was deployed: it says to come again, and
refuses nothing for good that the other would take; the device goes from one to the other and loses nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import psycopg
import pytest
from tests.scenarios.shops import shops_pack
from tests.scenarios.stage import Stage, org_with_two, wait_for
from tests.server.http.running import running_server

from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Code, Refused
from fieldsync.base.world import SeededChance, World
from fieldsync.device import Device
from fieldsync.device.transport import HttpTransport
from fieldsync.schema.catalog import build
from fieldsync.schema.load import load_packs, parse_pack
from fieldsync.server.org.create import deploy_catalog

PACK = shops_pack("rolling")
LATER = PACK.replace("{name: Phone, type: phone, label: Phone}", "{name: Fax, type: phone, label: Fax}")
LISTENS = "SELECT pid FROM pg_stat_activity WHERE usename = 'second' AND application_name = 'fieldsync listener'"


@contextmanager
def hears_nothing(uri: str) -> Iterator[None]:
    """The second server goes on with the connections it has, and gets no other one: it is told of no deploy."""
    with psycopg.connect(uri, autocommit=True) as admin:
        wait_for(lambda: admin.execute(LISTENS).fetchone())
        admin.execute("ALTER ROLE second NOLOGIN")
        admin.execute(f"SELECT pg_terminate_backend(pid) FROM ({LISTENS}) l".encode())
        try:
            yield
        finally:
            admin.execute("ALTER ROLE second LOGIN")


@contextmanager
def another_server(uri: str) -> Iterator[str]:
    """Its address. It comes to PostgreSQL as somebody of its own."""
    with psycopg.connect(uri, autocommit=True) as admin:
        admin.execute("CREATE ROLE second SUPERUSER LOGIN")
        with running_server(uri.replace("postgres@", "second@", 1)) as (address, _):
            yield address
        admin.execute("DROP ROLE second")


class Ipad:
    """Sarah's, which may turn to another server."""

    def __init__(self, stage: Stage, username: str) -> None:
        self._stage, self._turns = stage, 0
        self._folder, self._key = stage.folder / "ipad", bytes(range(32))
        self.device = self._opened(stage.address)
        stage.sign_in(self.device, username, "ipad")
        self.device.sync()

    def _opened(self, address: str) -> Device:
        self._turns += 1
        world = World(self._stage.world.clock, SeededChance(f"ipad {self._turns}"))
        return Device.open(self._folder, self._key, world=world, transport=HttpTransport(address))

    def close(self) -> None:
        self.device.close()

    def turn_to(self, address: str) -> None:
        self.close()
        self.device = self._opened(address)

    def change(self, shop: RecordId, **values: str) -> None:
        with self.device.edit() as edit:
            edit.update("Shop", shop, values)


def test_a_server_that_has_not_taken_up_a_deploy_takes_nothing_wrongly(database: str, tmp_path: Path) -> None:
    with org_with_two(database, tmp_path, PACK) as (stage, sarah, tom), ExitStack() as places:
        second = places.enter_context(another_server(database))
        late = stage.device(tom, "pc", at=second, started=False)
        ipad = places.enter_context(closing(Ipad(stage, sarah)))
        with ipad.device.edit() as edit:
            shop = edit.create("Shop", {"Name": "Corner", "City": "Oslo", "Phone": "1"})
        assert ipad.device.sync().successful
        with hears_nothing(database):
            model = build([*load_packs(("platform",)), parse_pack(LATER, "rolling")])
            deploy_catalog(database, stage.org, model, world=stage.world, dry_run=False, allow_drop=True)
            wait_for(lambda: synced(ipad.device) and "Fax" in shown(ipad.device, shop))
            ipad.change(shop, Fax="123")
            ipad.turn_to(second)
            with late.edit() as edit:
                edit.create("Shop", {"Name": "Late", "City": "Bonn"})
            for device in (ipad.device, late):
                with pytest.raises(Refused) as refused:
                    device.sync()
                assert refused.value.problem.code is Code.BUSY
                assert len(device.queue()) == 1, "it waits, and is refused by nobody"
        for device in (ipad.device, late):
            wait_for(lambda device=device: synced(device))  # type: ignore[misc]
            assert device.queue() == device.errors() == []
        assert stage.rows("Shop")[shop]["Fax"] == "123"
        assert sorted(row["Name"] for row in stage.rows("Shop").values()) == ["Corner", "Late"]


def shown(device: Device, shop: RecordId) -> dict[str, object]:
    found = device.get("Shop", shop)
    assert found is not None
    return dict(found.values)


def synced(device: Device) -> bool:
    """Whether it could sync now: a server says to come again until it has taken up the model."""
    try:
        return device.sync().successful
    except Refused as refused:
        if refused.problem.code is not Code.BUSY:
            raise
        return False
