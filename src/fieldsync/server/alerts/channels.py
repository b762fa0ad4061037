"""Alert channels: to whom alerts go, when they are left alone, and what each has been told. What to tell is pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import bindparam, select, update

from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Code, Refused, problem
from fieldsync.protocol.upload import Change, Item, Operation
from fieldsync.server.alerts.found import Alert
from fieldsync.server.alerts.secret import SECRET_BYTES_MAX, sealed
from fieldsync.server.org.runtime import Org
from fieldsync.server.postgres.compiled import compile_statement
from fieldsync.server.postgres.work import Work as Database

OBJECT = "Alert_Channel"
EMAIL, WEBHOOK = "E-mail", "Webhook"
ENTERED = ("Name", "Active", "Kind", "Address", "Secret", "Quiet_From", "Quiet_Until", "Repeat_Hours")
REPEAT_HOURS_MAX = 9_999
_TOLD = msgspec.json.Decoder(dict[str, datetime])


@dataclass(frozen=True)
class Channel:
    """One record. Quiet from one hour of the day until another, UTC; the same hour twice is never."""

    id: RecordId
    values: Mapping[str, Any]
    stamp: int
    told: Mapping[str, datetime] = field(default_factory=dict)
    last_sent_at: datetime | None = None
    last_problem: str | None = None

    @property
    def active(self) -> bool:
        """Whether it is told anything."""
        return self.values["Active"] is True

    def is_quiet(self, now: datetime) -> bool:
        """Whether it is to be left alone at this moment."""
        begins, ends = self.values["Quiet_From"], self.values["Quiet_Until"]
        if begins is None or ends is None or begins == ends:
            return False
        inside = begins <= now.hour < ends if begins < ends else now.hour >= begins or now.hour < ends
        return bool(inside)


def to_tell(channel: Channel, alerts: Iterable[Alert], now: datetime) -> tuple[Alert, ...]:
    """Those that are new to a channel, or go on for so long that they are told again. Nothing in its quiet time: what
    began then is told when it ends. Pure."""
    if not channel.active or channel.is_quiet(now):
        return ()
    again = timedelta(hours=int(channel.values["Repeat_Hours"] or 0))
    return tuple(
        alert for alert in alerts if alert.key not in channel.told or (again and now - channel.told[alert.key] >= again)
    )


def told_after(channel: Channel, alerts: Iterable[Alert], told: Iterable[Alert], now: datetime) -> dict[str, datetime]:
    """When each alert that goes on was told. One that ended is forgotten: when it comes back it is new. Pure."""
    goes_on = {alert.key for alert in alerts}
    kept = {key: at for key, at in channel.told.items() if key in goes_on}
    return kept | {alert.key: now for alert in told}


async def channels(org: Org, database: Database) -> list[Channel]:
    """Every channel, by name."""
    t = org.metadata.tables[OBJECT]
    names = (*ENTERED, "Told", "Last_Sent_At", "Last_Problem", "_stamp")
    query = select(t.c.Id, *(t.c[name] for name in names)).where(t.c.IsDeleted.is_(False)).order_by(t.c.Name, t.c.Id)
    return [_channel(*row) for row in await database.rows(compile_statement(query))]


def _channel(record_id: str, *row: Any) -> Channel:
    told, sent, wrong, stamp = row[len(ENTERED) :]
    values = dict(zip(ENTERED, row, strict=False))
    values |= {name: None if values[name] is None else int(values[name]) for name in ENTERED[5:]}
    return Channel(RecordId(record_id), values, stamp, _TOLD.decode(told) if told else {}, sent, wrong)


async def note_told(
    org: Org, database: Database, channel: Channel, told: Mapping[str, datetime], wrong: str | None
) -> None:
    """What it was told, or why that did not work."""
    t = org.metadata.tables[OBJECT]
    values: dict[str, Any] = {"Told": bindparam("told"), "Last_Problem": bindparam("wrong")}
    given: dict[str, Any] = {"told": msgspec.json.encode(told).decode(), "wrong": wrong and wrong[:2_000]}
    if wrong is None:
        values["Last_Sent_At"], given["now"] = bindparam("now"), org.world.clock.now()
    await database.run(
        compile_statement(update(t).where(t.c.Id == bindparam("id")).values(values)), id=channel.id, **given
    )


def entered(values: Mapping[str, str], key: bytes, nonce: bytes) -> dict[str, Any]:
    """What a form says of a channel; of its secret only what is new. Raises Refused(UNUSABLE). Pure."""
    address = values.get("Address", "").strip()
    kind = values.get("Kind", EMAIL)
    if kind == WEBHOOK and not address.startswith(("https://", "http://")):
        raise _unusable("a web address begins with https://")
    if kind == EMAIL and (address.count("@") != 1 or any(char.isspace() or char == "," for char in address)):
        raise _unusable("an e-mail address is needed")
    numbers = {name: _number(values.get(name, ""), most) for name, most in (("Quiet_From", 23), ("Quiet_Until", 23))}
    numbers["Repeat_Hours"] = _number(values.get("Repeat_Hours", ""), REPEAT_HOURS_MAX)
    named = {"Name": values.get("Name", "").strip()[:80] or address[:80], "Kind": kind, "Address": address}
    secret = values.get("Secret", "")
    if len(secret.encode()) > SECRET_BYTES_MAX:
        raise _unusable(f"a secret has at most {SECRET_BYTES_MAX} letters")
    new: dict[str, Any] = {"Secret": sealed(key, secret, nonce)} if secret else {}
    if values.get("No_Secret") == "true":
        new = {"Secret": None}
    return {**named, "Active": values.get("Active") == "true", **new, **numbers}


def _number(text: str, most: int) -> int | None:
    given = text.strip()
    if not given:
        return None
    if not (given.isascii() and given.isdecimal() and len(given) < 6 and int(given) <= most):
        raise _unusable(f"{given} is no whole number up to {most}")
    return int(given)


def _unusable(reason: str) -> Refused:
    return Refused(problem(Code.UNUSABLE, what="The channel", reason=reason))


def made(channel_id: RecordId, values: Mapping[str, Any]) -> Item:
    """The save that makes one. Pure."""
    changes = {name: Change(None, value) for name, value in values.items() if value is not None}
    return Item(OBJECT, channel_id, Operation.CREATE, changes)


def changed(channel: Channel, values: Mapping[str, Any]) -> Item | None:
    """The save that changes one; None where nothing differs. Pure."""
    before = channel.values
    changes = {name: Change(before[name], value) for name, value in values.items() if before[name] != value}
    return Item(OBJECT, channel.id, Operation.UPDATE, changes) if changes else None


def dropped(channel: Channel) -> Item:
    """The save that takes one away. Pure."""
    return Item(OBJECT, channel.id, Operation.DELETE, {}, channel.stamp)
