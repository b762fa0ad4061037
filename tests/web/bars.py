"""How fast the Field app is for a person who has very much on the device, measured in a browser by one command:

    python -m tests.web.bars FOLDER [--rows 1000000] [--accounts 50000]

writes each figure beside its bar as JSON lines and ends with 1 where one misses. The file is that of a real device; its
accounts came by a real sync, and at last all of its rows by a database refresh: during both the page and the engine's
answers are watched.
"""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path

from playwright.sync_api import Browser, Page
from tests.web.browsing import app
from tests.web.full import Running, add_sales, stage
from tests.web.test_field_command import PROGRAM

from fieldsync.cli.demo.people import PASSWORD

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
Quiet = Callable[[], AbstractContextManager[object]]
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


def middle(measured: Callable[[], float]) -> float:
    """The middle of several."""
    return sorted(measured() for _ in range(TIMES))[TIMES // 2]


def opened(page: Page, address: str) -> float:
    """Milliseconds until a page is there, with everything it loads."""
    page.goto(address)
    return float(page.evaluate(LOADED))


def while_it_runs(page: Page, what: str, work: Callable[[], object]) -> Iterator[Bar]:
    """The longest the page and the engine let somebody wait while a sync works."""
    page.goto("/accounts")
    page.evaluate(WATCH)
    working = threading.Thread(target=work)
    began = time.monotonic()
    working.start()
    while working.is_alive():
        page.wait_for_timeout(100)
    seconds = time.monotonic() - began
    longest, slowest = page.evaluate(STOP)
    yield Bar(f"longest block of the page during {what} of {seconds:.0f} s", longest, 100)
    yield Bar("slowest answer of the engine meanwhile", slowest, 100)


def from_nothing(browser: Browser, store: Path) -> float:
    """Milliseconds from starting the program, compiled as when it is installed, until home is there."""
    command = [sys.executable, "-c", PROGRAM, "field", "--store", str(store), "--no-window"]
    compiled = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(store.parent / "compiled")}
    environment = {**os.environ, **compiled, "FIELDSYNC_PASSPHRASE": PASSWORD}
    began = time.monotonic()
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            link = process.stdout.readline().split()[-1]
            page = browser.new_page()
            page.goto(link)
            took = 1_000 * (time.monotonic() - began)
            assert page.get_by_role("heading", name="Hello Sarah").count() == 1, page.content()
            page.close()
        finally:
            process.terminate()
    return took


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


def measure(folder: Path, rows: int, accounts: int, quiet: Quiet = nullcontext) -> Iterator[Bar]:
    """Every figure; `quiet` is around each while that is measured."""
    with stage(folder, rows, accounts) as (running, browser):
        device, ready = running.device, running.opened_ms
        gc.collect()
        gc.freeze()  # what made the stage is nothing of the app's, and to look through it would stop the app
        with app(browser, running.links[-1]) as page:
            with quiet():
                yield from while_it_runs(page, "a sync", device.sync)
                home = middle(lambda: opened(page, "/"))
                yield Bar(f"opening a file of {rows} rows, and home", ready + home, 1_000)
                yield Bar(f"home on a file of {rows} rows", home, 1_000)
                yield from lists(page, accounts)
            with quiet():
                yield from throttled(browser, running)
            add_sales(running.uri, rows - 2 * accounts)
            with quiet():
                yield from while_it_runs(page, f"a refresh of {rows} rows", lambda: device.sync("full"))
        device.close()
        with quiet():
            from_nothing(browser, running.store)
            yield Bar(
                "from the start of the program to home", middle(lambda: from_nothing(browser, running.store)), 3_000
            )


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
