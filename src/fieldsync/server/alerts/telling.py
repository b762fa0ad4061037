"""Telling alerts: once an hour, each channel what is new to it. A channel that cannot be reached says why, and is tried
again with the next hour."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import smtplib
from collections.abc import Sequence
from email.message import EmailMessage
from http.client import HTTPException

import msgspec

from fieldsync.base.log import get_logger
from fieldsync.base.mail_server import VARIABLE, mail_server
from fieldsync.base.world import instant
from fieldsync.server.alerts import outward
from fieldsync.server.alerts.address import whole_address
from fieldsync.server.alerts.channels import EMAIL, Channel, channels, note_told, to_tell, told_after
from fieldsync.server.alerts.found import Alert, found_alerts
from fieldsync.server.alerts.secret import opened
from fieldsync.server.email.smtp import SECONDS, connected
from fieldsync.server.org.runtime import Org
from fieldsync.server.postgres.work import snapshot, transaction

SIGNATURE_HEADER = "fieldsync-signature"
TEST = Alert("test", "This is a test: alerts of this org come here.", 1, "/console/alerts")
_log = get_logger("fieldsync.server")


async def tell_alerts(org: Org) -> int:
    """Tell every channel what is new to it. Returns how many were told something."""
    async with snapshot(org.pool) as database:
        found = await channels(org, database)
        alerts = await found_alerts(org, database) if any(channel.active for channel in found) else ()
    sent = 0
    for channel in (one for one in found if one.active):
        now = org.world.clock.now()
        telling = to_tell(channel, alerts, now)
        wrong = await send(org, channel, telling) if telling else None
        told = told_after(channel, alerts, () if wrong else telling, now)
        if telling or told != dict(channel.told):
            async with transaction(org.pool) as database:
                await note_told(org, database, channel, told, wrong if telling else channel.last_problem)
        sent += bool(telling) and wrong is None
    return sent


async def send(org: Org, channel: Channel, alerts: Sequence[Alert]) -> str | None:
    """Send these; what went wrong, or None."""
    act = _mail if channel.values["Kind"] == EMAIL else _post
    try:
        await asyncio.to_thread(act, org, channel, alerts, instant(org.world.clock.now()))
    except (OSError, ValueError, smtplib.SMTPException, HTTPException) as error:
        _log.warning("alert not sent", org=org.name, channel=channel.id, error=type(error).__name__)
        return f"{type(error).__name__}: {error}"
    return None


def _mail(org: Org, channel: Channel, alerts: Sequence[Alert], _: str) -> None:
    server = mail_server()
    if server is None:
        raise ValueError(f"no mail server is named: set {VARIABLE}")
    message = EmailMessage()
    message["Subject"] = f"fieldsync {org.name}: {alerts[0].sentence if len(alerts) == 1 else f'{len(alerts)} alerts'}"
    message["From"], message["To"] = server.sender, str(channel.values["Address"])
    lines = [f"- {alert.sentence}\n  {whole_address(alert.page)}" for alert in alerts]
    message.set_content("\n".join([f"In the org {org.name}:", "", *lines, ""]))
    with connected(server) as connection:
        connection.send_message(message)


def _post(org: Org, channel: Channel, alerts: Sequence[Alert], at: str) -> None:
    """JSON, signed with the channel's secret. Raises ValueError, OSError, HTTPException."""
    told = [{**msgspec.to_builtins(alert), "page": whole_address(alert.page)} for alert in alerts]
    body = msgspec.json.encode({"org": org.name, "at": at, "alerts": told})
    headers = {"content-type": "application/json", "user-agent": "fieldsync"}
    if channel.values["Secret"]:
        key = opened(org.mac_key, str(channel.values["Secret"])).encode()
        headers[SIGNATURE_HEADER] = hmac.new(key, body, hashlib.sha256).hexdigest()
    outward.post(str(channel.values["Address"]), body, headers, seconds=SECONDS)
