"""A line falls silent: neither end says a word, nor that it is dead. What was under way goes over another one."""

from __future__ import annotations

import secrets
from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from tests.web.beginning import Opened, Relay
from tests.web.browsing import Running, app, eventually, save
from tests.web.test_begin import here
from tests.web.test_content import publish
from tests.web.test_cut import other_device

from fieldsync.base import limits
from fieldsync.protocol.media import PIECE_BYTES


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The app gives a line up sooner, and the server says sooner that it works: tests need not wait as long."""
    monkeypatch.setattr(limits, "LINE_SILENT_SECONDS", 3.0)
    monkeypatch.setattr(limits, "BEAT_SECONDS", 0.5)


def test_a_save_and_what_another_device_saved_come_over_another_line(
    browser: Browser, running: Running, desk: tuple[Opened, Relay], tmp_path: Path
) -> None:
    one, network = desk
    device = here(one)
    account, read = (row.id for row in device.find("Account", limit=2))
    with closing(other_device(running, tmp_path / "other")) as other, app(browser, one.link, 1) as page:
        eventually(lambda: device._engine.stream_open)
        page.goto(f"/objects/Account/{account}/edit")
        page.get_by_label("Middle Name").fill("Over another line")
        network.silenced = 1
        save(page)
        page.get_by_role("link", name="Home").click()
        expect(page.get_by_text("Sync is up to date")).to_be_visible()
        assert (device.queue(), device.errors()) == ([], [])
        other.sync()
        assert other.count("Account", {"Id": account, "MiddleName": "Over another line"}) == 1
        eventually(lambda: device._engine.stream_open)
        with other.edit() as edit:
            edit.update("Account", read, {"Phone": "+44 1904 000 078"})
        other.sync()
        eventually(lambda: device.count("Account", {"Phone": "+44 1904 000 078"}) == 1)


def test_a_sync_says_so_and_goes_on_when_pressed_again(browser: Browser, desk: tuple[Opened, Relay]) -> None:
    one, network = desk
    with app(browser, one.link, 1) as page:
        network.stand_still(0)
        page.get_by_role("button", name="Sync", exact=True).click()
        expect(page.get_by_text("Sync did not finish")).to_be_visible()
        expect(page.get_by_role("alert")).to_contain_text("There is no connection to the server.")
        network.go_on()
        page.get_by_role("button", name="Try again").click()
        expect(page.get_by_role("heading", name="Sync is done")).to_be_visible()


def test_a_file_whose_line_fell_silent_comes_over_another_one(
    browser: Browser, running: Running, desk: tuple[Opened, Relay]
) -> None:
    one, network = desk
    device = here(one)
    film = publish(running, secrets.token_bytes(4 * PIECE_BYTES), "A long film")
    device.sync()
    with app(browser, one.link, 1) as page:
        page.get_by_role("dialog").get_by_role("button", name="OK").click()
        expect(page.get_by_role("dialog")).to_be_hidden()
        page.goto("/content")
        network.stand_still(3 * PIECE_BYTES // 2)
        page.get_by_role("button", name="Get A long film").click()
        eventually(lambda: device.media.item(film).left < 4 * PIECE_BYTES)  # type: ignore[union-attr]
        network.silenced = 1
        network.go_on()
        expect(page.get_by_text("There is no connection to the server.")).to_be_visible()
        page.get_by_role("button", name="Get A long film").click()
        expect(page.get_by_role("button", name="Present A long film")).to_be_visible()
        assert device.media.size(film) == 4 * PIECE_BYTES
