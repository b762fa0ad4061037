"""Tries the engine in a browser: `python -m tools.in_browser FOLDER` gathers the parts, plays Sarah's story in Chromium
beside a real server, and prints what was found. docs/adr says what follows from it.

A worker holds the production engine and the encrypted store on the origin private file system. A call is saved with the
network away, the browser is killed, and started again: the call is there, is sent, and another device has it.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec
from playwright.sync_api import Error, Page, sync_playwright
from tools.in_browser.front import front
from tools.in_browser.parts import Unfetchable, gather

from fieldsync.protocol.session import Platform
from fieldsync.sim.bench.setting import ORG, PASSWORD, PERSON, setting

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking")
ACCOUNTS, SAVES = 300, 20
UNFETCHABLE = 77

OPEN = """
from pathlib import Path
from way import Way
from fieldsync.base.world import system_world
from fieldsync.device import Device
folder = Path("/device/sarah")
folder.mkdir(exist_ok=True)
device = Device.open(folder, bytes(range(32)), world=system_world(), transport=Way())
len(device.queue())
"""
SIGN_IN = f"""
from fieldsync.protocol.session import DeviceDescription, Platform
described = DeviceDescription("browser-".ljust(43, "k"), "browser", Platform.IPAD, "1", "1")
device.sign_in("{ORG}", "{PERSON}", "{PASSWORD}", described)
device.sync().rows_received
"""
CUT = """
from fieldsync.base.problems import Refused
try:
    device.sync()
    said = "synced"
except Refused as refused:
    said = str(refused.problem.code)
said
"""
SAVE = """
account = device.find("Account", limit=1)[0].id
with device.edit() as edit:
    call = edit.create("Call", {"AccountId": account, "Call_Date": "2026-11-22T09:00:00Z", "Notes": "in the basement"})
    edit.create("Call_Discussion", {"CallId": call, "Discussion": "dosage"})
str(call)
"""


class Findings(msgspec.Struct, frozen=True):
    """What was seen. Times in milliseconds, medians where there are several."""

    megabytes: float
    """What the page loads, before compression."""
    start: float
    """From the page to an open store, of the second start."""
    first_sync: float
    rows: int
    save: float
    flushes_per_save: float
    second_tab: str
    """What a second tab on the same store is told."""
    pending_after_kill: int
    sync: float
    arrived: int
    """Calls that another device has in the end."""


def play(site: Path) -> Findings:
    """The whole story. Raises AssertionError where something of it is not so."""
    with tempfile.TemporaryDirectory() as made, _served(Path(made)) as (place, port), front(site, port) as address:
        with sync_playwright() as playwright:
            tab = Tab(playwright.chromium, Path(made) / "profile", address)
            tab.run(OPEN)
            first = tab.run(SIGN_IN)
            tab.cut_off()
            assert tab.run(CUT)["value"] == "OFFLINE", "the network is away"
            saves = [tab.run(SAVE) for _ in range(SAVES)]
            second_tab = tab.second()
            tab.kill()
            tab = Tab(playwright.chromium, Path(made) / "profile", address)
            opened = tab.run(OPEN)
            sent = tab.run("device.sync(); len(device.queue()) + len(device.errors())")
            assert sent["value"] == 0, "everything was taken"
            tab.kill()
        phone = place.device("phone", Platform.IPHONE)
        arrived = len(phone.find("Call", limit=SAVES + 1))
        phone.close()
    return Findings(
        megabytes=round(sum(path.stat().st_size for path in site.iterdir()) / 1e6, 1),
        start=round(opened["started"] + opened["taken"]),
        first_sync=round(first["taken"]),
        rows=first["value"],
        save=round(statistics.median(one["taken"] for one in saves), 1),
        flushes_per_save=statistics.mean(one["flushes"] for one in saves),
        second_tab=second_tab,
        pending_after_kill=opened["value"],
        sync=round(sent["taken"]),
        arrived=arrived,
    )


@contextmanager
def _served(folder: Path) -> Iterator[tuple[Any, int]]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with setting(folder / "server", port, ACCOUNTS) as place:
        yield place, port


class Tab:
    """A browser of its own with one page."""

    def __init__(self, chromium: Any, profile: Path, address: str) -> None:
        profile.mkdir(exist_ok=True)
        for lock in profile.glob("Singleton*"):
            lock.unlink()
        self._profile, self._address = profile, address
        self._browser = chromium.launch_persistent_context(
            str(profile), executable_path=str(CHROMIUM), headless=True, args=list(ARGUMENTS)
        )
        self._page = self._open()

    def _open(self) -> Page:
        page: Page = self._browser.new_page()
        page.goto(self._address)
        page.wait_for_function("window.python")
        return page

    def run(self, code: str) -> dict[str, Any]:
        """Run Python in the worker; the value of its last line, and what that took."""
        answer: dict[str, Any] = self._page.evaluate("code => window.python(code)", code)
        assert "error" not in answer, answer.get("error")
        return answer

    def cut_off(self) -> None:
        """No network for this browser."""
        self._browser.set_offline(True)

    def second(self) -> str:
        """What another tab is told."""
        self._browser.set_offline(False)
        page = self._open()
        answer: dict[str, Any] = page.evaluate("code => window.python(code)", OPEN)
        page.close()
        return str(answer.get("error", "")).partition("\n")[0]

    def kill(self) -> None:
        """Every process of the browser ends at once, with nothing said."""
        found = subprocess.run(["pgrep", "-f", str(self._profile)], capture_output=True, text=True, check=False)
        for process in found.stdout.split():
            with suppress(ProcessLookupError):
                os.kill(int(process), signal.SIGKILL)
        with suppress(Error):
            self._browser.close()


def main(folder: str) -> int:
    """Exit code 77 where the parts cannot be had."""
    try:
        site = gather(Path(folder))
    except Unfetchable as why:
        print(f"in_browser: {why}", file=sys.stderr)
        return UNFETCHABLE
    print(json.dumps(msgspec.structs.asdict(play(site)), indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
