"""What people and the world do in a run: one visible table of actions with their weights.

Each action draws what it needs from the world's chance, does it through the public interfaces, and says in the trace
what it did. A device may be killed in the middle of any of its own actions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from fieldsync.base import ids
from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Refused
from fieldsync.base.world import instant
from fieldsync.server.org.create import seeding_org
from fieldsync.sim.faults import Fault, Killed
from fieldsync.sim.world import Save, SimDevice, SimWorld

Action = Callable[[SimWorld, SimDevice], None]
Numbers = Sequence[int]


def create_call(world: SimWorld, device: SimDevice) -> None:
    """A call report with details: one family, one transaction."""
    account = world.accounts[world.chance.below(len(world.accounts))]
    lines, mark = world.chance.below(4), new_mark(world, device)

    def save() -> tuple[str, Numbers]:
        with device.engine.edit() as edit:
            values = {"AccountId": account, "Call_Date": instant(world.clock.now()), "Notes": mark}
            call = edit.create("Call", values)
            for _ in range(lines):
                edit.create("Call_Discussion", {"CallId": call, "Discussion": mark})
        return call, edit.queue_numbers

    _saved(world, device, f"call {lines}", save)


def edit_account(world: SimWorld, device: SimDevice) -> None:
    """One field of one of three accounts that everybody edits: this is where conflicts come from."""
    account = world.accounts[world.chance.below(3)]
    field = ("Phone", "Description")[world.chance.below(2)]
    mark = new_mark(world, device)
    if device.engine.get("Account", account) is None:
        return

    def save() -> tuple[str, Numbers]:
        with device.engine.edit() as edit:
            edit.update("Account", account, {field: mark})
        return account, edit.queue_numbers

    _saved(world, device, f"account {field}", save)


def edit_call(world: SimWorld, device: SimDevice) -> None:
    """Notes of a call that is there, perhaps not yet on the server."""
    call = _some_call(world, device)
    if call is None:
        return
    mark = new_mark(world, device)

    def save() -> tuple[str, Numbers]:
        with device.engine.edit() as edit:
            edit.update("Call", call, {"Notes": mark})
        return call, edit.queue_numbers

    _saved(world, device, "edit-call", save)


def delete_call(world: SimWorld, device: SimDevice) -> None:
    """A whole family goes; one that was never sent cancels out."""
    call = _some_call(world, device)
    if call is None:
        return

    def save() -> tuple[str, Numbers]:
        with device.engine.edit() as edit:
            edit.delete("Call", call)
        if not edit.queue_numbers:
            device.canceled_out |= {made.n for made in device.saves if made.record == call}
        return call, edit.queue_numbers

    _saved(world, device, "delete-call", save)


def bad_save(world: SimWorld, device: SimDevice) -> None:
    """A call on an account that is only in this person's head: the server refuses it, and it stays visible."""
    mark = new_mark(world, device)
    with device.engine.edit() as edit:
        edit.create(
            "Call", {"AccountId": _unknown_account(world), "Call_Date": instant(world.clock.now()), "Notes": mark}
        )
    for n in edit.queue_numbers:
        device.saves.append(Save(device.ordinal, _number(device), n, mark))
    world.trace.add("bad-save", device.ordinal, len(edit.queue_numbers))


def undo(world: SimWorld, device: SimDevice) -> None:
    """The person takes back the oldest error."""
    errors = [entry for entry in device.engine.errors() if entry.state == "failed"]
    if errors:
        device.engine.undo(errors[0].n)
        world.trace.add("undo", device.ordinal)


def network(world: SimWorld, device: SimDevice) -> None:
    """One piece of network work; the device may die in it."""
    world.faults.doom(Fault.DEVICE_KILLED)
    try:
        device.engine.step()
        world.trace.add("step", device.ordinal, len(device.engine.queue()))
    except Killed:
        _killed(world, device, "step")
    finally:
        world.faults.spare()


def sync(world: SimWorld, device: SimDevice) -> None:
    """An incremental sync that the person started."""
    _synced(world, device, "incremental", points_max=30)


def refresh(world: SimWorld, device: SimDevice) -> None:
    """A database refresh that the person started."""
    _synced(world, device, "full", points_max=120)


def _synced(world: SimWorld, device: SimDevice, kind: str, points_max: int) -> None:
    """A sync may fail, and the device may die in it; then nothing has changed for the worse."""
    world.faults.doom(Fault.DEVICE_KILLED, points_max=points_max)
    try:
        device.engine.sync(kind)
        world.trace.add("sync", device.ordinal, kind)
    except Refused as refused:
        world.trace.add("sync-failed", device.ordinal, kind, refused.problem.code)
    except Killed:
        _killed(world, device, kind)
    finally:
        world.faults.spare()


def look(world: SimWorld, device: SimDevice) -> None:
    """A person opens an account, news arrives, and the person leaves."""
    account = world.accounts[world.chance.below(3)]
    before = device.engine.get("Account", account)
    with device.engine.view("Account", account):
        for _ in range(3):
            device.engine.step()
        during = device.engine.get("Account", account)
        assert before is None or during is None or before.values == during.values, "law L8: it changed under the person"
    world.trace.add("look", device.ordinal)


def go_online_or_off(world: SimWorld, device: SimDevice) -> None:
    """In and out of the basement."""
    device.transport.connected = not device.transport.connected
    world.trace.add("online" if device.transport.connected else "offline", device.ordinal)


def online_edit(world: SimWorld, device: SimDevice) -> None:
    """A colleague at a desk adds an account: nobody's feed, everybody's next incremental."""
    with seeding_org(world.uri, world.org.name, world.org.world) as seeding:
        world.add_account(seeding)
    world.trace.add("online-edit", len(world.accounts), device.ordinal)


def wait(world: SimWorld, device: SimDevice) -> None:
    """Time passes: seconds mostly, sometimes hours."""
    seconds = (5, 40, 400, 7_200)[world.chance.below(4)]
    world.clock.advance(seconds)
    world.trace.add("wait", seconds, device.ordinal)


ACTIONS: tuple[tuple[int, Action], ...] = (
    (14, create_call),
    (14, edit_account),
    (8, edit_call),
    (2, delete_call),
    (1, bad_save),
    (2, undo),
    (40, network),
    (5, sync),
    (3, refresh),
    (3, look),
    (3, go_online_or_off),
    (2, online_edit),
    (14, wait),
)
"""How often each is chosen, in proportion."""


def choose(world: SimWorld) -> Action:
    """The next action, by weight."""
    drawn = world.chance.below(sum(weight for weight, _ in ACTIONS))
    for weight, action in ACTIONS:
        if drawn < weight:
            return action
        drawn -= weight
    raise AssertionError("the weights add up")


def new_mark(world: SimWorld, device: SimDevice) -> str:
    """A text that no other save carries."""
    world.marks += 1
    return f"mark-{device.ordinal}-{world.marks}"


def _saved(world: SimWorld, device: SimDevice, kind: str, save: Callable[[], tuple[str, Numbers]]) -> None:
    """Run a save the device may die in. Only one that returned is owed to the person."""
    world.faults.doom(Fault.DEVICE_KILLED)
    try:
        record, numbers = save()
    except Killed:
        _killed(world, device, kind)
        return
    except Refused as refused:  # newer data that waits forbids it (FEATURES D04): nothing was saved
        world.trace.add("refused-here", device.ordinal, kind, refused.problem.code)
        return
    finally:
        world.faults.spare()
    device.saves += [Save(device.ordinal, _number(device), n, record) for n in numbers]
    world.trace.add(kind, device.ordinal, len(numbers))


def _killed(world: SimWorld, device: SimDevice, during: str) -> None:
    world.trace.add("killed", device.ordinal, during)
    device.reopen()


def _some_call(world: SimWorld, device: SimDevice) -> RecordId | None:
    calls = device.engine.find("Call", order_by="Id", limit=500)
    return calls[world.chance.below(len(calls))].id if calls else None


def _number(device: SimDevice) -> str:
    account = device.engine.account
    assert account is not None
    return account.device_number


def _unknown_account(world: SimWorld) -> RecordId:
    number = ids.DeviceNumber("zzzzz")
    return ids.mint("001", number, world.chance.below(10**6))
