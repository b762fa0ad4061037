"""What goes wrong in a run, one kind a cell of the matrix or all together: strikes that begin, last, and are healed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from fieldsync.base.world import Chance
from fieldsync.sim.network import Way
from fieldsync.sim.reality.processes import Database, Gadget, Server
from fieldsync.sim.reality.proxy import Link, Network

LAST_MS_MAX = 10_000
"""A partition or a pause lasts up to so long."""
DOWN_MS_MAX = 1_500
"""What was killed is gone for up to so long."""
DOWN = "server down"
"""Held by a server that was killed: its start waits for its PostgreSQL, which nothing may befall meanwhile."""


class Kind(StrEnum):
    """A kind of trouble."""

    PARTITION_OUT = "partition-out"
    PARTITION_IN = "partition-in"
    PARTITION_BOTH = "partition-both"
    BAD_LINES = "bad-lines"
    KILL_SERVER = "kill-server"
    KILL_DATABASE = "kill-database"
    KILL_DEVICES = "kill-devices"
    PAUSE_SERVER = "pause-server"
    PAUSE_DATABASE = "pause-database"
    PAUSE_DEVICES = "pause-devices"
    ALL = "all"


_WAYS = {
    Kind.PARTITION_OUT: Way.NOTHING_LEAVES,
    Kind.PARTITION_IN: Way.NOTHING_RETURNS,
    Kind.PARTITION_BOTH: Way.NOTHING_PASSES,
}


@dataclass
class Scene:
    """What can be struck."""

    network: Network
    database: Database
    server: Server
    devices: list[Gadget]


@dataclass(frozen=True)
class Strike:
    """One that has begun: how it ends, and what it holds so that no other takes it meanwhile."""

    kind: Kind
    lasts_ms: int
    heal: Callable[[], object]
    holds: frozenset[str]


@dataclass
class Nemesis:
    """Draws what goes wrong next."""

    scene: Scene
    chance: Chance
    struck: Counter[Kind] = field(default_factory=Counter)

    def strike(self, kind: Kind, held: frozenset[str]) -> Strike | None:
        """Begin one. None where what it would strike is down already."""
        if kind is Kind.ALL:
            kind = tuple(k for k in Kind if k is not Kind.ALL)[self.chance.below(len(Kind) - 1)]
        begun = self._begin(kind, held)
        self.struck[kind] += begun is not None
        return begun

    def _begin(self, kind: Kind, held: frozenset[str]) -> Strike | None:
        if kind in _WAYS:
            return self._cut(kind, held)
        scene = self.scene
        if kind is Kind.BAD_LINES:
            return self._bad_lines(held)
        if kind in (Kind.KILL_DEVICES, Kind.PAUSE_DEVICES):
            return self._device(kind, held)
        target, name = (
            (scene.server, "server") if kind in (Kind.KILL_SERVER, Kind.PAUSE_SERVER) else (scene.database, "database")
        )
        if name in held or (name == "server" and "database" in held) or DOWN in held:
            return None
        if kind in (Kind.PAUSE_SERVER, Kind.PAUSE_DATABASE):
            target.pause()
            return Strike(kind, self.chance.below(LAST_MS_MAX), target.resume, frozenset((name,)))
        target.kill()
        holds = frozenset((name, DOWN) if name == "server" else (name,))
        return Strike(kind, self.chance.below(DOWN_MS_MAX), target.start, holds)

    def _cut(self, kind: Kind, held: frozenset[str]) -> Strike | None:
        """Some of the devices, or all, are cut off."""
        links = self._some(held)
        for _, link in links:
            link.way = _WAYS[kind]
        return self._links_strike(kind, links)

    def _bad_lines(self, held: frozenset[str]) -> Strike | None:
        links = self._some(held)
        for _, link in links:
            link.delay_ms = (0, 20, 200, 1_500)[self.chance.below(4)]
            link.reset_in, link.silent_in = 4 + self.chance.below(20), 20 + self.chance.below(60)
            link.repeat_in = 2 + self.chance.below(6)
        return self._links_strike(Kind.BAD_LINES, links)

    def _links_strike(self, kind: Kind, links: list[tuple[str, Link]]) -> Strike | None:
        if not links:
            return None

        def heal() -> None:
            for _, link in links:
                link.heal()

        return Strike(kind, self.chance.below(LAST_MS_MAX), heal, frozenset(name for name, _ in links))

    def _some(self, held: frozenset[str]) -> list[tuple[str, Link]]:
        free = [(f"link {i}", link) for i, link in enumerate(self.scene.network.links) if f"link {i}" not in held]
        if self.chance.below(3) == 0:
            return free
        return [one for one in free if self.chance.below(2)]

    def _device(self, kind: Kind, held: frozenset[str]) -> Strike | None:
        device = self.scene.devices[self.chance.below(len(self.scene.devices))]
        name = f"device {device.part.ordinal}"
        if name in held or (kind is Kind.KILL_DEVICES and held & {"server", "database"}):
            return None
        if kind is Kind.PAUSE_DEVICES:
            device.pause()
            return Strike(kind, self.chance.below(LAST_MS_MAX), device.resume, frozenset((name,)))
        device.kill()
        return Strike(kind, self.chance.below(DOWN_MS_MAX), device.start, frozenset((name,)))
