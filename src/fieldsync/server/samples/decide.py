"""Step 11 for samples: what a submitted call leaves is judged with all calls there are (`protocol/samples/judge.py`).

Found after the write, so that the lines of the same save count; a refusal rolls the wave back (`Late`). Two calls with
one account that are submitted at the same moment wait for each other, so that both together keep the limit.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Select, any_, bindparam, func, select

from fieldsync.base.problems import Code, Problem, problem
from fieldsync.protocol.samples.judge import (
    CALL,
    FIELDS,
    LIMIT,
    SAMPLE,
    SUBMITTED,
    Facts,
    Left,
    Limit,
    Line,
    Over,
    Per,
    day_of,
    given_of,
    over,
)
from fieldsync.server.org.runtime import Org
from fieldsync.server.postgres.compiled import Statement, compile_statement
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.samples.lots import lots_of
from fieldsync.server.save.batch import Channel, Row, Wave, Work, decode_row
from fieldsync.server.save.logic.late import Late
from fieldsync.server.save.write import Written

LOCK = Statement(
    "SELECT pg_advisory_xact_lock(hashtextextended(id, 47)) FROM unnest(CAST(%(ids)s AS text[])) id ORDER BY id",
    frozenset({"ids"}),
    {},
)


async def decide_samples(org: Org, database: Database, wave: Wave, written: list[Written]) -> None:
    """Raises Late for calls that leave what may not be left. History that is brought in from files is not judged."""
    if LIMIT not in org.catalog or wave.caller.channel is Channel.IMPORT:
        return
    causes = _causes(written)
    if not causes:
        return
    lines = [_named(row, _LINE) for row in await database.rows(_lines_of(org), ids=sorted(causes))]
    calls = await _rows(org, database, CALL, {line["CallId"] for line in lines})
    submitted = {id_: call for id_, call in calls.items() if call.get("Status") == SUBMITTED and call.get("AccountId")}
    if not submitted:
        return
    accounts = await _rows(org, database, "Account", {call["AccountId"] for call in submitted.values()})
    await database.rows(LOCK, ids=sorted(accounts))
    shared = await _shared(org, database, lines, set(accounts))
    owners = {call["OwnerId"] for call in submitted.values()}
    shared["lots"] = await lots_of(org, database, owners, set(submitted), {one["Sample_LotId"] for one in lines})
    refused = []
    gone: Counter[str] = Counter()
    waiting = _in_order(wave, causes, submitted)
    while waiting:
        call_id, call = waiting[0], submitted[waiting[0]]
        judged = [_line(one) for one in lines if one["CallId"] == call_id]
        found = over(judged, day_of(call["Call_Date"]), _facts(shared, accounts, call, (waiting, gone)))
        if found:
            refused.append((causes[call_id], tuple(_problem(one, call_id) for one in found)))
            shared["before"] = [one for one in shared["before"] if one["CallId"] != call_id]
        else:
            gone.update({line.lot: line.quantity for line in judged})
        waiting = waiting[1:]
    if refused:
        raise Late(refused)


def _in_order(wave: Wave, causes: Mapping[str, list[Work]], calls: Iterable[str]) -> list[str]:
    """Calls as they were submitted: of two that are too many together, the first is let through."""
    place = {id(work): number for number, work in enumerate(wave.works)}
    return sorted(calls, key=lambda call: (min(place.get(id(work), 0) for work in causes[call]), call))


def _line(row: Row) -> Line:
    lot, number = row["Sample_LotId"] or "", row["Lot"] or ""
    return Line(row["Id"], row["ProductId"], int(row["Quantity"] or 0), lot, number)


def _problem(one: Over, call_id: str) -> Problem:
    about = {"object": SAMPLE, "id": one.key, "field": FIELDS.get(one.why, "Quantity")}
    if not one.key:
        about |= {"object": CALL, "id": call_id}
    return problem(Code.VALIDATION, **about, message=one.said(), rule="samples")


def _causes(written: Iterable[Written]) -> dict[str, list[Work]]:
    """Calls that became submitted, or whose samples were written, with the transactions that did so."""
    found: dict[str, list[Work]] = {}
    for one in written:
        call = None
        if one.ref.object == SAMPLE and one.kind != "deleted":
            call = one.after.get("CallId")
        elif one.ref.object == CALL and one.kind != "deleted" and one.after.get("Status") == SUBMITTED:
            call = one.ref.id if one.before is None or one.before.get("Status") != SUBMITTED else None
        if call is not None:
            works = found.setdefault(str(call), [])
            works += [work for work in (one.causes or (one.work,)) if work not in works]
    return found


_LINE = ("Id", "CallId", "ProductId", "Quantity", "Sample_LotId", "Lot")
_BEFORE = ("CallId", "AccountId", "ProductId", "Quantity", "Call_Date")


def _lines_of(org: Org) -> Statement:
    t = org.metadata.tables[SAMPLE].c
    query = select(*(t[name] for name in _LINE)).where(t.CallId == any_(bindparam("ids")), t.IsDeleted.is_(False))
    return compile_statement(query.order_by(t.Id))


def _named(row: tuple[Any, ...], names: tuple[str, ...]) -> Row:
    return dict(zip(names, row, strict=True))


async def _rows(org: Org, database: Database, name: str, ids: set[str]) -> dict[str, Row]:
    found = [decode_row(text) for (text,) in await database.rows(org.save.read(name), ids=sorted(ids))]
    return {row["Id"]: row for row in found if not row.get("IsDeleted")}


async def _shared(org: Org, database: Database, lines: list[Row], accounts: set[str]) -> dict[str, Any]:
    """What several calls are judged by: products, limits, and what was left with these accounts since last year."""
    products = {line["ProductId"] for line in lines}
    limits = org.metadata.tables[LIMIT].c
    asked = (limits.ProductId, limits.Quantity_Max, limits.Per, limits.AccountId, limits.Valid_From, limits.Valid_Until)
    active = (limits.ProductId == any_(bindparam("ids")), limits.Active.is_(True), limits.IsDeleted.is_(False))
    found = await database.rows(compile_statement(select(*asked).where(*active)), ids=sorted(products))
    since = datetime(org.world.clock.now().year - 1, 1, 1, tzinfo=UTC)
    given = {"accounts": sorted(accounts), "products": sorted(products), "since": since}
    before = await database.rows(compile_statement(_before(org)), **given)
    return {
        "products": await _rows(org, database, "Product", products),
        "limits": tuple(Limit(r[0], int(r[1]), Per(r[2]), r[3] or "", r[4], r[5]) for r in found),
        "before": [_named(row, _BEFORE) for row in before],
    }


def _before(org: Org) -> Select[Any]:
    line, call = org.metadata.tables[SAMPLE], org.metadata.tables[CALL]
    chosen = (line.c.CallId, call.c.AccountId, line.c.ProductId, func.coalesce(line.c.Quantity, 0), call.c.Call_Date)
    return (
        select(*chosen)
        .select_from(line.join(call, call.c.Id == line.c.CallId))
        .where(
            call.c.AccountId == any_(bindparam("accounts")),
            call.c.Status == SUBMITTED,
            call.c.Call_Date >= bindparam("since"),
            line.c.ProductId == any_(bindparam("products")),
            call.c.IsDeleted.is_(False),
            line.c.IsDeleted.is_(False),
        )
    )


def _facts(
    shared: dict[str, Any], accounts: dict[str, Row], call: Row, meanwhile: tuple[list[str], Counter[str]]
) -> Facts:
    """`meanwhile`: calls of this save that are not judged yet, and what those before them take from lots."""
    (waiting, gone), account = meanwhile, call["AccountId"]
    products = {id_: given_of(row) for id_, row in shared["products"].items()}
    before = tuple(
        Left(one["ProductId"], int(one["Quantity"]), one["Call_Date"].astimezone(UTC).date())
        for one in shared["before"]
        if one["AccountId"] == account and one["CallId"] not in waiting
    )
    lots = {
        id_: replace(lot, left=lot.left - gone[id_])
        for id_, (owner, lot) in shared["lots"].items()
        if owner == call["OwnerId"]
    }
    signed = bool(call.get("Signature"))
    return Facts(account, accounts.get(account, {}), products, shared["limits"], before, lots, signed=signed)
