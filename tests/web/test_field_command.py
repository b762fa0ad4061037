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
from tests.web.browsing import Running, app

from fieldsync.cli.demo.people import ORG, PASSWORD, TOM

PASSPHRASE = "a long phrase nobody knows"
PROGRAM = "from fieldsync.cli.main import main; main()"


@contextmanager
def started(store: Path, *arguments: str) -> Iterator[str]:
    """The app's link; at the end it is stopped as Ctrl-C does."""
    environment = {**os.environ, "FIELDSYNC_PASSPHRASE": PASSPHRASE, "FIELDSYNC_PASSWORD": PASSWORD}
    command = [sys.executable, "-c", PROGRAM, "field", "--store", str(store), "--no-window", *arguments]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.search(r"http\S+", line)
        assert found is not None, line
        try:
            yield found[0]
            process.send_signal(signal.SIGINT)
            assert process.wait(20) == 0
        finally:
            process.kill()


def test_a_first_start_downloads_and_the_next_needs_only_the_passphrase(
    browser: Browser, running: Running, tmp_path: Path
) -> None:
    server = running.console.removesuffix("/console")
    where = ("--server", server, "--org", ORG, "--username", TOM.username)
    with started(tmp_path / "tom", *where) as link, app(browser, link, 1) as page:
        expect(page.get_by_role("dialog")).to_contain_text("A sync is due")
        page.get_by_role("button", name="Yes").click()
        expect(page.get_by_role("heading", name="Sync is done")).to_be_visible()
        with page.expect_request(re.compile("/presence$")):
            page.get_by_role("button", name="No, later").click()
        expect(page.get_by_role("heading", name="Hello Tom")).to_be_visible()
        expect(page.get_by_text("Sync is up to date")).to_be_visible()
    with started(tmp_path / "tom") as link, app(browser, link) as page:
        expect(page.get_by_role("dialog")).to_contain_text("4 files are not on this device yet")
        page.get_by_role("button", name="OK").click()
        page.get_by_role("link", name="Accounts").click()
        expect(page.get_by_text(re.compile(r"\d+ accounts"))).to_be_visible()
        expect(page.get_by_role("dialog")).to_be_hidden()
        page.get_by_role("link", name="Home").click()
        page.get_by_role("button", name="Lock").click()
        page.goto("/accounts")
        expect(page.get_by_role("heading", name="Locked")).to_be_visible()
        page.get_by_label("Passphrase").fill("not the passphrase")
        page.get_by_role("button", name="Open").click()
        expect(page.get_by_role("alert")).to_contain_text("does not open this device")
        page.get_by_label("Passphrase").fill(PASSPHRASE)
        page.get_by_role("button", name="Open").click()
        expect(page.get_by_role("heading", name="Hello Tom")).to_be_visible()
