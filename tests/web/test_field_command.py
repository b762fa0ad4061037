"""`fieldsync field`: a first start on a machine of one's own, against a real server, down to its accounts."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, expect
from tests.web.beginning import Relay, relayed
from tests.web.browsing import Running, app

from fieldsync.cli.demo.people import ORG, PASSWORD, TOM

PASSPHRASE = "a long phrase nobody knows"
PROGRAM = "from fieldsync.cli.main import main; main()"


@contextmanager
def started(store: Path, *arguments: str, unasked: bool = True) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The app's link; at the end it is stopped as Ctrl-C does. `unasked`: the environment answers what it asks."""
    answers = {"FIELDSYNC_PASSPHRASE": PASSPHRASE, "FIELDSYNC_PASSWORD": PASSWORD} if unasked else {}
    command = [sys.executable, "-c", PROGRAM, "field", "--store", str(store), "--no-window", *arguments]
    with subprocess.Popen(command, env={**os.environ, **answers}, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.search(r"http\S+", line)
        assert found is not None, line
        try:
            yield found[0], process
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
                assert process.wait(60) == 0
        finally:
            process.kill()


def test_what_is_given_is_not_asked_and_the_next_start_needs_only_the_passphrase(
    browser: Browser, running: Running, tmp_path: Path
) -> None:
    server = running.console.removesuffix("/console")
    where = ("--server", server, "--org", ORG, "--username", TOM.username)
    with started(tmp_path / "tom", *where) as (link, _), app(browser, link, 1) as page:
        expect(page.get_by_role("heading", name="Everything is here")).to_be_visible()
        page.get_by_role("button", name="Begin without").click()
        expect(page.get_by_role("heading", name="Hello Tom")).to_be_visible()
        expect(page.get_by_text("Sync is up to date")).to_be_visible()
    with started(tmp_path / "tom") as (link, _), app(browser, link) as page:
        expect(page.get_by_role("dialog")).to_contain_text("5 files are not on this device yet")
        page.get_by_role("button", name="OK").click()
        page.get_by_role("link", name="Accounts").click()
        expect(page.get_by_text(re.compile(r"\d+ accounts"))).to_be_visible()
        expect(page.get_by_role("dialog")).to_be_hidden()
        page.get_by_role("link", name="Home").click()
        page.get_by_role("button", name="Lock").click()
        page.goto("/accounts")
        expect(page.get_by_label("Passphrase")).to_be_visible()
        page.get_by_label("Passphrase").fill("not the passphrase")
        page.get_by_role("button", name="Open").click()
        expect(page.get_by_role("alert")).to_contain_text("does not open this device")
        page.get_by_label("Passphrase").fill(PASSPHRASE)
        page.get_by_role("button", name="Open").click()
        expect(page.get_by_role("heading", name="Hello Tom")).to_be_visible()


def test_a_start_that_was_killed_goes_on_where_it_was(browser: Browser, running: Running, tmp_path: Path) -> None:
    """Before the passphrase nothing stays; after it only the passphrase is asked, and the download goes on."""
    with relayed(running.console.removesuffix("/console")) as (address, network):
        walk_killed(browser, tmp_path, address, network)
    (folder,) = (tmp_path / "tom" / "people").iterdir()
    assert (folder.stat().st_mode & 0o777, (folder / "key.json").stat().st_mode & 0o777) == (0o700, 0o600)


def walk_killed(browser: Browser, tmp_path: Path, address: str, network: Relay) -> None:
    where = ("--server", address, "--org", ORG, "--username", TOM.username)
    for killed_at in ("sign-in", "download", ""):
        with started(tmp_path / "tom", *where, unasked=False) as (link, process), app(browser, link, 1) as page:
            if killed_at or not list((tmp_path / "tom").rglob("key.json")):
                page.get_by_label("Password").fill(PASSWORD)
                page.get_by_role("button", name="Sign in").click()
                expect(page.get_by_role("heading", name="Choose a passphrase")).to_be_visible()
                expect(page.get_by_text("no key store")).to_be_visible()
            if killed_at == "sign-in":
                process.kill()
                process.wait()
                continue
            if killed_at == "download":
                network.stand_still(5_000)  # it is not over before it was seen
            for label in ("New passphrase", "The same again") if killed_at else ("Passphrase",):
                page.get_by_label(label).fill(PASSPHRASE)
            page.get_by_role("button", name="Continue" if killed_at else "Open").click()
            if killed_at == "download":
                expect(page.get_by_role("heading", name="Getting your data")).to_be_visible()
                process.kill()
                process.wait()
                network.go_on()
                continue
            expect(page.get_by_role("heading", name="Everything is here")).to_be_visible()
            page.get_by_role("button", name="Begin without").click()
            expect(page.get_by_role("heading", name="Hello Tom")).to_be_visible()
