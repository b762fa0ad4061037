"""Fixtures of the pages' tests: one demo a module, and Debian's Chromium."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright
from tests.web.browsing import ARGUMENTS, Running

from fieldsync.base.world import system_world
from fieldsync.cli.demo.run import free_port, place, run
from fieldsync.device import Device


@pytest.fixture(scope="module")
def running(short_dir: Path) -> Iterator[Running]:
    """Server, console and two devices, as `fieldsync demo` runs them."""
    told, stop = Running(), threading.Event()
    with place(short_dir / "web", free_port(), system_world(), accounts=40, reset=True, tell=told.tell) as where:
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
        yield told
        stop.set()
        thread.join(20)


@pytest.fixture
def online(running: Running) -> Iterator[None]:
    """Whatever a test left behind, the next begins with both devices online."""
    yield
    for device in running.devices:
        device.go_online()


@pytest.fixture(scope="module")
def browser(chromium: Path) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=str(chromium), args=ARGUMENTS)
        yield opened
        opened.close()
