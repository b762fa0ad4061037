"""An approved e-mail is written offline, sent once by the server, and the device sees what became of it.

Real server process, real devices over HTTP, a real conversation with a mail server.
"""

from __future__ import annotations

import email
import email.policy
import socketserver
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from email.message import EmailMessage

import psycopg
import pytest
from tests.conftest import Databases
from tests.scenarios.stage import PASSWORD, Stage, wait_for

from fieldsync.base.ids import RecordId
from fieldsync.base.mail_server import VARIABLE
from fieldsync.base.problems import Code
from fieldsync.base.world import system_world
from fieldsync.device import Device
from fieldsync.protocol.email.consent import OBJECT, TEMPLATE
from fieldsync.protocol.rows import RecordRef
from fieldsync.schema.catalog import build
from fieldsync.schema.load import load_packs
from fieldsync.server.media.keep import put
from fieldsync.server.org.create import create_org, seeding_org
from fieldsync.server.org.seed import insert_rows, mint_ids
from fieldsync.server.org.users import NewUser, create_user
from fieldsync.server.postgres.queue.schema import QUEUE_SCHEMA

ORG, SARAH, CLINIC = "letters", "sarah@letters.example", "ruth@clinic.example"
TEXT = "<p>Dear {{Account.LastName}},</p><p>{{Note}}</p><p>{{User.Name}}</p>"
EVERYTHING: dict[str, object] = {
    "Salutation": "Dr.",
    "LastName": "Ackerman",
    "Email": CLINIC,
    "Email_Consent": "Opted In",
}


class Post(socketserver.ThreadingTCPServer):
    """A mail server: takes what comes, or answers as it was told to."""

    allow_reuse_address, daemon_threads = True, True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Counter)
        self.taken: list[EmailMessage] = []
        self.answers: list[bytes] = []
        self.asked = 0


class Counter(socketserver.StreamRequestHandler):
    """One conversation."""

    server: Post

    def handle(self) -> None:
        self.wfile.write(b"220 here\r\n")
        while line := self.rfile.readline().decode().strip().upper():
            answer = b"221 bye\r\n" if line == "QUIT" else b"250 fine\r\n"
            if line.startswith("MAIL"):
                self.server.asked += 1
            if line.startswith("RCPT") and self.server.answers:
                answer = self.server.answers.pop(0)
            if line == "DATA":
                self.wfile.write(b"354 go on\r\n")
                lines = list(iter(lambda: self.rfile.readline().decode().rstrip("\r\n"), "."))
                self.server.taken.append(email.message_from_string("\n".join(lines), policy=email.policy.default))
            self.wfile.write(answer)


@contextmanager
def mail_server() -> Iterator[Post]:
    server = Post()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Letters:
    """The stage, its mail server, and what an admin did beforehand."""

    def __init__(self, stage: Stage, post: Post, template: RecordId) -> None:
        self.stage, self.post, self.template = stage, post, template

    def account(self, **values: object) -> RecordId:
        with seeding_org(self.stage.uri, ORG, self.stage.world) as seeding:
            [record] = mint_ids(seeding, "Account", 1)
            owner = next(i for i, row in self.stage.rows("User").items() if row["Username"] == SARAH)
            insert_rows(
                seeding, "Account", [{"Id": record, "Name": "Dr. Ackerman", "OwnerId": owner, **EVERYTHING, **values}]
            )
        return record

    def write(self, device: Device, account: RecordId, **values: object) -> RecordId:
        checksum = self.stage.rows("Content")[self.template]["Checksum"]
        given = {"AccountId": account, "ContentId": self.template, "Content_Checksum": checksum, "To_Address": CLINIC}
        with device.edit() as edit:
            return edit.create(OBJECT, {**given, **values})


@pytest.fixture(scope="module")
def letters(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Letters]:
    name = databases.create()
    uri, world = databases.uri(name), system_world()
    admin = NewUser("admin@letters.example", PASSWORD, "System_Administrator", "Admin")
    create_org(uri, ORG, build(load_packs()), admin=admin, world=world)
    with seeding_org(uri, ORG, world) as seeding:
        create_user(
            seeding, NewUser(SARAH, PASSWORD, "Field_Representative", "Jones", {"FirstName": "Sarah"}), world.chance
        )
        [template] = mint_ids(seeding, "Content", 1)
        checksum = put(seeding.connection, RecordRef("Content", template), TEXT.encode(), world.clock)
        about = {
            "Name": "Thanks",
            "Title": "Thanks",
            "Subject": "Thank you, {{Account.Salutation}} {{Account.LastName}}",
        }
        about |= {"Type": TEMPLATE, "Status": "Approved", "Version": "3", "Media_Type": "text/html"}
        insert_rows(seeding, "Content", [{"Id": template, **about, "Checksum": checksum, "Bytes": len(TEXT)}])
    with mail_server() as post, ExitStack() as stack:
        env = {VARIABLE: f"smtp://127.0.0.1:{post.server_address[1]}?from=crm@letters.example"}
        yield Letters(Stage(stack, uri, ORG, tmp_path_factory.mktemp("letters"), env), post, template)
    databases.drop(name)


def status(device: Device, record: RecordId) -> object:
    found = device.get(OBJECT, record)
    return found.values["Status"] if found is not None else None


def test_one_written_offline_is_sent_once_and_the_device_sees_it(letters: Letters) -> None:
    account = letters.account()
    ipad = letters.stage.device(SARAH, "ipad")
    ipad.go_offline()
    record = letters.write(ipad, account, Note="<b>Until</b> Monday")
    assert status(ipad, record) == "Queued"
    assert letters.post.taken == []
    ipad.go_online()
    wait_for(lambda: status(ipad, record) == "Sent")
    [mail] = letters.post.taken
    assert (mail["To"], mail["Subject"]) == (CLINIC, "Thank you, Dr. Ackerman")
    assert mail["From"] == "Sarah Jones <crm@letters.example>"
    html = mail.get_body(("html",)).get_content()  # type: ignore[union-attr]
    assert "<p>Dear Ackerman,</p><p>&lt;b&gt;Until&lt;/b&gt; Monday</p><p>Sarah Jones</p>" in html
    assert "Dear Ackerman," in mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    told = ipad.get(OBJECT, record)
    assert told is not None
    assert (told.values["Content_Version"], told.values["Message_Id"]) == ("3", mail["Message-ID"])
    assert told.values["Sent_At"]
    with ipad.edit() as edit:
        edit.update(OBJECT, record, {"Note": "something else"})
    wait_for(ipad.errors)
    assert [problem.code for problem in ipad.errors()[0].problems] == [Code.PERMISSION]


def test_one_that_may_not_go_out_is_refused_with_the_reason_whatever_the_device_said(letters: Letters) -> None:
    asked = letters.post.asked
    out, other = letters.account(Email_Consent="Opted Out"), letters.account(Email="new@clinic.example")
    ipad = letters.stage.device(SARAH, "ipad-2")
    first, second = letters.write(ipad, out), letters.write(ipad, other)
    third = letters.write(ipad, letters.account(), Content_Checksum="0" * 64)
    wait_for(lambda: [status(ipad, one) for one in (first, second, third)] == ["Refused"] * 3)
    reasons = [str(ipad.get(OBJECT, one).values["Problem"]) for one in (first, second, third)]  # type: ignore[union-attr]
    assert reasons[0] == "This account does not want e-mails."
    assert reasons[1] == "The account has another e-mail address now."
    assert reasons[2].startswith("The template has a newer version")
    assert letters.post.asked == asked


def test_what_the_mail_server_does_not_take_is_tried_again_and_what_it_refuses_has_failed(letters: Letters) -> None:
    letters.post.taken.clear()
    ipad = letters.stage.device(SARAH, "ipad-3")
    letters.post.answers[:] = [b"550 nobody here\r\n"]
    gone = letters.write(ipad, letters.account())
    wait_for(lambda: status(ipad, gone) == "Failed")
    assert "550 nobody here" in str(ipad.get(OBJECT, gone).values["Problem"])  # type: ignore[union-attr]
    letters.post.answers[:] = [b"451 come back later\r\n"]
    later = letters.write(ipad, letters.account())
    wait_for(lambda: "451 come back later" in str(ipad.get(OBJECT, later).values["Problem"]))  # type: ignore[union-attr]
    assert status(ipad, later) == "Queued"
    assert letters.post.taken == []
    with psycopg.connect(letters.stage.uri, autocommit=True) as connection:
        made_due = f"UPDATE {QUEUE_SCHEMA}.procrastinate_jobs SET scheduled_at = now() WHERE status = 'todo'"
        assert connection.execute(made_due).rowcount == 1
    wait_for(lambda: status(ipad, later) == "Sent")
    assert len(letters.post.taken) == 1
