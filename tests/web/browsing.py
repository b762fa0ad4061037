"""A running demo, and a browser on it, for the tests of the pages."""

from __future__ import annotations

import asyncio
import re
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
from playwright.sync_api import Browser, BrowserContext, Error, Locator, Page, Route, expect
from tests.ports import free_port

from fieldsync.base.world import system_world
from fieldsync.cli.demo.data import make_demo_org
from fieldsync.cli.demo.people import ORG
from fieldsync.cli.demo.run import Place, place, run
from fieldsync.device import Device
from fieldsync.server.postgres.epoch import CLUSTER_SQL
from fieldsync.web.field.lock.seat import LOCKED

if TYPE_CHECKING:
    from tests.conftest import Databases

ACCOUNTS = 40
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WAIT_MS = 60_000
"""Pages may be slow on a machine that does other things; what never comes still fails."""
expect.set_options(timeout=WAIT_MS)
EVENTUALLY_SECONDS = 60
SIZES = ({"width": 1280, "height": 860}, {"width": 390, "height": 844})

STANDS = """if (window === top) {
  const hidden = new CSSStyleSheet();
  hidden.replaceSync("html { visibility: hidden }");
  document.adoptedStyleSheets = [hidden];
  const stands = () => { document.adoptedStyleSheets = document.adoptedStyleSheets.filter((each) => each !== hidden) };
  addEventListener("DOMContentLoaded", () => setTimeout(stands));
  addEventListener("load", stands);
}"""
"""Nobody sees or presses anything of a page before its scripts run: what is typed before that, no script hears of."""


class Running:
    """A demo in a thread of this process: what it said, and its devices."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.devices: list[Device] = []
        self.ready = threading.Event()
        self.uri = ""

    def tell(self, line: str) -> None:
        self.said.append(line)
        if sum("launch=" in each for each in self.said) >= 2:
            self.ready.set()

    def link(self, name: str) -> str:
        """The newest link that opens this device's app."""
        return str(re.findall(rf"{name}\s+(http\S+)", "\n".join(self.said))[-1])

    @property
    def console(self) -> str:
        return str(re.findall(r"Console\s+(http\S+)", "\n".join(self.said))[-1])


@contextmanager
def running_demo(folder: Path) -> Iterator[Running]:
    """Server, console and two devices, as `fieldsync demo` runs them the first time."""
    with (
        place(folder, free_port(), system_world(), accounts=ACCOUNTS, reset=True, tell=lambda _: None) as where,
        running_at(where) as told,
    ):
        yield told


@contextmanager
def running_at(where: Place) -> Iterator[Running]:
    """The same over a database and a folder that are there; what they have is not made again."""
    told, stop = Running(), threading.Event()
    told.uri = where.uri

    def scenes(_: object, devices: list[Device]) -> None:
        told.devices = devices

    async def serve() -> None:
        ending = asyncio.Event()
        running = asyncio.create_task(run(where, scenes, told.tell, ending))
        await asyncio.to_thread(stop.wait)
        ending.set()
        await running

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert told.ready.wait(120), told.said
    try:
        yield told
    finally:
        stop.set()
        thread.join(60)


class Demos:
    """A demo that was begun once, its devices signed in, and as many copies of it as are asked for."""

    def __init__(self, databases: Databases, folder: Path) -> None:
        self._databases, self._folder, self._numbers = databases, folder, count(1)

    def _begin(self, uri: str) -> None:
        make_demo_org(uri, system_world(), accounts=ACCOUNTS, tell=lambda _: None)
        with running_at(Place(self._folder / "first", uri, free_port(), system_world())):
            pass

    @contextmanager
    def one(self) -> Iterator[Running]:
        """A demo of its own, running."""
        name = self._databases.create(self._databases.template("demo", self._begin))
        folder = self._folder / str(next(self._numbers))
        shutil.copytree(self._folder / "first", folder)
        uri = self._databases.uri(name)
        with psycopg.connect(uri, options=f"-c search_path=org_{ORG}") as connection:  # no backup that was restored
            last = "WHERE number = (SELECT max(number) FROM _epoch)"
            connection.execute(f"UPDATE _epoch SET cluster = ({CLUSTER_SQL}) {last}".encode())
        with running_at(Place(folder, uri, free_port(), system_world())) as told:
            yield told
        self._databases.drop(name)
        shutil.rmtree(folder)


@contextmanager
def app(browser: Browser, link: str, size: int = 0) -> Iterator[Page]:
    """A browser that opened the app with its link; a script error or a failed request fails the test, but not what a
    page that is still open asks of an app that has locked."""
    context: BrowserContext = browser.new_context(viewport=SIZES[size], base_url=link.split("/?", maxsplit=1)[0])  # type: ignore[arg-type]
    context.add_init_script(STANDS)
    page = context.new_page()
    page.set_default_timeout(WAIT_MS)
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on(
        "response",
        lambda answer: (
            wrong.append(f"{answer.status} {answer.url}") if answer.status >= 400 and answer.status != LOCKED else None
        ),
    )
    page.goto(link)
    try:
        yield page
    except BaseException as error:
        error.add_note(f"on {page.url}; gone wrong before: {wrong}")
        raise
    finally:
        for each in context.pages:
            leave(each)
        context.close()
    assert not wrong, wrong


def leave(page: Page) -> None:
    """Have the page let go of its record. A window that is shut at once may take the word of it along, and the record
    is held until its lease ends: the next test is not to wait for that."""
    with suppress(Error):
        page.evaluate("typeof closed === 'function' ? closed() : null")


def focus(here: Locator) -> Locator:
    """The keys go here from now on. What is not in sight yet takes no focus, and a locator's own focus, press and
    press_sequentially wait for no sight: what they type is lost without a word."""
    expect(here).to_be_visible()
    here.focus()
    expect(here).to_be_focused()
    return here


def save(page: Page, act: str = "Save") -> None:
    """Press it and wait until the answer has come in the form's place: what is typed before that goes with the form."""
    page.evaluate("document.getElementById('main').dataset.sent = 'yes'")
    page.get_by_role("button", name=act, exact=True).click()
    expect(page.locator("#main[data-sent]")).to_have_count(0)


def kept_back(page: Page, what: str | re.Pattern[str]) -> list[Route]:
    """Requests that the page sends from now on and that get no answer before one lets them go."""
    routes: list[Route] = []

    def keep(route: Route) -> None:
        routes.append(route)

    page.route(what, keep)
    return routes


def eventually(holds: Callable[[], bool]) -> None:
    """What a page sends while it is left arrives a moment later."""
    end = time.monotonic() + EVENTUALLY_SECONDS
    while not holds():
        assert time.monotonic() < end, "this never came true"
        time.sleep(0.02)
