"""Alerts: found in what the org holds, told once to each channel, not in its quiet time; to real servers."""

from __future__ import annotations

import hashlib
import hmac
import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from tests.server.lab import Lab, Phone
from tests.server.processor.test_acts import code_taken

from fieldsync.base.ids import RecordId
from fieldsync.base.mail_server import VARIABLE, read_address
from fieldsync.base.world import instant
from fieldsync.server.alerts import outward
from fieldsync.server.alerts.address import ADDRESS, whole_address
from fieldsync.server.alerts.channels import Channel, to_tell, told_after
from fieldsync.server.alerts.found import Alert, found_alerts
from fieldsync.server.alerts.outward import NETWORKS
from fieldsync.server.alerts.secret import SECRET_BYTES_MAX, opened, sealed
from fieldsync.server.alerts.telling import SIGNATURE_HEADER, tell_alerts
from fieldsync.server.postgres.work import snapshot

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
LATE, STUCK = Alert("late", "1 person is late.", 1, "/"), Alert("stuck", "1 is stuck.", 1, "/")


def channel(told: dict[str, datetime] | None = None, **values: object) -> Channel:
    given = {"Active": True, "Quiet_From": None, "Quiet_Until": None, "Repeat_Hours": None} | values
    return Channel(RecordId("0Al"), given, 1, told or {})


@pytest.mark.parametrize(
    ("given", "hour", "told"),
    [
        (channel(), 12, [LATE, STUCK]),
        (channel(Active=False), 12, []),
        (channel({"late": NOON - timedelta(days=9)}), 12, [STUCK]),
        (channel({"late": NOON - timedelta(hours=24)}, Repeat_Hours=24), 12, [LATE, STUCK]),
        (channel({"late": NOON - timedelta(hours=23)}, Repeat_Hours=24), 12, [STUCK]),
        (channel(Quiet_From=20, Quiet_Until=7), 20, []),
        (channel(Quiet_From=20, Quiet_Until=7), 6, []),
        (channel(Quiet_From=20, Quiet_Until=7), 7, [LATE, STUCK]),
        (channel(Quiet_From=9, Quiet_Until=17), 16, []),
        (channel(Quiet_From=9, Quiet_Until=17), 8, [LATE, STUCK]),
        (channel(Quiet_From=9, Quiet_Until=9), 9, [LATE, STUCK]),
    ],
)
def test_a_channel_is_told_what_is_new_to_it_outside_of_its_quiet_time(
    given: Channel, hour: int, told: list[Alert]
) -> None:
    assert list(to_tell(given, (LATE, STUCK), NOON.replace(hour=hour))) == told


def test_what_ended_is_forgotten_and_new_when_it_comes_back() -> None:
    after = told_after(channel({"late": NOON, "stuck": NOON}), (LATE,), (), NOON)
    assert after == {"late": NOON}
    assert to_tell(channel(after), (LATE, STUCK), NOON) == (STUCK,)


def test_an_address_of_a_mail_server_is_read() -> None:
    found = read_address("smtps://me%40x:s%2Fe@mail.example?from=alerts@x.example")
    assert found is not None
    assert (found.host, found.port, found.secure, found.user, found.password) == (
        "mail.example",
        465,
        True,
        "me@x",
        "s/e",
    )
    assert read_address("") is None
    with pytest.raises(ValueError, match=VARIABLE):
        read_address("mail.example")


def test_a_page_is_named_by_the_address_that_the_operator_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ADDRESS, raising=False)
    assert whole_address("/console/devices") == "/console/devices"
    monkeypatch.setenv(ADDRESS, "http://10.0.0.5:8080")
    assert whole_address("/console/devices") == "http://10.0.0.5:8080/console/devices"
    monkeypatch.setenv(ADDRESS, "crm.example.com")
    with pytest.raises(ValueError, match=ADDRESS):
        whole_address("/console/devices")


@contextmanager
def serving(server: socketserver.BaseServer) -> Iterator[int]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield int(server.server_address[1])  # type: ignore[index]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def alerts_of(lab: Lab) -> dict[str, int]:
    async def ask() -> tuple[Alert, ...]:
        async with snapshot(lab.org.pool) as database:
            return await found_alerts(lab.org, database)

    return {alert.key: alert.count for alert in lab.run(ask())}


def test_everything_that_needs_somebody_is_found(lab: Lab, sarah: Phone) -> None:
    code_taken(lab, sarah)
    seen = '"Last_Seen_At" = %(now)s, "Last_Download_At" = %(now)s, "App_Version" = %(app)s'
    lab.query(f'UPDATE "Device" SET {seen} RETURNING 1', now=lab.clock.now(), app="99.1")
    assert alerts_of(lab) == {}
    lab.query('UPDATE "Device" SET "Clock_Off_Seconds" = -900, "App_Version" = %(app)s RETURNING 1', app="0.0.9")
    lab.clock.advance(2 * 86_400)
    assert alerts_of(lab) == {"failed": 1, "clocks": 1, "versions": 1}
    lab.clock.advance(4 * 86_400)
    assert alerts_of(lab)["late"] == 1


def test_devices_that_did_not_load_anew_in_time_are_counted_from_the_due_day(lab: Lab, sarah: Phone) -> None:
    now = lab.clock.now()
    lab.query('UPDATE "Device" SET "Last_Seen_At" = %(now)s, "Registered_At" = %(now)s RETURNING 1', now=now)
    asked, due = now + timedelta(hours=1), (now + timedelta(days=2)).date()
    days = {"Alert_Date": f"{now.date()}", "Due_Date": f"{due}"}
    lab.rows("Data_Reload", {"Name": "r", "Asked_At": instant(asked), **days})
    assert "reloads" not in alerts_of(lab)
    lab.clock.advance(2 * 86_400)
    assert alerts_of(lab)["reloads"] == 1
    lab.query('UPDATE "Device" SET "Last_Full_Sync_At" = %(now)s RETURNING 1', now=lab.clock.now())
    assert "reloads" not in alerts_of(lab)


def test_a_webhook_is_told_once_and_signed_and_says_why_it_failed(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NETWORKS, "127.0.0.1/32")
    monkeypatch.setenv(ADDRESS, "https://crm.example.com/")
    taken: list[tuple[bytes, str]] = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            taken.append((body, self.headers[SIGNATURE_HEADER]))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    lab.person("sarah")
    lab.phone("sarah")  # who never synced is late
    with serving(HTTPServer(("127.0.0.1", 0), Hook)) as port:
        values = {"Name": "hook", "Active": True, "Kind": "Webhook", "Secret": sealed(lab.org.mac_key, "s", bytes(12))}
        [hook] = lab.rows("Alert_Channel", {**values, "Address": f"http://127.0.0.1:{port}/"})
        assert [lab.run(tell_alerts(lab.org)) for _ in range(2)] == [1, 0]
    [(body, signature)] = taken
    assert signature == hmac.new(b"s", body, hashlib.sha256).hexdigest()
    [late] = json.loads(body)["alerts"]
    assert (late["key"], late["page"]) == ("late", "https://crm.example.com/console/reports")
    lab.query('UPDATE "Alert_Channel" SET "Told" = NULL RETURNING 1')
    assert lab.run(tell_alerts(lab.org)) == 0
    [(problem, told)] = lab.query('SELECT "Last_Problem", "Told" FROM "Alert_Channel" WHERE "Id" = %(id)s', id=hook)
    assert "refused" in problem
    assert told == "{}", "what was not told is tried again"


def test_an_admin_reaches_nothing_inside_through_a_webhook(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    class Inside(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(self.path)
            self.send_response(307)
            self.send_header("location", "/elsewhere")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    with serving(HTTPServer(("127.0.0.1", 0), Inside)) as port:
        for host in ("127.0.0.1", "localhost", "2130706433", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0"):
            with pytest.raises(ValueError, match=NETWORKS):
                outward.post(f"http://{host}:{port}/", b"{}", {}, seconds=2)
        assert asked == []
        monkeypatch.setenv(NETWORKS, "10.0.0.0/8, 127.0.0.1/32")
        with pytest.raises(ValueError, match="307"):
            outward.post(f"http://127.0.0.1:{port}/hook?x=1", b"{}", {}, seconds=60)
    assert asked == ["/hook?x=1"], "and nowhere else"


@pytest.mark.parametrize(
    ("address", "outside"),
    [
        *(("93.184.215.14", True), ("2606:2800:21f:cb07::1", True), ("64:ff9b::5db8:d70e", True)),
        *(("169.254.169.254", False), ("10.0.0.1", False), ("100.64.0.1", False), ("224.0.0.1", False)),
        *(("::1", False), ("fe80::1%eth0", False), ("fd00::1", False), ("64:ff9b::a9fe:a9fe", False)),
        *(("2002:7f00:1::", False), ("::ffff:10.0.0.1", False)),
    ],
)
def test_what_is_outside(address: str, *, outside: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(NETWORKS, raising=False)
    assert outward.may_be_called(address) is outside


class Mailbox(socketserver.StreamRequestHandler):
    """As much of a mail server as one message needs."""

    taken: list[str] = []  # noqa: RUF012

    def handle(self) -> None:
        self.wfile.write(b"220 here\r\n")
        while line := self.rfile.readline().decode().strip().upper():
            if line == "DATA":
                self.wfile.write(b"354 go on\r\n")
                lines = iter(lambda: self.rfile.readline().decode().rstrip("\r\n"), ".")
                self.taken.append("\n".join(lines))
            self.wfile.write(b"250 fine\r\n" if line != "QUIT" else b"221 bye\r\n")


def test_an_e_mail_names_the_org_and_what_it_is_about(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.person("sarah")
    lab.phone("sarah")
    lab.rows("Alert_Channel", {"Name": "me", "Active": True, "Kind": "E-mail", "Address": "me@x.example"})
    monkeypatch.delenv(VARIABLE, raising=False)
    assert lab.run(tell_alerts(lab.org)) == 0
    assert VARIABLE in lab.query('SELECT "Last_Problem" FROM "Alert_Channel"')[0][0]
    with serving(socketserver.TCPServer(("127.0.0.1", 0), Mailbox)) as port:
        monkeypatch.setenv(VARIABLE, f"smtp://127.0.0.1:{port}?from=fleet@x.example")
        assert lab.run(tell_alerts(lab.org)) == 1
    [mail] = Mailbox.taken
    assert "To: me@x.example" in mail
    assert "Subject: fieldsync small: 1 person is late" in mail


def test_a_secret_is_kept_sealed_and_another_org_cannot_open_it() -> None:
    kept = sealed(b"one org", "whisper", bytes(12))
    assert "whisper" not in kept
    assert opened(b"one org", kept) == "whisper"
    with pytest.raises(ValueError, match="give it anew"):
        opened(b"another org", kept)
    assert opened(b"one org", "of an earlier version") == "of an earlier version"
    assert len(sealed(b"one org", "x" * SECRET_BYTES_MAX, bytes(12))) <= 255
