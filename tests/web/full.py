"""A device that holds very much, its app and a browser on it, and a server that has as much: the stage of `bars`."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright
from tests.server.http.running import served_here
from tests.web.browsing import ARGUMENTS
from tests.web.screenshots import CHROMIUM

from fieldsync.base.world import system_world
from fieldsync.cli.demo.people import ORG, PASSWORD
from fieldsync.cli.demo.run import IPAD, free_port, open_device, place, sign_in
from fieldsync.device import Device
from fieldsync.device.keys import key_from_passphrase
from fieldsync.device.people import SERVER_FILE
from fieldsync.device.store.connect import connect
from fieldsync.server.bulk.load import Asked, load
from fieldsync.server.org.create import seeding_org
from fieldsync.server.org.seed import insert_rows
from fieldsync.sim.bench.setting import SERVER
from fieldsync.web.field.app import create_field_app
from fieldsync.web.field.door import Door

MONTHS, OWN = 20, 10
"""Months of sales; accounts the person has from the start."""


def fill(folder: Path, rows: int) -> None:
    """Bring the device's file to so many rows: its own calls, details and sales again and again, over two years."""
    key = key_from_passphrase(folder, PASSWORD, system_world().chance)
    name = next(p for p in folder.glob("*.db") if p.stat().st_size > 1_000_000)
    connection = connect(name, key)
    shares = (("Call", 0.3), ("Call_Detail", 0.45), ("Sales_Data", 0.25))
    with connection:
        for table, share in shares:
            columns = [row[1] for row in connection.execute(f'PRAGMA table_info("{table}")')]
            given = ", ".join(_given(column) for column in columns)
            names = ", ".join(f'"{column}"' for column in columns)
            connection.execute(
                f"WITH RECURSIVE many(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM many WHERE n < ?),"
                f' own AS MATERIALIZED (SELECT row_number() OVER () - 1 AS place, * FROM "{table}")'
                f' INSERT INTO "{table}" ({names}) SELECT {given} FROM many JOIN own'
                f" ON own.place = many.n % (SELECT count(*) FROM own)",
                (int(rows * share),),
            )
    connection.close()


def _given(column: str) -> str:
    """What a copied row holds: a record of its own, mostly somebody else's and of another account, on some day."""
    return {
        "Id": "substr(own.Id, 1, 3) || printf('ZZ%010d', many.n) || 'AAA'",
        "AccountId": "iif(many.n % 100, substr(own.AccountId, 1, 13) || printf('%02d', many.n % 100) || 'AAA',"
        " own.AccountId)",
        "OwnerId": "iif(many.n % 10, substr(own.OwnerId, 1, 14) || (many.n % 10) || 'AAA', own.OwnerId)",
        "Call_Date": "strftime('%Y-%m-%dT%H:%M:%S+00:00', own.Call_Date, (many.n % 730 - 720) || ' days')",
    }.get(column, f'own."{column}"')


def add_accounts(uri: str, count: int) -> None:
    """Accounts of Sarah's territory, on the server."""
    with seeding_org(uri, ORG, system_world()) as seeding:
        found = seeding.connection.exec_driver_sql(f'SELECT "Id" FROM org_{ORG}."Territory" WHERE "Name" = \'Leeds\'')
        territory = found.scalar_one()
        names = [f"Person {n:06d}" for n in range(count)]
        named = [{"LastName": name, "Name": name, "Segment": "ABCD"[n % 4]} for n, name in enumerate(names)]
        accounts = insert_rows(seeding, "Account", named, checked=False)
        rows = [{"AccountId": a, "TerritoryId": territory} for a in accounts]
        insert_rows(seeding, "Territory_Account", rows, checked=False)


def add_sales(uri: str, rows: int) -> None:
    """So many rows of sales of Sarah's accounts, on the server, as a supplier's file brings them."""
    world = system_world()
    with seeding_org(uri, ORG, world) as seeding:
        ask = seeding.connection.exec_driver_sql
        accounts = [row[0] for row in ask('SELECT "Id" FROM "Account" WHERE "Name" LIKE \'Person %%\' ORDER BY "Id"')]
        products = [row[0] for row in ask('SELECT "Id" FROM "Product" ORDER BY "Id"')]
        last = world.clock.now().year * 12 + world.clock.now().month - 1
        months = [f"{month // 12}-{month % 12 + 1:02d}" for month in range(last - MONTHS, last)]

        def lines() -> Iterator[str]:
            yield "AccountId,ProductId,Period,Units,Net_Sales,Currency_Code"
            keys = ((a, p, m) for p in products for m in months for a in accounts)
            for number, (account, product, month) in zip(range(rows), keys, strict=False):
                yield f"{account},{product},{month},{number % 90},{number % 90 * 24},GBP"

        loaded = load(seeding, Asked("Sales_Data"), lines())
        assert loaded.created == rows, loaded


@dataclass
class Running:
    """The device, its folder, the links that open its app, the server's database, and how long opening it took."""

    device: Device
    store: Path
    links: list[str]
    uri: str
    opened_ms: float


@contextmanager
def stage(folder: Path, rows: int, accounts: int) -> Iterator[tuple[Running, Browser]]:
    """An app whose device has all of it but the new accounts, a browser, and a server in a process of its own."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o755, parents=True)
    world, port = system_world(), free_port()
    with place(folder, port, world, accounts=40, reset=True, tell=lambda _line: None) as where, served(where.uri, port):
        device = open_device(where, IPAD)
        sign_in(device, IPAD)
        device.close()
        fill(folder / "devices" / IPAD.folder, rows - accounts)
        (folder / "devices" / IPAD.folder / SERVER_FILE).write_text(where.address, encoding="utf-8")
        add_accounts(where.uri, accounts - OWN)
        began = time.monotonic()
        device = open_device(where, IPAD)
        took = 1_000 * (time.monotonic() - began)
        try:
            with shown(device) as links, sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
                yield Running(device, folder / "devices" / IPAD.folder, links, where.uri, took), browser
                browser.close()
        finally:
            device.close()


@contextmanager
def served(uri: str, port: int) -> Iterator[None]:
    """The server, elsewhere: what it does is not the device's doing."""
    process = subprocess.Popen([sys.executable, "-c", SERVER, uri, str(port)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        assert process.stdout.readline().strip() == "ready"
        yield
    finally:
        process.terminate()
        process.wait(20)


@contextmanager
def shown(device: Device) -> Iterator[list[str]]:
    """The Field app over this device, as `fieldsync field` serves it; the links that open it."""
    links: list[str] = []
    world, port = system_world(), free_port()
    door = Door(world.chance, lambda token: links.append(f"http://127.0.0.1:{port}/?launch={token}"))
    field = create_field_app(device, door, world=world, port=port, name=IPAD.name)
    with served_here(field, port, ready=door.invite):
        yield links
