"""What a device does with the network, and its person with its pages and its list of errors."""

from __future__ import annotations

from fieldsync.base import limits
from fieldsync.base.ids import RecordId
from fieldsync.sim.actions.acting import danger
from fieldsync.sim.device import SimDevice
from fieldsync.sim.faults import Fault
from fieldsync.sim.ground import HOT
from fieldsync.sim.laws import open_record
from fieldsync.sim.network import Way
from fieldsync.sim.oracle import Oracle
from fieldsync.sim.world import SimWorld

TELLS_MERGES = ("incremental", "verify", "full")
"""Syncs that tell which account became which."""
WAYS = (Way.OFF, Way.OFF, Way.NOTHING_LEAVES, Way.NOTHING_RETURNS, Way.NOTHING_PASSES)


def network(world: SimWorld, device: SimDevice) -> None:
    """Some pieces of network work; the device may die in any."""
    for _ in range(1 + world.chance.below(3)):
        with danger(world, device, "step") as attempt:
            device.engine.step()
        if not attempt.done:
            return
    world.trace.add("step", device.ordinal, len(device.engine.queue()), len(device.engine.errors()))


def sync(world: SimWorld, device: SimDevice) -> None:
    """An incremental sync that the person started."""
    _synced(world, device, "incremental", points_max=40)


def verify(world: SimWorld, device: SimDevice) -> None:
    """A sync with its proof."""
    _synced(world, device, "verify", points_max=60)


def refresh(world: SimWorld, device: SimDevice) -> None:
    """A database refresh that the person started."""
    _synced(world, device, "full", points_max=160)


def upload_only(world: SimWorld, device: SimDevice) -> None:
    """Only what waits here."""
    _synced(world, device, "upload_only", points_max=20)


def _synced(world: SimWorld, device: SimDevice, kind: str, points_max: int) -> None:
    """A sync may fail, and the device may die in it; then nothing has changed for the worse."""
    merged = {loser for loser in world.merged if device.engine.get("Account", RecordId(loser)) is not None}
    with danger(world, device, kind, points_max) as attempt:
        report = device.engine.sync(kind)
    if attempt.done:
        if report.kind in TELLS_MERGES and not world.faults.struck[Fault.RESTORED]:
            gone = {loser for loser in merged if device.engine.get("Account", RecordId(loser)) is None}
            device.followed |= _told(world, device, gone) if gone else set()
        device.incrementals += report.download_processed
        if report.download_processed:
            device.unheard.clear()
        world.trace.add("sync", device.ordinal, kind, len(device.engine.errors()))


def _told(world: SimWorld, device: SimDevice, gone: set[str]) -> set[str]:
    """Of accounts that became others, those of which the person is told: where the other is gone too, or not his to
    see, nobody is."""
    shown, told = Oracle(world).selected(device.person)["Account"], set[str]()
    for loser in gone:
        winner = world.merged[loser]
        while winner in world.merged:
            winner = world.merged[winner]
        if winner in shown:
            told.add(loser)
    return told


def look(world: SimWorld, device: SimDevice) -> None:
    """A person opens an account, news arrives, and the person leaves: what is open never changes (law L8).

    A page renews its lease while an answer is waited for; here nobody can, so that after so long the record is free.
    """
    account = world.accounts[world.chance.below(HOT)]
    before = device.engine.get("Account", account)
    if before is None:
        return
    over = world.clock.steady() + limits.VIEW_LEASE_SECONDS
    with danger(world, device, "look", 20) as attempt:
        with device.engine.view("Account", account):
            for _ in range(2):
                device.engine.wake()
                device.engine.step()
            if world.chance.below(3) == 0:
                device.engine.sync()
            during = device.engine.get("Account", account)
        if world.clock.steady() < over:
            for broken in open_record.check(device, before, during):
                world.broken(broken)
    if attempt.done:
        world.trace.add("look", device.ordinal)


def undo(world: SimWorld, device: SimDevice) -> None:
    """The person takes back an error."""
    errors = [entry for entry in device.engine.errors() if entry.state == "failed"]
    if errors:
        chosen = errors[world.chance.below(len(errors))]
        with danger(world, device, "undo") as attempt:
            device.engine.undo(chosen.n)
        if attempt.done:
            world.trace.add("undo", device.ordinal)


def resend(world: SimWorld, device: SimDevice) -> None:
    """The person sends again what was refused, as it stands here now."""
    errors = [entry for entry in device.engine.errors() if entry.state == "failed"]
    if not errors:
        return
    chosen = errors[world.chance.below(len(errors))]
    world.resent |= {str(record) for record in chosen.records}
    before = {entry.n for entry in device.engine.queue()}
    with danger(world, device, "resend") as attempt:
        device.engine.resend(chosen.n)
    if attempt.done:
        fresh = [entry.n for entry in device.engine.queue() if entry.n not in before]
        world.trace.add("resend", device.ordinal, len(fresh))


def way(world: SimWorld, device: SimDevice) -> None:
    """In and out of the basement, or behind a network that lets things through one way only."""
    transport = device.transport
    if transport.way is Way.OPEN:
        ways = [w for w in WAYS if w is Way.OFF or world.faults.may(Fault.PARTITION_OUT)]
        transport.way = ways[world.chance.below(len(ways))]
    else:
        transport.way = Way.OPEN
        device.engine.wake()
    world.trace.add("network", device.ordinal, transport.way)


def wait(world: SimWorld, device: SimDevice) -> None:
    """Time passes: seconds mostly, sometimes hours; once in a while a long weekend."""
    seconds = (5, 40, 40, 400, 400, 3_600, 7_200)[world.chance.below(7)]
    if world.chance.below(120) == 0:
        seconds = (3 * 86_400, 8 * 86_400, 35 * 86_400)[world.chance.below(3)]
    pass_time(world, seconds)
    world.trace.add("wait", seconds, device.ordinal)


def pass_time(world: SimWorld, seconds: float) -> None:
    """The clock goes on; after an hour or more the server does what it does every hour."""
    world.clock.advance(seconds)
    if seconds >= 3_600:
        world.note_success()
        world.server.keep_up()
        world.server.do_jobs()
