"""What befalls servers and devices beside their work: restarts, backups restored, clocks set, tokens that end."""

from __future__ import annotations

from datetime import timedelta

from fieldsync.base import limits
from fieldsync.sim.actions.syncing import pass_time
from fieldsync.sim.device import SimDevice
from fieldsync.sim.faults import Fault
from fieldsync.sim.laws import whole_families
from fieldsync.sim.world import SimWorld

JUMPS_SECONDS = (-3 * 86_400, 2 * 86_400, 3_600, -3_600, 9 * 86_400)


def restart_server(world: SimWorld, device: SimDevice) -> None:
    """Another process serves."""
    if world.faults.may(Fault.SERVER_RESTARTED):
        world.server.restart()
        world.faults.count(Fault.SERVER_RESTARTED)
        world.trace.add("server-restarted")


def end_connections(world: SimWorld, device: SimDevice) -> None:
    """PostgreSQL ends every session; the next requests meet broken connections."""
    if world.faults.may(Fault.SESSIONS_ENDED):
        world.server.end_connections()
        world.faults.count(Fault.SESSIONS_ENDED)
        world.trace.add("connections-ended")


def jump_clock(world: SimWorld, device: SimDevice) -> None:
    """Somebody sets the device's clock, days forth or back; next time it is set right."""
    if world.faults.may(Fault.CLOCK_JUMP):
        jump = JUMPS_SECONDS[world.chance.below(len(JUMPS_SECONDS))]
        device.clock.skew_seconds = 0.0 if device.clock.skew_seconds else jump
        world.faults.count(Fault.CLOCK_JUMP)
        world.trace.add("clock", device.ordinal, device.clock.skew_seconds)


def expire_tokens(world: SimWorld, device: SimDevice) -> None:
    """Half a day passes, and with it every access token."""
    if world.faults.may(Fault.TOKEN_EXPIRED):
        pass_time(world, 13 * 3_600)
        world.faults.count(Fault.TOKEN_EXPIRED)
        world.trace.add("tokens-expired", device.ordinal)


def back_up(world: SimWorld, device: SimDevice) -> None:
    """The database is copied, or an hour or more later the copy takes its place. One that is older than what devices
    remember is made anew: nobody restores it."""
    if not world.faults.may(Fault.RESTORED):
        return
    oldest = world.clock.now() - timedelta(days=limits.ACKNOWLEDGED_KEEP_DAYS)
    if world.server.backup is None or world.backed_up_at < oldest:
        world.server.back_up()
        world.backed_up_at = world.clock.now()
        world.backed_up = _received(world)
        world.merged_at_backup = dict(world.merged)
        world.succeeded_at_backup = set(world.note_success())
        world.trace.add("backed-up")
        return
    lost, lines = len(_received(world) - world.backed_up), world.query(whole_families.KNOWN)
    world.server.restore()
    world.lost_lines |= {i for (i,) in set(lines) - set(world.query(whole_families.KNOWN))}
    for one in world.devices:
        one.unheard |= world.lost_lines
    world.forget_what_was_written()
    world.faults.count(Fault.RESTORED)
    world.trace.add("restored", lost)


def _received(world: SimWorld) -> set[tuple[str, int]]:
    """Every save of devices that the server has."""
    rows = world.query('SELECT "Device_Number", "Queue_Number" FROM "Sync_Transaction"')
    return {(number, int(n)) for number, n in rows if number is not None and n is not None}


def old_image(world: SimWorld, device: SimDevice) -> None:
    """A device is put back to an older image of itself, as backups of phones do."""
    if not world.faults.may(Fault.OLD_IMAGE):
        return
    place = world.folder / f"image{device.ordinal}"
    if device.ordinal not in world.images:
        world.images[device.ordinal] = len(device.saves)
        device.image(place)
        world.trace.add("imaged", device.ordinal)
        return
    made = world.images.pop(device.ordinal)
    device.lost |= {save.serial for save in device.saves[made:]}
    device.followed.clear()
    device.restore(place)
    device.images_restored += 1
    device.unheard |= world.lost_lines
    world.faults.count(Fault.OLD_IMAGE)
    world.trace.add("old-image", device.ordinal)
