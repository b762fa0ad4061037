"""Days of devices, and which of them count: with at least 30 saves, an incremental sync and 5 faults on that device.

People work until their day is one that counts, and go home: the next day begins when everybody's does. So a run makes
as many such days as its steps allow, and none of them on paper.
"""

from __future__ import annotations

from datetime import timedelta

from fieldsync.base import limits
from fieldsync.sim.actions import admin, syncing
from fieldsync.sim.actions.acting import Action
from fieldsync.sim.device import SimDevice
from fieldsync.sim.faults import Fault
from fieldsync.sim.world import SimWorld

DAY_SAVES, DAY_FAULTS = 30, 5
EVENING_HOUR = 23
MORNINGS_HOURS = (7, 7, 8, 8, 9)
AWAY_DAYS = (3, 8, 35)
SHORT_SECONDS = (5, 40, 40, 400, 400, 1_200, 3_600)


class Days:
    """What each device did since midnight, and how many days counted."""

    def __init__(self, world: SimWorld) -> None:
        self._world, self.counted = world, 0
        self._day = world.clock.now().date()
        self._before = self._now()

    def _now(self) -> list[tuple[int, int, int]]:
        world = self._world
        return [(len(d.saves), d.incrementals, world.faults.of_device[d.ordinal]) for d in world.devices]

    def counts(self, device: SimDevice) -> bool:
        """Whether the device's day is one that counts already."""
        saves, syncs, faults = self._since(device)
        return saves >= DAY_SAVES and faults >= DAY_FAULTS and syncs > 0

    def due(self, device: SimDevice) -> Action | None:
        """What a person does now, if that is clear: sync after the day's work, from where there is a network and with
        the password where it is asked for; go home when everybody's day is done."""
        if self.all_count():
            return syncing.wait
        saves, syncs, _ = self._since(device)
        return _way_to_a_sync(device) if saves >= DAY_SAVES and not syncs else None

    def all_count(self) -> bool:
        """Whether everybody's day is one that counts already."""
        return all(self.counts(device) for device in self._world.devices)

    def _since(self, device: SimDevice) -> tuple[int, int, int]:
        now, before = self._now()[device.ordinal], self._before[device.ordinal]
        return now[0] - before[0], now[1] - before[1], now[2] - before[2]

    def look(self) -> None:
        """At each midnight, count those days that were."""
        today = self._world.clock.now().date()
        if today != self._day:
            self._day = today
            self.end()

    def end(self) -> None:
        """The day is over, whatever the clock says."""
        self.counted += sum(self.counts(device) for device in self._world.devices)
        self._before = self._now()


def _way_to_a_sync(device: SimDevice) -> Action:
    if not device.transport.connected:
        return syncing.way
    return admin.sign_in if device.engine.widget().signed_out else syncing.sync


def chosen(world: SimWorld, days: Days) -> SimDevice:
    """Whose step is next: mostly somebody's whose day is not done."""
    busy = [device for device in world.devices if not days.counts(device)]
    some = busy if busy and world.chance.below(5) else world.devices
    return some[world.chance.below(len(some))]


def wait(world: SimWorld, device: SimDevice, days: Days) -> None:
    """Time passes: seconds or minutes by day; when everybody's day is done, the night, and once in a while days."""
    now = world.clock.now()
    if days.all_count():
        _night(world, device)
        return
    evening = now.replace(hour=EVENING_HOUR, minute=0, second=0, microsecond=0)
    seconds = SHORT_SECONDS[world.chance.below(len(SHORT_SECONDS))]
    if now + timedelta(seconds=seconds) < evening or world.chance.below(20) == 0:
        syncing.pass_time(world, seconds)
        world.trace.add("wait", seconds, device.ordinal)


def _night(world: SimWorld, device: SimDevice) -> None:
    away = AWAY_DAYS[world.chance.below(len(AWAY_DAYS))] if world.chance.below(12) == 0 else 1
    hour = MORNINGS_HOURS[world.chance.below(len(MORNINGS_HOURS))]
    now = world.clock.now()
    morning = (now + timedelta(days=away)).replace(hour=hour, minute=0, second=0, microsecond=0)
    seconds = (morning - now).total_seconds()
    syncing.pass_time(world, seconds)
    if seconds > limits.ACCESS_TOKEN_HOURS * 3_600 and world.faults.may(Fault.TOKEN_EXPIRED):
        world.faults.count(Fault.TOKEN_EXPIRED)
    world.trace.add("night", away, hour, device.ordinal)
