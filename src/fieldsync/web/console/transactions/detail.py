"""The Console's acts on transactions, and trying one without effect (FEATURES J12 to J14)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import msgspec
from litestar import Response, get, post
from litestar.response import Redirect, Template

from fieldsync.base.problems import Code, Refused, problem
from fieldsync.server.http.context import ServedHere
from fieldsync.server.org.runtime import Org
from fieldsync.server.oversight.neighbours import neighbours_of
from fieldsync.server.oversight.reader import Reader
from fieldsync.server.oversight.records import names_led_to
from fieldsync.server.oversight.transactions import LogLine, Oversight, RecordLine
from fieldsync.server.postgres.work import transaction
from fieldsync.server.processor.acts import Asked, Correction, add_comment, carry_out
from fieldsync.server.processor.kept import kept
from fieldsync.server.processor.simulate import simulate
from fieldsync.server.processor.states import ACTORS, Act, Status, Who, offered
from fieldsync.server.save.batch import Caller
from fieldsync.web.console.door import AnyRequest, admin, form_of_page, name_of
from fieldsync.web.console.pages import SEE_OTHER
from fieldsync.web.kit.pages import telling

TEXT, VALUE = "text:", "value:"


async def _page(org: Org, page_token: str, caller: Caller, record_id: str, **told: Any) -> Template:
    found, records, logs = await Oversight(org).transaction(record_id, caller.rights)
    async with transaction(org.pool) as database:
        one = await kept(org, database, record_id)
        neighbours = await neighbours_of(org, database, one)
        names = await names_led_to(org, database, Reader(caller.user_id, caller.rights), _values(records))
    acts = offered(Status(found.status), can_be_retried=one.can_be_retried)
    editable = _editable(records, logs)
    reasons = [line for line in logs if line.type not in ("Info", "Debug")]
    history = [line for line in logs if line.type == "Info"]
    shown = {
        "t": found,
        "records": records,
        "names": names,
        "neighbours": neighbours,
        "logs": reasons,
        "history": history,
        "steps": [line for line in logs if line.type == "Debug"],
        "acts": acts,
        "Act": Act,
        "editable": editable,
    }
    values = {"wrong": None, "tried": None, "open": one.incoming is not None, **shown, **told}
    return Template("transaction.html", context={"here": "transactions", "page_token": page_token, **values})


def _values(records: Sequence[RecordLine]) -> Iterator[tuple[str, str, Any]]:
    for one in records:
        for change in one.changes:
            yield from ((one.object, change.field, value) for value in (change.old, change.new, change.theirs))


@get("/transactions/{record_id:str}")
async def one_transaction(request: AnyRequest, served: ServedHere, record_id: str) -> Template:
    """One transaction with records, reasons and what may be done with it."""
    org, page_token, caller = await admin(served, request)
    return await _page(org, page_token, caller, record_id)


@post("/transactions/{record_id:str}/act", status_code=200)
async def act_on(request: AnyRequest, served: ServedHere, record_id: str) -> Response[Any] | Template:
    """Do it; refused with 409 where somebody was faster, and the page says how it stands now."""
    org, page_token, caller = await admin(served, request)
    form = await form_of_page(request)
    act = str(form.get("act", ""))
    try:
        if act not in set(Act) or ACTORS[Act(act)] is not Who.ADMIN:
            raise Refused(problem(Code.BAD_REQUEST, reason="there is no such act"))
        corrections = _corrections({key: str(value) for key, value in form.items()}) if act == Act.EDIT else ()
        asked = Asked(Act(act), caller, await name_of(org, caller), str(form.get("reason", "")), corrections)
        await carry_out(org, record_id, replace(asked, as_owner="as_me" not in form, step_log="step_log" in form))
    except Refused as refused:
        if refused.problem.code is Code.NOT_FOUND:
            raise
        return telling(await _page(org, page_token, caller, record_id, wrong=refused.problem), refused.problem)
    return Redirect(f"/console/transactions/{record_id}", status_code=SEE_OTHER)


@post("/transactions/{record_id:str}/comment", status_code=200)
async def comment_on(request: AnyRequest, served: ServedHere, record_id: str) -> Response[Any] | Template:
    """Add a comment."""
    org, page_token, caller = await admin(served, request)
    form = await form_of_page(request)
    try:
        await add_comment(org, record_id, caller, await name_of(org, caller), str(form.get("text", "")))
    except Refused as refused:
        if refused.problem.code is Code.NOT_FOUND:
            raise
        return telling(await _page(org, page_token, caller, record_id, wrong=refused.problem), refused.problem)
    return Redirect(f"/console/transactions/{record_id}", status_code=SEE_OTHER)


@dataclass(frozen=True)
class Editable:
    """One value in the form. `was` is the value as shown; of one in conflict never, so that it is sent too."""

    key: str
    label: str
    value: str
    was: str
    base: str
    theirs: Any = None


def _editable(records: Sequence[RecordLine], logs: Sequence[LogLine]) -> list[Editable]:
    """Every value of a transaction. What was in conflict is compared with what the server had, as the page shows it."""
    theirs = {(log.record, log.field): log.details["theirs"] for log in logs if "theirs" in log.details}
    found = []
    for record, change in ((one, change) for one in records for change in one.changes):
        is_text = change.new is None or isinstance(change.new, str)
        value = change.new or "" if is_text else _json(change.new)
        key = f"{TEXT if is_text else VALUE}{record.record}:{change.field}"
        there = theirs.get((record.record, change.field))
        in_conflict = (record.record, change.field) in theirs
        base, was = (there, "(in conflict)") if in_conflict else (change.old, value)
        label = f"{record.object} {change.field}"
        found.append(Editable(key, label, value, was, _json(base), there))
    return found


def _json(value: object) -> str:
    return _ENCODER.encode(value).decode()


_ENCODER = msgspec.json.Encoder(decimal_format="number")
_DECODER = msgspec.json.Decoder(float_hook=Decimal)


def _corrections(form: dict[str, str]) -> tuple[Correction, ...]:
    """Values that differ from what the page showed. Raises Refused(BAD_REQUEST) for one that cannot be read."""
    found = []
    for key, text in form.items():
        if not key.startswith((TEXT, VALUE)) or text == form.get(f"was:{key}"):
            continue
        kind, record_id, field = key.split(":", 2)
        try:
            value = (text or None) if f"{kind}:" == TEXT else _DECODER.decode(text)
            found.append(Correction(record_id, field, value, _DECODER.decode(form.get(f"base:{key}", "null"))))
        except msgspec.DecodeError:
            raise Refused(problem(Code.BAD_REQUEST, reason=f"the value of {field} cannot be read")) from None
    return tuple(found)


@post("/transactions/{record_id:str}/simulate", status_code=200)
async def try_one(request: AnyRequest, served: ServedHere, record_id: str) -> Template:
    """What would become of it now; nothing is changed."""
    org, page_token, caller = await admin(served, request)
    await form_of_page(request)
    try:
        return await _page(org, page_token, caller, record_id, tried=await simulate(org, record_id))
    except Refused as refused:
        if refused.problem.code is Code.NOT_FOUND:
            raise
        return await _page(org, page_token, caller, record_id, wrong=refused.problem)


TRANSACTION_PAGES = [one_transaction, act_on, comment_on, try_one]
