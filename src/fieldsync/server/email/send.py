"""The job of one approved e-mail: judged as things are now, sent, and its outcome written on its record.

What the mail server took is noted at once, on its own, before the record is touched: however often the job runs again,
the e-mail leaves once. Only a process that dies in between sends it a second time, under the same Message-ID. One that
no server takes is tried again after `limits.EMAIL_PAUSES_MINUTES`; then it has failed, and the person sees why.
"""

from __future__ import annotations

import asyncio
import smtplib
from collections.abc import Iterable
from datetime import timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from sqlalchemy import bindparam, select
from sqlalchemy.dialects.postgresql import insert

from fieldsync.base import limits
from fieldsync.base.log import get_logger
from fieldsync.base.mail_server import VARIABLE, mail_server
from fieldsync.base.world import instant
from fieldsync.protocol.email.consent import FAILED, OBJECT, QUEUED, REFUSED, SENT, why_not
from fieldsync.protocol.email.template import TEMPLATE_BYTES_MAX
from fieldsync.protocol.media import PIECE_BYTES
from fieldsync.protocol.upload import Item, Operation
from fieldsync.server.email.letter import Facts, letter, message_id
from fieldsync.server.email.queued import DueEmail
from fieldsync.server.email.smtp import connected
from fieldsync.server.media import keep
from fieldsync.server.org.runtime import Org
from fieldsync.server.postgres.compiled import compile_statement
from fieldsync.server.postgres.queue.statements import DEFER
from fieldsync.server.postgres.tables import system_table
from fieldsync.server.postgres.work import Busy, Collision, transaction
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.save.batch import Caller, Channel, Edit, Row, decode_row, encode_rows
from fieldsync.server.save.logic.later.settle import Moved, settle
from fieldsync.server.save.logic.trigger import Batch, TriggerRecord

PROBLEM_CHARS_MAX = 255
_PERMANENT = range(500, 600)
_TAKEN = system_table("_email_taken")
_IS_TAKEN = compile_statement(select(_TAKEN.c.message_id, _TAKEN.c.at).where(_TAKEN.c.record_id == bindparam("id")))
_TAKE = compile_statement(
    insert(_TAKEN)
    .values(record_id=bindparam("id"), message_id=bindparam("message"), at=bindparam("at"))
    .on_conflict_do_nothing()
)
_log = get_logger("fieldsync.server")


async def send_email(org: Org, due: DueEmail) -> None:
    """Send it if it is still queued. Raises Busy, Collision, Moved where its record could not be written: run again."""
    if OBJECT not in org.catalog:
        return
    async with transaction(org.pool) as database:
        facts = await _facts(org, database, due)
        taken = await database.one(_IS_TAKEN, id=due.email)
    if facts is None:
        return
    today = org.world.clock.now().astimezone(_zone(facts.user)).date()
    refused = why_not(facts.account, facts.template, facts.email, today)
    if taken is not None:
        await _write(org, due, _sent(str(taken[0]), instant(taken[1]), facts))
    elif refused is not None:
        await _write(org, due, {"Status": REFUSED, "Problem": refused.value})
    elif facts.text is None:
        await _put_off(org, due, facts, "the file of the template is not on the server yet")
    else:
        await _post(org, due, facts)


async def _post(org: Org, due: DueEmail, facts: Facts) -> None:
    """What the mail server says no to for good has failed; whatever else goes wrong is tried again."""
    try:
        server = mail_server()
        if server is None:
            raise ValueError(f"no mail server is named: set {VARIABLE}")
        known_as = message_id(org.org_id, due.email, server)
        message = letter(facts, server, known_as)
        await asyncio.to_thread(lambda: _deliver(connected(server), message))
    except smtplib.SMTPRecipientsRefused as refused:
        await _not_taken(org, due, facts, next(iter(refused.recipients.values())))
    except smtplib.SMTPDataError as refused:
        await _not_taken(org, due, facts, (refused.smtp_code, refused.smtp_error))
    except (OSError, ValueError, smtplib.SMTPException) as error:
        await _put_off(org, due, facts, str(error) or type(error).__name__)
    else:
        now = org.world.clock.now()
        async with transaction(org.pool) as database:
            await database.run(_TAKE, id=due.email, message=known_as, at=now)
        await _write(org, due, _sent(known_as, instant(now), facts))


def _deliver(connection: smtplib.SMTP, message: object) -> None:
    with connection:
        connection.send_message(message)  # type: ignore[arg-type]


async def _not_taken(org: Org, due: DueEmail, facts: Facts, answer: tuple[int, bytes | str]) -> None:
    code, said = answer
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    reason = f"the mail server answered {code} {text}"
    if code in _PERMANENT:
        values = {"Status": FAILED, "Attempts": _attempts(facts), "Problem": _told(f"Not sent: {reason}.")}
        await _write(org, due, values)
    else:
        await _put_off(org, due, facts, reason)


async def _put_off(org: Org, due: DueEmail, facts: Facts, reason: str) -> None:
    attempts = _attempts(facts)
    _log.warning("e-mail not sent", org=org.name, email=due.email, attempts=attempts)
    if attempts > len(limits.EMAIL_PAUSES_MINUTES):
        told = _told(f"Not sent, tried {attempts} times: {reason}.")
        await _write(org, due, {"Status": FAILED, "Attempts": attempts, "Problem": told})
    else:
        pause = timedelta(minutes=limits.EMAIL_PAUSES_MINUTES[attempts - 1])
        told = _told(f"Not sent yet, tried again by itself: {reason}.")
        await _write(org, due, {"Attempts": attempts, "Problem": told}, again=pause)


def _attempts(facts: Facts) -> int:
    return int(facts.email.get("Attempts") or 0) + 1


def _told(text: str) -> str:
    return " ".join(text.split())[:PROBLEM_CHARS_MAX]


def _sent(known_as: str, at: str, facts: Facts) -> Row:
    return {
        "Status": SENT,
        "Sent_At": at,
        "Message_Id": known_as,
        "Attempts": _attempts(facts),
        "Problem": None,
        "Content_Version": facts.template.get("Version"),
    }


def _zone(user: Row) -> ZoneInfo:
    try:
        return ZoneInfo(str(user.get("TimeZoneSidKey") or "UTC"))
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


async def _facts(org: Org, database: Database, due: DueEmail) -> Facts | None:
    """None where there is nothing to send any more."""
    email = await _row(org, database, OBJECT, due.email)
    if email is None or email.get("Status") != QUEUED:
        return None
    account = await _row(org, database, "Account", email["AccountId"])
    user = await _row(org, database, "User", email.get("OwnerId") or due.user)
    template = await _row(org, database, "Content", email["ContentId"])
    text = await _text(database, email["ContentId"], str(email["Content_Checksum"]))
    return Facts(email, account or {}, user or {}, template or {}, text)


async def _row(org: Org, database: Database, name: str, record_id: str) -> Row | None:
    found = [decode_row(text) for (text,) in await database.rows(org.save.read(name), ids=[record_id])]
    return found[0] if found and not found[0].get("IsDeleted") else None


async def _text(database: Database, content: str, checksum: str) -> str | None:
    size = await keep.size_of(database, content, checksum)
    if size is None or size > TEMPLATE_BYTES_MAX:
        return None
    assert size <= PIECE_BYTES
    return (await keep.read(database, content, checksum, (0, size))).decode("utf-8", "replace")


async def _write(org: Org, due: DueEmail, values: Row, *, again: timedelta | None = None) -> None:
    """Write the outcome on the record, and with it on the person's feed; `again`: and run this job again after it."""
    for attempt in range(limits.DEADLOCK_RETRIES_MAX):
        try:
            async with transaction(org.pool) as database:
                await _settle(org, database, due, values, again)
                return
        except (Busy, Collision, Moved):
            if attempt == limits.DEADLOCK_RETRIES_MAX - 1:
                raise


async def _settle(org: Org, database: Database, due: DueEmail, values: Row, again: timedelta | None) -> None:
    caller = Caller(due.user, due.profile, Channel.JOB, job_feeds=True, rights=org.rights.of(due.profile))
    object_type, now = org.catalog[OBJECT], org.world.clock.now()
    record = TriggerRecord(Edit(Item(OBJECT, due.email, Operation.UPDATE), object_type), may_change=False)
    batch = Batch(object_type, Operation.UPDATE, [record], due.user, instant(now), _find_nothing)
    batch.update(record, OBJECT, due.email, **values)
    problems = await settle(org, database, caller, ([batch], {}))
    if problems:
        raise NotWritten("; ".join(problem.message for problem in problems))
    if again is not None:
        jobs = encode_rows([msgspec.structs.asdict(due)])
        await database.rows(DEFER, queue=org.name, jobs=jobs, at=now + again)


class NotWritten(Exception):
    """A rule of the org refuses what became of the e-mail."""


async def _find_nothing(_: str, __: str, ___: Iterable[str]) -> list[Row]:
    return []
