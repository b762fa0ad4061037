"""The mail server that alerts and approved e-mails leave by, as the environment names it.

`FIELDSYNC_SMTP=smtp://user:password@host:587?from=alerts@example.com`
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from urllib.parse import parse_qs, unquote, urlsplit

VARIABLE = "FIELDSYNC_SMTP"
PORTS = {"smtp": 587, "smtps": 465}


@dataclass(frozen=True)
class MailServer:
    """`smtps` speaks TLS from the start; `smtp` begins it where the server offers it."""

    host: str
    port: int
    secure: bool
    sender: str
    user: str = ""
    password: str = ""


def mail_server() -> MailServer | None:
    """The one that is named; None where none is. Raises ValueError for what is no such address."""
    return read_address(os.environ.get(VARIABLE, ""))


def read_address(address: str) -> MailServer | None:
    """An address as a mail server. Raises ValueError. Pure."""
    if not address:
        return None
    parts = urlsplit(address)
    if parts.scheme not in PORTS or not parts.hostname:
        raise ValueError(f"{VARIABLE} is no address like smtp://user:password@host:587?from=alerts@example.com")
    sender = parse_qs(parts.query).get("from", [f"fieldsync@{parts.hostname}"])[0]
    who = (unquote(parts.username or ""), unquote(parts.password or ""))
    return MailServer(parts.hostname, parts.port or PORTS[parts.scheme], parts.scheme == "smtps", sender, *who)
