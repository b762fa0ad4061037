"""A running demo, and a browser on it, for the tests of the pages."""

from __future__ import annotations

import asyncio
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Error, Page, expect

from fieldsync.base.world import system_world
from fieldsync.cli.demo.run import free_port, place, run
from fieldsync.device import Device

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WAIT_MS = 20_000
"""Pages may be slow on a machine that does other things; what never comes still fails."""
expect.set_options(timeout=WAIT_MS)
SIZES = ({"width": 1280, "height": 860}, {"width": 390, "height": 844})


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
    """Server, console and two devices, as `fieldsync demo` runs them."""
    told, stop = Running(), threading.Event()
    with place(folder, free_port(), system_world(), accounts=40, reset=True, tell=told.tell) as where:
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
        assert told.ready.wait(60), told.said
        try:
            yield told
        finally:
            stop.set()
            thread.join(20)


@contextmanager
def app(browser: Browser, link: str, size: int = 0, *, locks: bool = False) -> Iterator[Page]:
    """A browser that opened the app with its link; a script error or a failed request fails the test. `locks`: but not
    what an open page asks of an app that has locked."""
    context: BrowserContext = browser.new_context(viewport=SIZES[size], base_url=link.split("/?", maxsplit=1)[0])  # type: ignore[arg-type]
    page = context.new_page()
    page.set_default_timeout(WAIT_MS)
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on(
        "response",
        lambda answer: (
            wrong.append(f"{answer.status} {answer.url}")
            if answer.status >= 400 and not (locks and answer.status == 423)
            else None
        ),
    )
    page.goto(link)
    try:
        yield page
    except BaseException as error:
        error.add_note(f"on {page.url}; gone wrong before: {wrong}")
        raise
    finally:
        leave(page)
        context.close()
    assert wrong == []


def leave(page: Page) -> None:
    """Have the page let go of its record. A window that is shut at once may take the word of it along, and the record
    is held until its lease ends: the next test is not to wait for that."""
    with suppress(Error):
        page.evaluate("typeof closed === 'function' ? closed() : null")


def eventually(holds: Callable[[], bool]) -> None:
    """What a page sends while it is left arrives a moment later."""
    end = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < end, "this never came true"
        time.sleep(0.02)
