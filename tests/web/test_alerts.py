"""What needs somebody, as an admin meets it: each kind on Home with the page that shows it, and told by e-mail and web
address, but not in quiet time."""

from __future__ import annotations

import asyncio
import json
import re
import socketserver
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import psycopg
import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from tests.server.alerts.test_telling import Mailbox, serving
from tests.web.browsing import Running
from tests.web.test_admin import admin
from tests.web.test_repair import disagree

from fieldsync.base.mail_server import VARIABLE
from fieldsync.base.world import system_world
from fieldsync.cli.demo.people import ORG
from fieldsync.server.alerts.outward import NETWORKS
from fieldsync.server.alerts.telling import tell_alerts
from fieldsync.server.org.open import open_org

pytestmark = pytest.mark.usefixtures("online")

OLD = "now() - interval '9 days 1 hour'"
"""Well past the ninth day: columns keep whole seconds, and round up."""
SEEN: tuple[tuple[str, str, str, str], ...] = (
    (("UPDATE \"Sync_Transaction\" SET \"Status\" = 'New', \"Received_At\" = {old} WHERE \"Id\" IN "
     "(SELECT \"Id\" FROM \"Sync_Transaction\" WHERE \"Status\" = 'Success' LIMIT 1)"),
     "1 transaction was taken more than a day ago and never run.", "/console/transactions?status=New",
     "Sync transactions"),
    ("UPDATE \"Sync_Transaction\" SET \"Received_At\" = {old} WHERE \"Status\" = 'Failed'",
     "1 failed transaction has waited for somebody for more than a day.", "/console/transactions?status=Failed",
     "Sync transactions"),
    (("INSERT INTO _undecided (record_id, device, n, hash, saved_at, items, due_at) SELECT \"Id\", 1, 1, '', '', '[]', "
     "{old} FROM \"Sync_Transaction\" WHERE \"Status\" = 'New' LIMIT 1"),
     "1 transaction in the deferred queue is due for more than 60 minutes.", "/console/transactions?status=Retry",
     "Sync transactions"),
    ("UPDATE \"Sync_Rule\" SET \"Where_Clause\" = 'Town = 1', \"Type\" = 'top_level' WHERE \"Object_Name\" = 'Task'",
     "sync rule that is on cannot be used any more.", "/console/rules", "Sync rules"),
    ("UPDATE \"Device\" SET \"Clock_Off_Seconds\" = 900 WHERE \"Name\" LIKE '%iPad'",
     "The clock of 1 device is off by more than 5 minutes.", "/console/devices", "Devices"),
    ("UPDATE \"Device\" SET \"App_Version\" = '0.0.1' WHERE \"Name\" LIKE '%iPad'",
     "1 device runs an older app than this server's", "/console/devices", "Devices"),
    (("UPDATE \"Sync_Tracking\" SET \"Digest\" = 'Differed', \"Started_At\" = now() WHERE \"Id\" = "
     '(SELECT "Id" FROM "Sync_Tracking" ORDER BY "Started_At" DESC LIMIT 1)'),
     "1 device still differed from the server when they were last compared.", "/console/devices", "Devices"),
    (("UPDATE \"Sync_Tracking\" SET \"Problem_Code\" = 'TOO_MANY_ROWS', \"Started_At\" = now() WHERE \"Id\" = "
     '(SELECT "Id" FROM "Sync_Tracking" ORDER BY "Started_At" DESC LIMIT 1)'),
     "The sync rules ended the syncs of 1 device today.", "/console/reports", "Reports"),
    ('UPDATE "Device" SET "Last_Download_At" = {old}', "1 person is late: no sync for 5 days", "/console/reports",
     "Reports"),
)  # fmt: skip
"""What is done to the org, what Home says of it, and where that leads."""


def done_to(running: Running, statement: str) -> None:
    with psycopg.connect(running.uri, options=f"-c search_path=org_{ORG}", autocommit=True) as connection:
        assert connection.execute(statement.format(old=OLD).encode()).rowcount > 0, statement


def the_hour_passes(running: Running) -> int:
    """What a worker does every hour: how many channels were told."""

    async def tell() -> int:
        async with AsyncExitStack() as stack:
            return await tell_alerts(await open_org(stack, running.uri, ORG, system_world()))

    with ThreadPoolExecutor(1) as beside:  # this thread has the browser's loop
        return beside.submit(asyncio.run, tell()).result()


@contextmanager
def devices_away(running: Running) -> Iterator[None]:
    """No device says anything of itself meanwhile."""
    for device in running.devices:
        device.go_offline()
    try:
        yield
    finally:
        for device in running.devices:
            device.go_online()


@contextmanager
def web_address() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Where alerts may be posted to, and what was."""
    posted: list[dict[str, Any]] = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            posted.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    with serving(HTTPServer(("127.0.0.1", 0), Hook)) as port:
        yield f"http://127.0.0.1:{port}/hook", posted


def add_channel(page: Page, kind: str, address: str, name: str) -> None:
    page.goto("/console/alerts")
    page.locator("#name-new").fill(name)
    page.locator("#kind-new").select_option(kind)
    page.locator("#address-new").fill(address)
    page.get_by_role("button", name="Add").click()
    expect(page.get_by_role("region", name=re.compile(name))).to_be_visible()


def be_quiet(channel: Locator, since: str, until: str) -> None:
    """Its quiet time, by hours."""
    channel.get_by_text("Change", exact=True).click()
    channel.get_by_label("Quiet from (hour, UTC)").fill(since)
    channel.get_by_label("Quiet until").fill(until)
    channel.get_by_role("button", name="Save").click()
    expect(channel.get_by_label("Quiet until")).to_be_hidden()


def leads(page: Page, sentence: str, place: str, heading: str) -> None:
    """Home says so, and a click on it leads there."""
    page.goto("/console")
    told = page.get_by_role("region", name="Needs somebody").get_by_role("link", name=re.compile(sentence))
    expect(told).to_have_attribute("href", place)
    told.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(heading)


def test_each_kind_is_told_on_home_and_leads_to_where_it_is_seen(browser: Browser, running: Running) -> None:
    disagree(running, "mine 1", "theirs 1")
    with devices_away(running), admin(browser, running, "Home") as page:
        expect(page.get_by_text("Everybody is up to date.")).to_be_visible()
        for statement, sentence, place, heading in SEEN:
            done_to(running, statement)
            leads(page, sentence, place, heading)
        page.goto("/console/rules/check")
        page.get_by_role("button", name="Check now").click()
        expect(page.get_by_role("region", name="Devices that could not sync").get_by_role("row").nth(1)).to_be_visible()
        leads(page, "The last check of all sync rules found", "/console/rules/check", "Check all rules")
        page.goto("/console/versions")
        page.get_by_text("Ask for it", exact=True).click()
        page.get_by_label("Due").fill(datetime.now(UTC).date().isoformat())
        page.get_by_role("button", name="Ask devices").click()
        leads(page, "not loaded everything anew, though it was due.", "/console/devices", "Devices")
        page.goto("/console")
        late = page.get_by_role("region", name="Who is late")
        expect(late.get_by_role("listitem").filter(has_text="Sarah Jones")).to_contain_text("! Overdue")
        expect(late).to_contain_text("no sync for 9 days")


def test_alerts_come_by_e_mail_and_web_address_once_and_not_in_quiet_time(
    browser: Browser, running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    Mailbox.taken.clear()
    monkeypatch.setenv(NETWORKS, "127.0.0.1/32")
    hour = datetime.now(UTC).hour
    done_to(running, 'UPDATE "Device" SET "Clock_Off_Seconds" = 900 WHERE "Name" LIKE \'%iPad\'')
    with (
        devices_away(running),
        serving(socketserver.TCPServer(("127.0.0.1", 0), Mailbox)) as mail,
        web_address() as (web, posted),
        admin(browser, running, "Home") as page,
    ):
        page.get_by_role("link", name="Whom to tell", exact=True).click()
        add_channel(page, "E-mail", "fleet@demo.example", "Fleet mail")
        mine = page.get_by_role("region", name=re.compile("Fleet mail"))
        mine.get_by_role("button", name="Send a test").click()
        expect(page.get_by_role("status")).to_contain_text("no mail server is named")
        monkeypatch.setenv(VARIABLE, f"smtp://127.0.0.1:{mail}?from=alerts@demo.example")
        mine.get_by_role("button", name="Send a test").click()
        expect(page.get_by_role("status")).to_contain_text("A test was sent.")
        assert ["This is a test" in each for each in Mailbox.taken] == [True]

        be_quiet(mine, str((hour - 1) % 24), str((hour + 2) % 24))
        add_channel(page, "Webhook", web, "Night desk")
        assert the_hour_passes(running) == 1, "only the one that is not quiet"
        assert [any(alert["key"] == "clocks" for alert in one["alerts"]) for one in posted] == [True]
        assert len(Mailbox.taken) == 1
        page.reload()
        expect(page.get_by_role("region", name=re.compile("Night desk"))).to_contain_text("last sent")
        expect(mine).not_to_contain_text("last sent")

        be_quiet(mine, "", "")
        assert the_hour_passes(running) == 1
        assert "clock of 1 device is off" in Mailbox.taken[-1]
        assert len(posted) == 1, "who was told is not told again"
        page.reload()
        expect(mine).to_contain_text("last sent")
        mine.get_by_role("button", name="Drop").click()
        expect(mine).to_have_count(0)
