"""What people save on their devices: calls with details, edits of what everybody edits, submits, deletes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from fieldsync.base import ids
from fieldsync.base.ids import RecordId
from fieldsync.base.world import instant
from fieldsync.sim.actions.acting import Numbers, new_mark, one_of, promised
from fieldsync.sim.device import SimDevice, Wrote
from fieldsync.sim.ground import HOT, REFUSED_PHONE
from fieldsync.sim.world import SimWorld

FIELDS = ("Phone", "Fax", "BillingCity", "AccountNumber")
"""Of accounts: the first save wins, and the change log has their old values."""


def create_call(world: SimWorld, device: SimDevice) -> None:
    """A call report with details: one family, one transaction; sometimes so long that it travels in parts."""
    account = _account(world, device)
    if account is None:
        return
    drawn = world.chance.below(40)
    save_call(world, device, account, lines=14 if drawn == 0 else drawn % 4)


def save_call(world: SimWorld, device: SimDevice, account: RecordId, lines: int) -> None:
    """A call with so many details."""
    mark, family = new_mark(world, device), _Family(lines)

    def save() -> tuple[str, Numbers]:
        with device.engine.edit() as edit:
            family.call = call = edit.create("Call", _call_of(device, account, mark))
            for _ in range(lines):
                edit.create("Call_Discussion", {"CallId": call, "Discussion": mark})
        return call, edit.queue_numbers

    _note_family(world, device, family, mark, returned=promised(world, device, f"call {lines}", save, {"Notes": mark}))


@dataclass
class _Family:
    """A call that is about to be made; None before it has an id."""

    lines: int
    call: RecordId | None = None


def _call_of(device: SimDevice, account: RecordId, mark: str) -> dict[str, str]:
    return {"AccountId": account, "Call_Date": instant(device.clock.now()), "Notes": mark}


def _note_family(world: SimWorld, device: SimDevice, family: _Family, mark: str, *, returned: bool) -> None:
    """How many details the call was made with, for law L5.

    Noted of every save that makes a call, also of one in which the device died and which is there all the same: an
    older image of the device gives the ids again, and its call under such an id is not the one that the server has.
    """
    call = family.call
    if call is None:
        return
    world.lines[mark] = family.lines
    if not returned:
        shown = device.engine.get("Call", call)
        if shown is None or shown.values.get("Notes") != mark:
            return
    if call in world.families or call not in world.calls_made:
        world.families[call] = {**world.families.get(call, {}), mark: family.lines}
    world.calls_made.add(call)


def edit_account(world: SimWorld, device: SimDevice) -> None:
    """One field of one of three accounts that everybody edits: this is where conflicts come from."""
    account = world.accounts[world.chance.below(HOT)]
    field, mark = FIELDS[world.chance.below(len(FIELDS))], new_mark(world, device)
    _write(world, device, "Account", account, {field: mark})


def refuse_account(world: SimWorld, device: SimDevice) -> None:
    """A value that the org's rule refuses; later edits of the account wait behind it."""
    account = _account(world, device)
    if account is not None:
        _write(world, device, "Account", account, {"Phone": REFUSED_PHONE}, "bad-phone")


def _write(
    world: SimWorld, device: SimDevice, name: str, record_id: RecordId, values: Mapping[str, str], kind: str = ""
) -> None:
    """An update, and what its person saw before it."""
    shown = device.engine.get(name, record_id)
    if shown is None:
        return

    def save() -> tuple[str, Numbers]:
        with device.engine.edit() as edit:
            edit.update(name, record_id, values)
        return record_id, edit.queue_numbers

    for column, value in values.items():  # also of a save in which the device dies: it may be there all the same
        wrote = Wrote(device.ordinal, shown.values.get(column), value)
        world.wrote.setdefault((name, record_id, column), []).append(wrote)
    promised(world, device, kind or f"{name} {'+'.join(values)}", save, values)


def create_account(world: SimWorld, device: SimDevice) -> None:
    """A new account and, in the same session, a call on it: what refers travels behind what it refers to, and waits
    where that is refused."""
    mark, family = new_mark(world, device), _Family(lines=0)
    phone = mark if world.chance.below(4) else REFUSED_PHONE

    def save() -> tuple[str, Numbers]:
        with device.engine.edit() as edit:
            account = edit.create("Account", {"Name": mark, "Phone": phone})
            edit.create("Address", {"Name": mark, "AccountId": account})
            family.call = edit.create("Call", _call_of(device, account, mark))
        return account, edit.queue_numbers

    _note_family(world, device, family, mark, returned=promised(world, device, "new-account", save))


def edit_call(world: SimWorld, device: SimDevice) -> None:
    """Notes of a call that is there, perhaps not yet on the server."""
    _on_call(world, device, "edit-call", lambda mark: {"Notes": mark})


def edit_family(world: SimWorld, device: SimDevice) -> None:
    """The call and all its details in one save, and one detail more or less."""
    call = one_of(world, device.engine, "Call")
    if call is None:
        return
    details = device.engine.find("Call_Discussion", where={"CallId": call}, order_by="Id")
    more, mark = world.chance.below(3), new_mark(world, device)

    def save() -> tuple[str, Numbers]:
        with device.engine.edit() as edit:
            edit.update("Call", call, {"Notes": mark})
            for detail in details[1:] if more == 0 else details:
                edit.update("Call_Discussion", detail.id, {"Discussion": mark})
            if more == 0 and details:
                edit.delete("Call_Discussion", details[0].id)
            elif more == 1:
                edit.create("Call_Discussion", {"CallId": call, "Discussion": mark})
        return call, edit.queue_numbers

    world.families.pop(call, None)
    promised(world, device, "edit-family", save, {"Notes": mark})


def submit_elsewhere(world: SimWorld, device: SimDevice) -> None:
    """Somebody at a desk submits a call that the person has, and he edits it without knowing: a duplicate of it."""
    there = world.rows("Call")
    known = [c for c in device.engine.find("Call", order_by="Id", limit=500) if c.id in there]
    chosen = [c for c in known if "Submitted" not in (c.values["Status"], there[c.id]["Status"])]
    if not chosen:
        return
    call, mark = chosen[world.chance.below(len(chosen))], new_mark(world, device)
    submitted = world.server.update(world.server.admin, "Call", call.id, {"Status": "Submitted"})
    world.trace.add("submit-elsewhere", device.ordinal, type(submitted).__name__)
    device.unaware.add(mark)
    _write(world, device, "Call", call.id, {"Notes": mark})


def submit_call(world: SimWorld, device: SimDevice) -> None:
    """From here on the call is locked; edits others made meanwhile become a duplicate."""
    _on_call(world, device, "submit-call", lambda _: {"Status": "Submitted"})


def delete_call(world: SimWorld, device: SimDevice) -> None:
    """A whole family goes; one that was never sent cancels out."""
    call = one_of(world, device.engine, "Call")
    if call is None:
        return
    world.families.pop(call, None)

    def save() -> tuple[str, Numbers]:
        with device.engine.edit() as edit:
            edit.delete("Call", call)
        if not edit.queue_numbers:
            device.canceled_out |= {made.n for made in device.saves if made.record == call}
        return call, edit.queue_numbers

    promised(world, device, "delete-call", save)


def _on_call(world: SimWorld, device: SimDevice, kind: str, written: Callable[[str], Mapping[str, str]]) -> None:
    call = one_of(world, device.engine, "Call")
    if call is None:
        return
    values = written(new_mark(world, device))

    def save() -> tuple[str, Numbers]:
        with device.engine.edit() as edit:
            edit.update("Call", call, values)
        return call, edit.queue_numbers

    promised(world, device, kind, save, values)


def order(world: SimWorld, device: SimDevice) -> None:
    """An order with a delivery; one that is there is changed or submitted."""
    account, known = _account(world, device), one_of(world, device.engine, "Order")
    drawn, mark = world.chance.below(4), new_mark(world, device)
    if account is None:
        return

    def save() -> tuple[str, Numbers]:
        with device.engine.edit() as edit:
            if known is None or drawn == 0:
                day = instant(device.clock.now())[:10]
                new = edit.create("Order", {"AccountId": account, "Order_Date": day, "Notes": mark})
                edit.create("Delivery_Order", {"OrderId": new, "Instructions": mark})
            else:
                new = known
                edit.update("Order", known, {"Status": "Submitted"} if drawn == 1 else {"Notes": mark})
        return new, edit.queue_numbers

    promised(world, device, f"order {drawn}", save)


def depot(world: SimWorld, device: SimDevice) -> None:
    """An object whose edits win, one of whose fields never does, and which is made again when somebody deleted it."""
    _place(world, device, "Depot")


def stall(world: SimWorld, device: SimDevice) -> None:
    """An object of which the first save wins, deletes among them."""
    _place(world, device, "Stall")


def _place(world: SimWorld, device: SimDevice, name: str) -> None:
    known, drawn, mark = one_of(world, device.engine, name), world.chance.below(8), new_mark(world, device)
    shown = None if known is None else device.engine.get(name, known)
    if shown is not None:
        world.seen.setdefault((device.ordinal, shown.id), set()).update(shown.values[c] for c in ("City", "Phone"))

    def save() -> tuple[str, Numbers]:
        with device.engine.edit() as edit:
            if known is None or drawn == 0:
                record = edit.create(name, {"Name": mark, "City": mark})
            elif drawn == 1:
                record = known
                world.deletes.setdefault(known, set()).add(device.ordinal)
                edit.delete(name, known)
            else:
                record = known
                edit.update(name, known, {"City": mark} if drawn % 2 else {"Phone": mark})
        if not edit.queue_numbers:
            device.canceled_out |= {made.n for made in device.saves if made.record == record}
        return record, edit.queue_numbers

    promised(world, device, f"{name.lower()} {drawn}", save)


def bad_save(world: SimWorld, device: SimDevice) -> None:
    """A call on an account that is only in this person's head: the server refuses it, and it stays visible."""
    mark, unknown = new_mark(world, device), ids.mint("001", ids.DeviceNumber("zzzzz"), world.chance.below(10**6))
    family = _Family(lines=0)

    def save() -> tuple[str, Numbers]:
        with device.engine.edit() as edit:
            family.call = call = edit.create("Call", _call_of(device, unknown, mark))
        return call, edit.queue_numbers

    _note_family(world, device, family, mark, returned=promised(world, device, "bad-save", save))


def _account(world: SimWorld, device: SimDevice) -> RecordId | None:
    return one_of(world, device.engine, "Account")
