"""A letter: the template with its places filled in, as a message that a mail server takes. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formataddr

from fieldsync.base.ids import RecordId
from fieldsync.base.mail_server import MailServer
from fieldsync.protocol.email.template import HTML, as_plain, filled, one_line, values_for
from fieldsync.server.save.batch import Row


@dataclass(frozen=True)
class Facts:
    """What is known of an e-mail that is to go out: its record, to and from whom, its template and the text of it."""

    email: Row
    account: Row
    user: Row
    template: Row
    text: str | None
    """None where the file of that version is not here."""


def message_id(org_id: str, record_id: RecordId, server: MailServer) -> str:
    """The same for the same e-mail whenever it is sent, so that one which came twice is shown once."""
    domain = server.sender.rpartition("@")[2] or server.host
    return f"<{record_id}.{org_id}@{domain}>"


def letter(facts: Facts, server: MailServer, known_as: str) -> EmailMessage:
    """The message. It comes from the operator's address in the name of who wrote it; answers go to him."""
    assert facts.text is not None
    values = values_for(facts.account, facts.user, str(facts.email.get("Note") or ""))
    subject = str(facts.template.get("Subject") or facts.template.get("Title") or "")
    message = EmailMessage()
    message["Message-ID"] = known_as
    message["Subject"] = one_line(filled(subject, values, html=False))
    message["From"] = formataddr((one_line(values["User.Name"]), server.sender))
    message["To"] = str(facts.email["To_Address"])
    if facts.user.get("Email"):
        message["Reply-To"] = str(facts.user["Email"])
    is_html = facts.template.get("Media_Type") == HTML
    body = filled(facts.text, values, html=is_html)
    message.set_content(as_plain(body) if is_html else body)
    if is_html:
        message.add_alternative(body, subtype="html")
    return message
