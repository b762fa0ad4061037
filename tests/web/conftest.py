"""Fixtures of the pages' tests: one demo a module, and Debian's Chromium."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright
from tests.conftest import Databases
from tests.web.beginning import Opened, Relay, Vault, opened, relayed
from tests.web.browsing import ARGUMENTS, Demos, Running
from tests.web.test_begin import PIN, Ahead, begin, server_of

from fieldsync.cli.demo.people import TOM
from fieldsync.server.postgres.embedded import EmbeddedPostgres


@pytest.fixture(scope="session")
def demos(short_dir: Path) -> Iterator[Demos]:
    """On a PostgreSQL of their own, which is that of the product whatever the tests of the server run on."""
    with EmbeddedPostgres.start(short_dir / "demos") as server:
        yield Demos(Databases(server), short_dir / "devices")


@pytest.fixture(scope="module")
def running(demos: Demos) -> Iterator[Running]:
    """Server, console and two devices, as `fieldsync demo` runs them."""
    with demos.one() as told:
        yield told


@pytest.fixture
def online(running: Running) -> Iterator[None]:
    """Whatever a test left behind, the next begins with both devices online and at work."""
    yield
    for device in running.devices:
        device.go_online()
        device.start()


@pytest.fixture(scope="module")
def browser(chromium: Path) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=str(chromium), args=ARGUMENTS)
        yield opened
        opened.close()


@pytest.fixture
def desk(running: Running, tmp_path: Path) -> Iterator[tuple[Opened, Relay]]:
    """Tom's app, whose network can be cut and whose clock can be moved."""
    with relayed(server_of(running)) as (address, network), opened(tmp_path, Vault(), Ahead()) as one:
        begin(one, address, TOM, PIN)
        yield one, network
