"""A connection to the mail server that the operator names."""

from __future__ import annotations

import smtplib
import ssl

from fieldsync.base.mail_server import MailServer

SECONDS = 10.0


def connected(server: MailServer) -> smtplib.SMTP:
    """One that is open, signed in and, where the server offers it, encrypted. Raises OSError, SMTPException."""
    context = ssl.create_default_context()
    if server.secure:
        connection: smtplib.SMTP = smtplib.SMTP_SSL(server.host, server.port, timeout=SECONDS, context=context)
    else:
        connection = smtplib.SMTP(server.host, server.port, timeout=SECONDS)
        connection.ehlo()
        if connection.has_extn("starttls"):
            connection.starttls(context=context)
    if server.user:
        connection.login(server.user, server.password)
    return connection
