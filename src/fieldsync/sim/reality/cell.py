"""One run: everything is started, people save, things go wrong, all is healed; queues empty by themselves; then it is
asked whether every law held."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import msgspec

from fieldsync.base.problems import Refused
from fieldsync.base.world import SeededChance, SystemChance, system_world
from fieldsync.sim.ground import OWNERS, PEOPLE, Databases, Ground
from fieldsync.sim.laws import exact_feed, open_record, progress
from fieldsync.sim.reality.living import Part, Say
from fieldsync.sim.reality.nemesis import Kind, Nemesis, Scene, Strike
from fieldsync.sim.reality.processes import Database, Ended, Gadget, Server
from fieldsync.sim.reality.proxy import Network
from fieldsync.sim.reality.world import RealWorld
from fieldsync.sim.run import LAWS as AT_REST

LAWS = (*AT_REST, open_record.pending)
DRAIN_SECONDS, DRAIN_SECONDS_PER_SAVE = 60.0, 0.05
"""So long after the last fault may a device have anything pending (I23 of the test plan)."""
STEADY = system_world().clock.steady
GAP_MS_MAX = 1_500
"""Between two strikes."""


class Cell(msgspec.Struct, frozen=True):
    """What to run. `rate`: saves a second of all devices together."""

    kind: Kind
    devices: int
    rate: int
    seconds: float
    seed: int


class Outcome(msgspec.Struct, frozen=True):
    """What a run found."""

    cell: Cell
    saves: int
    struck: dict[str, int]
    kills: int
    drained_seconds: float
    """From the last fault until the last device had nothing pending."""
    errors: int
    """Entries that the server refused, with their reasons, as conflicts are."""
    violations: tuple[str, ...]
    seconds: float


def run_cell(folder: Path, cell: Cell, ports: tuple[int, Database, Databases]) -> Outcome:
    """Run it. Every process that was started is gone afterwards, whatever happens."""
    began = STEADY()
    port, database, databases = ports
    name, ground = databases.fresh()
    with ExitStack() as stack:
        stack.callback(databases.drop, name)
        folder.mkdir()
        server = Server(databases.uri(name), port, folder / "server.log")
        stack.callback(server.end)
        network = stack.enter_context(Network(port, cell.devices, SystemChance()))
        parts = [_part(folder, ground, cell, ordinal) for ordinal in range(cell.devices)]
        devices = _started(stack, parts, network)
        nemesis = Nemesis(Scene(network, database, server, devices), SeededChance(f"{cell.seed}/{cell.kind}"))
        drained, violations = _lived(cell, nemesis, devices)
        struck = Counter({str(kind): times for kind, times in nemesis.struck.items()})
        for link in network.links:
            struck.update(link.struck)
        found = _asked(databases.uri(name), ground, parts, network) if not violations else _Found(0, 0, violations)
        kills = server.kills + sum(device.kills for device in devices) + struck[str(Kind.KILL_DATABASE)]
    taken = round(STEADY() - began, 1)
    told = tuple(found.violations)
    return Outcome(cell, found.saves, dict(struck), kills, round(drained, 1), found.errors, told, taken)


def _started(stack: ExitStack, parts: list[Part], network: Network) -> list[Gadget]:
    """A process for each device, signed in and with its first download done."""
    devices: list[Gadget] = []
    for part, at in zip(parts, network.ports, strict=True):
        devices.append(Gadget(part, f"http://127.0.0.1:{at}", "life"))
        stack.callback(devices[-1].end)
    for device in devices:
        device.wait()
    return devices


def _part(folder: Path, ground: Ground, cell: Cell, ordinal: int) -> Part:
    own = folder / f"device{ordinal}"
    own.mkdir()
    person = ground.people[PEOPLE[OWNERS[ordinal % len(OWNERS)]][0]]
    key = SeededChance(f"{cell.seed}/{ordinal}").bytes(32)
    return Part(ordinal, person, own, key, tuple(ground.accounts), 1000 * cell.devices // cell.rate)


def _lived(cell: Cell, nemesis: Nemesis, devices: list[Gadget]) -> tuple[float, list[str]]:
    """Trouble and its end: see `_drained`. A process that is gone though nobody killed it breaks L7 too."""
    try:
        _trouble(cell, nemesis)
        drained, violations = _drained(devices)
        for device in devices:
            device.leave()
    except Ended as ended:
        return 0.0, [f"L7: {ended}"]
    return drained, violations


def _trouble(cell: Cell, nemesis: Nemesis) -> None:
    """Strike and heal for the time of the cell; at the end everything is healed."""
    running: list[tuple[float, Strike]] = []
    over = STEADY() + cell.seconds
    next_strike = STEADY()
    try:
        while (now := STEADY()) < over:
            for ended in [one for one in running if one[0] <= now]:
                running.remove(ended)
                ended[1].heal()
            if now >= next_strike:
                held = frozenset(name for _, strike in running for name in strike.holds)
                strike = nemesis.strike(cell.kind, held)
                if strike is not None:
                    running.append((now + strike.lasts_ms / 1000, strike))
                next_strike = now + nemesis.chance.below(GAP_MS_MAX) / 1000
            time.sleep(0.01)
    finally:
        with ExitStack() as healing:  # all are healed, also behind one that fails
            for _, strike in sorted(running, key=_order, reverse=True):
                healing.callback(strike.heal)


def _order(one: tuple[float, Strike]) -> int:
    """PostgreSQL comes back before the server, and that before a device is waited for."""
    ranks = [("database" in one[1].holds, 0), ("server" in one[1].holds, 1), (True, 2)]
    return next(rank for is_so, rank in ranks if is_so)


def _drained(devices: list[Gadget]) -> tuple[float, list[str]]:
    """Seconds until nobody had anything pending, with nobody's help; and who never got there."""
    healed = STEADY()
    waiting = [device.ask(Say.QUIET).pending for device in devices]
    limit = healed + DRAIN_SECONDS + DRAIN_SECONDS_PER_SAVE * max(waiting)
    while STEADY() < limit:
        if not any(device.ask(Say.STATUS).pending for device in devices):
            return STEADY() - healed, []
        time.sleep(0.1)
    stuck = {device.part.ordinal: device.ask(Say.STATUS) for device in devices}
    return limit - healed, [f"L7: device {o} still has {status}" for o, status in stuck.items() if status.pending]


class _Found(msgspec.Struct, frozen=True):
    """What was left, and what is wrong with it."""

    saves: int
    errors: int
    violations: list[str]


def _asked(uri: str, ground: Ground, parts: list[Part], network: Network) -> _Found:
    """Read what the run left behind, and ask every law."""
    world = RealWorld(uri, ground)
    try:
        address = f"http://127.0.0.1:{network.server_port}"
        for part, link in zip(parts, network.links, strict=True):
            world.add_device(part, address, seen_secret=link.seen_secret)
        world.forget_touched(parts)
        found = list(_checked(world))
        errors = sum(len(device.engine.errors()) for device in world.devices)
        return _Found(sum(len(device.saves) for device in world.devices), errors, found)
    except Refused as refused:
        return _Found(0, 0, [f"L7: {refused.problem.message}"])
    finally:
        world.close()


def _checked(world: RealWorld) -> Iterator[str]:
    for device in world.devices:
        yield from progress.drain(world, device)
    for device in world.devices:
        progress.poll(world, device)
    yield from exact_feed.delivered(world)
    yield from progress.sync_all(world)
    for law in LAWS:
        yield from law(world)
