"""Samples on the page of a call: what may not be left is said at its line before the save, and what is left beside it.

By the rules the server decides by (`protocol/samples/judge.py`), with what this device holds of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from fieldsync.base.ids import RecordId
from fieldsync.base.world import instant
from fieldsync.device import Device
from fieldsync.protocol.samples.judge import (
    CALL,
    LIMIT,
    LOT,
    SAMPLE,
    SUBMITTED,
    Facts,
    Given,
    Left,
    Limit,
    Line,
    Lot,
    Over,
    Per,
    Why,
    day_of,
    given_of,
    over,
    remaining,
)
from fieldsync.web.field.form.sheet import rows
from fieldsync.web.kit.layout import Layout
from fieldsync.web.kit.locales import from_local_input
from fieldsync.web.kit.pages import shown
from fieldsync.web.kit.tongue import N_, _

LIMITS_MAX = 5_000
LEFT_BEFORE = """SELECT ProductId, Quantity, Call.Call_Date FROM Call_Sample WHERE Call.AccountId = :account
    AND Call.Status = :status AND Call.Call_Date >= :since AND CallId != :call LIMIT 5000"""
SAID = {
    Why.NOT_ELIGIBLE: N_("This account gets no samples."),
    Why.LICENSE_OVER: N_("The licence of this account is over: no samples."),
    Why.AT_ONCE: N_("Of %(product)s at most %(most)s may be left at once."),
    Why.NO_LOT: N_("Choose the lot that %(product)s is from."),
    Why.NONE_HELD: N_("%(product)s is left from a lot only, and you have no lot of it."),
    Why.OTHER_LOT: N_("Lot %(lot)s is of another product."),
    Why.LOT_OVER: N_("Lot %(lot)s has expired."),
    Why.LOT_EMPTY: N_("Lot %(lot)s: %(left)s left."),
    Why.OVER_LIMIT: N_("Of %(product)s this account gets at most %(most)s %(per)s: %(left)s left."),
    Why.UNSIGNED: N_("%(product)s is left against a signature only: have the call signed."),
}
TIMES = {
    Per.CALL: N_("a visit"),
    Per.MONTH: N_("a month"),
    Per.QUARTER: N_("a quarter"),
    Per.YEAR: N_("a year"),
}


@dataclass(frozen=True)
class Said:
    """Sentences of a call's page: `wrong` at lines, by their row; `left` above them; `unsigned` at the signature, which
    is needed once the call is submitted."""

    wrong: Mapping[str, str] = field(default_factory=dict)
    left: tuple[str, ...] = ()
    unsigned: str = ""


def said_of(device: Device, layout: Layout, texts: Mapping[str, str], record_id: str, zone: str) -> Said:
    """What there is to say of the samples on this form; nothing of a record that is no call."""
    kind = next((one for one in layout.lines if one.object.name == SAMPLE), None)
    account, day = texts.get("AccountId", ""), _day(texts.get("Call_Date", ""), zone)
    if layout.object.name != CALL or kind is None or LIMIT not in device.catalog or not account or day is None:
        return Said()
    lines = [
        Line(row, line.get("ProductId", ""), int(quantity), line.get("Sample_LotId", ""))
        for row, line in rows(texts, kind).items()
        if line.get("ProductId") and (quantity := line.get("Quantity", "").partition(".")[0]).isdecimal()
    ]
    facts = _facts(device, account, record_id, day)
    found = {one.key: sentence_of(one) for one in over(lines, day, facts)}
    unsigned = found.pop("", "")
    return Said(found, tuple(_left(name, limit, left) for name, limit, left in remaining(day, facts)), unsigned)


def sentence_of(one: Over) -> str:
    """In the person's language."""
    return one.said(_(SAID[one.why]), _(TIMES[one.per]))


def _left(name: str, limit: Limit, left: int) -> str:
    told = _("%(product)s: %(left)s of %(most)s %(per)s left")
    return told % {"product": name, "left": left, "most": limit.most, "per": _(TIMES[limit.per])}


def _day(text: str, zone: str) -> date | None:
    try:
        moment = from_local_input(text, zone)
    except ValueError:
        return None
    return day_of(moment) if moment else None


def _facts(device: Device, account_id: str, call_id: str, day: date) -> Facts:
    account = device.get("Account", RecordId(account_id))
    limits = tuple(_limit(one.values) for one in device.find(LIMIT, where={"Active": True}, limit=LIMITS_MAX))
    samples = device.find("Product", where={"Type": "Sample"}, limit=LIMITS_MAX)
    products = {str(product.id): given_of(product.values) for product in samples}
    for limit in limits:
        name = device.name_of("Product", RecordId(limit.product)) or limit.product
        products.setdefault(limit.product, Given(name))
    before = tuple(_before(device, account_id, call_id, day)) if limits else ()
    held = account.values if account is not None else {}
    return Facts(account_id, held, products, limits, before, _lots(device, call_id), signed=False)


def _lots(device: Device, call_id: str) -> dict[str, Lot]:
    """The person's lots, and what is left of each but for this call."""
    me = device.account
    if me is None or LOT not in device.catalog:
        return {}
    found: dict[str, Lot] = {}
    for lot in device.find(LOT, where={"OwnerId": me.user.id, "Active": True}, limit=LIMITS_MAX):
        left = int(str(lot.values["Quantity"] or 0))
        for line in device.find(SAMPLE, where={"Sample_LotId": lot.id}, limit=LIMITS_MAX):
            call = device.get(CALL, RecordId(str(line.values["CallId"])))
            if call is not None and call.id != call_id and call.values["Status"] == SUBMITTED:
                left -= int(str(line.values["Quantity"] or 0))
        expires = lot.values["Expiration"]
        over_on = date.fromisoformat(str(expires)) if expires else None
        found[str(lot.id)] = Lot(shown(lot.values["Name"]), str(lot.values["ProductId"]), left, over_on)
    return found


def _limit(values: Mapping[str, object]) -> Limit:
    first, last = values.get("Valid_From"), values.get("Valid_Until")
    return Limit(
        str(values["ProductId"]),
        int(str(values["Quantity_Max"])),
        Per(str(values["Per"])),
        str(values.get("AccountId") or ""),
        date.fromisoformat(str(first)) if first else None,
        date.fromisoformat(str(last)) if last else None,
    )


def _before(device: Device, account_id: str, call_id: str, day: date) -> list[Left]:
    """What this device knows that other submitted calls of the year have left with this account."""
    since = datetime(day.year, 1, 1, tzinfo=UTC) - timedelta(days=1)
    asked = {"account": account_id, "status": SUBMITTED, "since": instant(since), "call": call_id or None}
    lines = device.soql(LEFT_BEFORE, asked)
    return [
        Left(str(line["ProductId"]), int(str(line["Quantity"] or 0)), day_of(line["Call"]["Call_Date"]))
        for line in lines
    ]
