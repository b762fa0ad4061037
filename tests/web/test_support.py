"""A support session: an admin sees what a person sees on a device, changes nothing unasked, and it ends (FEATURES B24).

The view is `fieldsync support` in a process of its own, on the server of the demo; nothing of it is put in its place.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.web.browsing import Running, app, eventually, focus
from tests.web.test_admin import admin
from tests.web.test_field_command import PROGRAM

from fieldsync.base.problems import Code, Refused
from fieldsync.base.world import system_world
from fieldsync.cli.device.support import PREFIX, clear_left_over
from fieldsync.device import Device
from fieldsync.device.store.store import LOCK
from fieldsync.device.transport import HttpTransport
from fieldsync.protocol.clearing import Clearing
from fieldsync.protocol.feed import Bring
from fieldsync.protocol.session import DeviceDescription, KeepRescue, Platform
from fieldsync.protocol.upload import UploadRequest, UploadResponse

pytestmark = pytest.mark.usefixtures("online")
ROOT = Path(__file__).parents[2]
REASON = "Ticket 4711: an account is missing"


def begin(page: Page) -> str:
    """The code of a session on the view of Sarah's iPad."""
    page.goto("/console/devices")
    page.get_by_role("link", name="Sarah's iPad").click()
    page.get_by_label("Reason").fill(REASON)
    page.get_by_role("button", name="Begin a support session").click()
    return str(re.findall(r"fieldsync support (\S+) --server", page.locator("pre").inner_text())[0])


@contextmanager
def looking(code: str, server: str, folder: Path) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The view's link, and its process, which keeps its files here."""
    command = [sys.executable, "-c", PROGRAM, "support", code, "--server", server, "--no-window"]
    where = {**os.environ, "TMPDIR": str(folder)}
    with subprocess.Popen(command, env=where, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = [process.stdout.readline() for _ in range(2)]
        try:
            yield re.findall(r"http\S+", said[1])[0], process
        finally:
            process.kill()


def test_what_a_killed_session_left_is_cleared_at_the_next_start_and_an_open_one_stays(tmp_path: Path) -> None:
    killed, opened, foreign = (tmp_path / f"{PREFIX}{name}" for name in ("killed", "open", "foreign"))
    begun = "import sys; from tests.web.test_support import held; held(sys.argv[1])"
    with subprocess.Popen(
        [sys.executable, "-c", begun, str(killed)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"open\n"
        process.kill()
    foreign.symlink_to(tmp_path)
    assert (killed / LOCK).is_file()
    with bare(opened, "http://127.0.0.1:9"):
        clear_left_over(tmp_path)
    assert sorted(tmp_path.iterdir()) == [foreign, opened]


def held(folder: str) -> None:
    """A session's store, open until the process is killed."""
    Path(folder).mkdir(exist_ok=True)
    with bare(Path(folder), "http://127.0.0.1:9"):
        sys.stdout.write("open\n")
        sys.stdout.flush()
        sys.stdin.read()


@contextmanager
def bare(folder: Path, server: str) -> Iterator[Device]:
    """The same engine without pages, not opened yet."""
    world = system_world()
    device = Device.open(folder, world.chance.bytes(32), world=world, transport=HttpTransport(server))
    yield device
    device.close()


def open_support(device: Device, code: str) -> None:
    device.support.open(code, DeviceDescription(device.new_device_key(), "support", Platform.MAC, "1", "1"))
    device.sync()


def test_an_admin_sees_a_persons_view_and_saves_only_behind_the_switch(
    browser: Browser, running: Running, short_dir: Path
) -> None:
    server, ipad = running.console.removesuffix("/console"), running.devices[0]
    account = ipad.find("Account", where={"LastName": "Ackerman"})[0].id
    with admin(browser, running, "Devices") as console:
        code = begin(console)
        with looking(code, server, short_dir) as (link, process), app(browser, link) as page:
            assert [one.stat().st_mode & 0o777 for one in short_dir.glob("fieldsync-support-*")] == [0o700]
            banner = page.get_by_role("region", name="Support session")
            expect(banner).to_contain_text("read-only: you see what Sarah Jones sees")
            expect(banner).to_contain_text(REASON)
            focus(page.get_by_role("button", name="End", exact=True))
            page.wait_for_event("response", lambda answer: answer.url.endswith("/parts/support"))
            expect(page.get_by_role("button", name="End", exact=True)).to_be_focused()
            page.goto("/accounts")
            expect(page.get_by_text(f"{ipad.count('Account')} accounts")).to_be_visible()

            page.goto(f"/objects/Account/{account}/edit")
            page.get_by_label("Phone", exact=True).fill("+44 113 496 0777")
            page.get_by_role("button", name="Save", exact=True).click()
            expect(page.get_by_text("nothing of Sarah Jones is changed by it")).to_be_visible()

            expect(console.get_by_text("Open, read-only")).to_be_visible()
            console.get_by_text("Let it save").click()
            console.get_by_label("I know that what I save goes live at once").check()
            console.get_by_role("button", name="Switch saving on").click()
            expect(console.get_by_text("Open, saves")).to_be_visible()
            expect(banner).to_contain_text("goes live at once, in the name of Sarah Jones")
            page.get_by_role("button", name="Save", exact=True).click()
            eventually(lambda: "0777" in str((found := ipad.get("Account", account)) and found.values["Phone"]))

            console.get_by_role("button", name="End the session").click()
            expect(console.get_by_text("– Ended").first).to_be_visible()
            assert process.wait(60) == 0
            assert process.stdout is not None
            assert "nothing of it is left on this machine" in process.stdout.read()
        console.goto("/console/devices")
        expect(console.get_by_role("row", name=re.compile(f"Sarah Jones .*{REASON} 1"))).to_be_visible()
        assert not list(short_dir.glob("fieldsync-support-*"))


def test_a_session_that_looks_is_refused_every_write_and_counts_as_no_device(
    browser: Browser, running: Running, short_dir: Path
) -> None:
    server, ipad = running.console.removesuffix("/console"), running.devices[0]
    account = ipad.find("Account", where={"LastName": "Ackerman"})[0]
    with (
        admin(browser, running, "Devices") as console,
        bare(short_dir / "looks", server) as device,
        bare(short_dir / "again", server) as other,
    ):
        code = begin(console)
        open_support(device, code)
        assert device.count("Account") == ipad.count("Account")
        with pytest.raises(Refused, match="support session only looks"), device.edit() as edit:
            edit.update("Account", account.id, {"Phone": "+44 113 496 0999"})
        number = str(device.account.device_number) if device.account else ""
        for path, sent in (
            ("upload", UploadRequest(number, 0, ())),
            ("errors/clear", Clearing(number, "", last=True, entries=())),
            ("mini", Bring("Account", account.id)),
            ("device/number", None),
            ("device/rescue", KeepRescue("a way in")),
        ):
            with pytest.raises(Refused) as refused:
                device._engine.calls.post(f"/sync/v1/{path}", sent, UploadResponse)
            assert refused.value.problem.code is Code.SUPPORT_READ_ONLY, path
        with pytest.raises(Refused) as refused:
            open_support(other, code)
        assert refused.value.problem.code is Code.AUTH, "the code opens it once"
        console.goto("/console/reports")
        row = console.get_by_role("row", name=re.compile("Sarah Jones")).first
        expect(row.get_by_role("cell", name="2", exact=True).first).to_be_visible()
        assert device.support.ask().reason == REASON
        device.support.end()
        with pytest.raises(Refused) as refused:
            device.support.ask()
        assert refused.value.problem.code is Code.AUTH
