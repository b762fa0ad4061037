"""People go on working while a sync runs: what they save meanwhile is neither lost nor overwritten by what arrives."""

from __future__ import annotations

from fieldsync.sim.actions.acting import danger, new_mark
from fieldsync.sim.actions.saving import FIELDS
from fieldsync.sim.device import SimDevice, Wrote, promise
from fieldsync.sim.ground import HOT
from fieldsync.sim.laws import open_record
from fieldsync.sim.world import SimWorld

KINDS = ("incremental", "full")


def save_during_sync(world: SimWorld, device: SimDevice) -> None:
    """A colleague at a desk has just changed an account; while a sync brings that, the person edits the same one."""
    account, kind = world.accounts[world.chance.below(HOT)], KINDS[world.chance.below(len(KINDS))]
    theirs, mine = (FIELDS[world.chance.below(len(FIELDS))] for _ in range(2))
    mark, written = new_mark(world, device), world.rows("Account").get(account, {}).get(theirs)
    world.server.update(world.server.admin, "Account", account, {theirs: mark})
    world.wrote.setdefault(("Account", account, theirs), []).append(Wrote(-1, written, mark))
    saves = len(device.saves)

    def meanwhile() -> None:
        shown = device.engine.get("Account", account)
        if shown is None:
            return
        own = new_mark(world, device)
        wrote = Wrote(device.ordinal, shown.values.get(mine), own)
        world.wrote.setdefault(("Account", account, mine), []).append(wrote)
        with device.engine.edit() as edit:
            edit.update("Account", account, {mine: own})
        promise(device, edit.queue_numbers, account, {mine: own})

    device.transport.meanwhile = meanwhile
    with danger(world, device, f"{kind} at work", 80) as attempt:
        report = device.engine.sync(kind)
        device.incrementals += report.download_processed
    device.transport.meanwhile = None
    for broken in open_record.pending(world):
        world.broken(broken)
    world.trace.add("save-during-sync", device.ordinal, kind, len(device.saves) - saves, attempt.done)
