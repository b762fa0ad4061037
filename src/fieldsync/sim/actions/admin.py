"""What admins do: with saves that failed, with people, with their devices' errors; and trying a save without effect."""

from __future__ import annotations

from fieldsync.base.problems import Refused
from fieldsync.sim.device import SimDevice
from fieldsync.sim.laws import pure_simulation
from fieldsync.sim.world import SimWorld

ACTS = ("retry", "retry", "ignore", "mark as done by hand", "cancel", "clear")


def act(world: SimWorld, device: SimDevice) -> None:
    """An act on a save that failed; devices may be resolving the same one."""
    chosen = _open_save(world, ("Failed", "Waiting", "Retry"))
    if chosen is None:
        return
    act = ACTS[world.chance.below(len(ACTS))]
    body = {"act": act, "reason": "by the run"}
    found = world.server.ask_admin("POST", f"/admin/v1/transactions/{chosen}/act", body)
    world.trace.add("admin", act, found["status"] if found else "refused")


def try_one(world: SimWorld, device: SimDevice) -> None:
    """A save is tried in simulate mode: nothing changes (law L10)."""
    chosen = _open_save(world, ("Failed", "Waiting", "Retry", "New"))
    if chosen is None:
        return
    world.server.sign_in_admin()  # that changes something, and is no part of what is tried
    before = pure_simulation.fingerprint(world)
    found = world.server.ask_admin("POST", f"/admin/v1/transactions/{chosen}/simulate", None)
    for broken in pure_simulation.check(world, before):
        world.broken(broken)
    world.trace.add("try", found["outcome"] if found else "refused")


def clear_errors(world: SimWorld, device: SimDevice) -> None:
    """A person's devices are to give up their errors at the next sync."""
    outcome = world.server.update(world.server.admin, "User", device.person.id, {"Clear_Errors": True})
    world.trace.add("clear-errors", device.ordinal, type(outcome).__name__)


def revoke(world: SimWorld, device: SimDevice) -> None:
    """A person may not come in any more: no request of his devices is answered (I28); an hour later he may again."""
    server, person = world.server, device.person
    outcome = server.update(server.admin, "User", person.id, {"IsActive": False})
    if type(outcome).__name__ != "Saved":
        world.trace.add("revoke-refused")
        return
    way, device.transport.connected = device.transport.way, True
    try:
        device.engine.sync()
        if device.engine.syncs()[0].download_processed:
            world.broken(f"I28: device {device.ordinal} was served though its person may not come in")
    except Refused:
        pass
    device.transport.way = way
    server.update(server.admin, "User", person.id, {"IsActive": True})
    world.trace.add("revoke", device.ordinal)


def sign_in(world: SimWorld, device: SimDevice) -> None:
    """The person gives the password, where the device asks for it."""
    if device.engine.widget().signed_out:
        try:
            device.sign_in()
            world.trace.add("sign-in", device.ordinal)
        except Refused as refused:
            world.trace.add("sign-in-refused", device.ordinal, refused.problem.code)


def _open_save(world: SimWorld, statuses: tuple[str, ...]) -> str | None:
    found = sorted(
        (row["CreatedDate"], row["Device_Number"] or "", row["Queue_Number"] or 0, record_id)
        for record_id, row in world.rows("Sync_Transaction").items()
        if row["Status"] in statuses
    )
    return found[world.chance.below(len(found))][-1] if found else None
