"""How fast the Field app is for a person who has very much on the device, measured in a browser by one command:

    python -m tests.web.bars FOLDER [--rows 1000000] [--accounts 50000]

writes each figure beside its bar as JSON lines and ends with 1 where one misses. The file is that of a real device; its
accounts came by a real sync, during which the page and the engine's answers are watched.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright
from tests.web.browsing import ARGUMENTS, app
from tests.web.screenshots import CHROMIUM

from fieldsync.base.world import system_world
from fieldsync.cli.demo.people import ORG, PASSWORD
from fieldsync.cli.demo.run import IPAD, free_port, open_device, place, sign_in
from fieldsync.device import Device
from fieldsync.device.keys import key_from_passphrase
from fieldsync.device.store.connect import connect
from fieldsync.server.http.serve import serve
from fieldsync.server.org.create import seeding_org
from fieldsync.server.org.seed import insert_rows
from fieldsync.sim.bench.setting import SERVER
from fieldsync.web.field.app import create_field_app
from fieldsync.web.field.door import Door

TIMES = 9
SLOWER = 6
WATCH = """() => { window.longest = window.slowest = 0;
  let last = performance.now();
  const look = () => { const now = performance.now(), late = now - last - 10;
    window.longest = Math.max(window.longest, late); last = now; };
  window.watching = setInterval(look, 10);
  const ask = async () => { while (window.watching) {
    const from = performance.now();
    await (await fetch("/parts/widget")).text();
    window.slowest = Math.max(window.slowest, performance.now() - from);
    await new Promise(done => setTimeout(done, 20)); } };
  ask(); }"""
STOP = "() => { clearInterval(window.watching); window.watching = 0; return [window.longest, window.slowest]; }"
STEP = """async (address) => { const from = performance.now();
  await htmx.ajax("GET", address, { target: "#records", swap: "innerHTML" });
  document.getElementById("records").getBoundingClientRect();
  return performance.now() - from; }"""
SWAP = """(pressed) => new Promise((done) => { const from = performance.now();
  const painted = () => requestAnimationFrame(() => setTimeout(() => done(performance.now() - from)));
  addEventListener("fieldsync:shown", painted, { once: true });
  document.querySelector(pressed).click(); })"""
LOADED = "() => performance.getEntriesByType('navigation')[0].loadEventEnd"


@dataclass(frozen=True)
class Bar:
    """One figure and what it may be at most, in milliseconds."""

    name: str
    ms: float
    at_most: float

    @property
    def holds(self) -> bool:
        """Whether it is good enough."""
        return self.ms <= self.at_most


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
    """What a copied row holds: a record of its own, mostly somebody else's, on some day of two years."""
    return {
        "Id": "substr(own.Id, 1, 3) || printf('ZZ%010d', many.n) || 'AAA'",
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


def middle(measured: Callable[[], float]) -> float:
    """The middle of several."""
    return sorted(measured() for _ in range(TIMES))[TIMES // 2]


def opened(page: Page, address: str) -> float:
    """Milliseconds until a page is there, with everything it loads."""
    page.goto(address)
    return float(page.evaluate(LOADED))


def while_it_syncs(page: Page, running: Running) -> Iterator[Bar]:
    """The longest the page and the engine let somebody wait while a sync applies."""
    page.goto("/accounts")
    page.evaluate(WATCH)
    working = threading.Thread(target=running.device.sync)
    began = time.monotonic()
    working.start()
    while working.is_alive():
        page.wait_for_timeout(100)
    seconds = time.monotonic() - began
    longest, slowest = page.evaluate(STOP)
    yield Bar(f"longest block of the page during a sync of {seconds:.0f} s", longest, 100)
    yield Bar("slowest answer of the engine meanwhile", slowest, 100)


def lists(page: Page, accounts: int) -> Iterator[Bar]:
    """One step of scrolling and of searching, the slowest of several places each."""
    page.goto("/accounts")

    def step(query: str) -> float:
        return middle(lambda: float(page.evaluate(STEP, f"/parts/accounts?{query}")))

    places = (0, accounts // 2, accounts - 100)
    yield Bar("a step of scrolling", max(step(f"first={first}") for first in places), 100)
    texts = ("e", "person 04", "049", "nobody")
    yield Bar("a step of searching", max(step(f"search={text}") for text in texts), 100)


def swapped(page: Page, pressed: str) -> float:
    """Milliseconds from pressing something until what comes in the page's place is painted."""
    return float(page.evaluate(SWAP, pressed))


def saved(page: Page, call: str) -> float:
    """Milliseconds from pressing Save until what stands there now is painted."""
    page.goto(f"/objects/Call/{call}/edit")
    notes = f"Seen {time.monotonic_ns()}"
    page.get_by_label("Notes", exact=True).fill(notes)
    page.wait_for_timeout(400)
    took = swapped(page, "#sheet button[value=save]")
    assert page.get_by_label("Notes", exact=True).input_value() == notes
    return took


def to_edit(page: Page, call: str) -> float:
    """Milliseconds from pressing Edit on a record's page until its form is painted."""
    page.goto(f"/objects/Call/{call}")
    page.wait_for_timeout(400)
    return swapped(page, f"main a[href='/objects/Call/{call}/edit']")


def throttled(browser: Browser, running: Running) -> Iterator[Bar]:
    """On a processor six times as slow, as narrow as a phone."""
    ipad = running.device
    call = ipad.find("Call", where={"Status": "Planned", "OwnerId": ipad.account.user.id}, limit=1)[0].id  # type: ignore[union-attr]
    with app(browser, running.links[-1], 1) as page:
        page.context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
        yield Bar("home, six times slower, 390 pixels", middle(lambda: opened(page, "/")), 3_000)
        yield Bar("a save, six times slower, 390 pixels", middle(lambda: saved(page, call)), 300)
        yield Bar("from reading to editing, six times slower, 390 pixels", middle(lambda: to_edit(page, call)), 300)


@dataclass
class Running:
    """The device, the link that opens its app, the server's database, and how long opening the device's file took."""

    device: Device
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
        add_accounts(where.uri, accounts)
        began = time.monotonic()
        device = open_device(where, IPAD)
        took = 1_000 * (time.monotonic() - began)
        try:
            with shown(device) as links, sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
                yield Running(device, links, where.uri, took), browser
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
    begun, ending = threading.Event(), threading.Event()

    def ready() -> None:
        door.invite()
        begun.set()

    async def run() -> None:
        stop = asyncio.Event()
        served = asyncio.create_task(serve(field, host="127.0.0.1", port=port, stop=stop, ready=ready))
        await asyncio.to_thread(ending.wait)
        stop.set()
        await served

    thread = threading.Thread(target=lambda: asyncio.run(run()))
    thread.start()
    assert begun.wait(30)
    yield links
    ending.set()
    thread.join(20)


def measure(folder: Path, rows: int, accounts: int) -> Iterator[Bar]:
    """Every figure."""
    with stage(folder, rows, accounts) as (running, browser):
        with app(browser, running.links[-1]) as page:
            yield from while_it_syncs(page, running)
            home = middle(lambda: opened(page, "/"))
            yield Bar(f"opening a file of {rows} rows, and home", running.opened_ms + home, 1_000)
            yield Bar(f"home on a file of {rows} rows", home, 1_000)
            yield from lists(page, accounts)
        yield from throttled(browser, running)


def main(arguments: list[str]) -> int:
    """Write them; 1 where one misses."""

    def number(name: str, usual: int) -> int:
        return int(arguments[arguments.index(name) + 1]) if name in arguments else usual

    told = []
    for bar in measure(Path(arguments[0]), number("--rows", 1_000_000), number("--accounts", 50_000)):
        told.append(bar)
        sys.stdout.write(json.dumps(asdict(bar) | {"holds": bar.holds}) + "\n")
        sys.stdout.flush()
    return 0 if all(bar.holds for bar in told) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
