"""A storm: devices come back within seconds, each on new connections: it uploads a save, reads its feed, and listens.

The floor of the time is the window in which they come; of the memory, what the same streams hold when nothing happens.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from fieldsync.base import ids
from fieldsync.base.world import Chance, World, instant, unix_ms
from fieldsync.protocol.upload import Change, Item, Operation, Transaction, UploadRequest, encode_items, hash_of
from fieldsync.server.org.open import open_org
from fieldsync.server.sync.feed import seal_cursor
from fieldsync.sim.bench.figures import Figure, figure, percentile
from fieldsync.sim.bench.fleet.clients import OK, Listening, allow_connections, answered, open_stream, request
from fieldsync.sim.bench.fleet.enrol import Enrolled, org_with
from fieldsync.sim.bench.fleet.idle import resident_mb
from fieldsync.sim.bench.setting import ORG, Setting, served

SAMPLE_SECONDS = 0.05
CONDITIONS = "each uploads one save, reads its feed and opens its stream, on new connections; one server process"


@dataclass
class Seen:
    """What the devices met."""

    taken: list[float] = field(default_factory=list)
    """Seconds from coming back to the open stream, with the save acknowledged."""
    refused: list[int] = field(default_factory=list)
    """Statuses other than 200."""
    streams: list[Listening] = field(default_factory=list)


def measure(folder: Path, port: int, *, devices: int, seconds: float) -> list[Figure]:
    """How long it takes until each is served, how many were refused, and the server's memory."""
    allow_connections(2 * devices)
    enrolled: list[Enrolled] = []
    with served(folder, port, org_with(devices + 1, enrolled)) as place:
        seen, memory, idle = asyncio.run(_storm(place, port, enrolled, seconds))
    said = f"{devices} devices within {seconds:g} s, {CONDITIONS}"
    median, most = percentile(seen.taken, 0.5), max(seen.taken)
    return [
        figure("devices refused or cut off", len(seen.refused), "devices", floor=1, conditions=said),
        figure("a device is served, median", 1000 * median, "ms", floor=1000 * min(seen.taken), conditions=said),
        figure("a device is served, at most", 1000 * most, "ms", floor=1000 * min(seen.taken), conditions=said),
        figure("server memory at most", memory, "MB", floor=max(idle, 0.1), conditions=said),
    ]


async def _storm(place: Setting, port: int, devices: Sequence[Enrolled], seconds: float) -> tuple[Seen, float, float]:
    world, seen, warm = place.world, Seen(), Seen()
    cursors = await _cursors(place, devices)
    asking = [(device, _upload(device, world), cursor) for device, cursor in zip(devices, cursors, strict=True)]
    await _come_back(port, asking.pop(), warm)
    warm.streams[0].close()
    before = resident_mb(place.pid)
    with _most(place.pid) as most:
        coming = [
            asyncio.create_task(_after(_within(world.chance, seconds), _come_back(port, one, seen))) for one in asking
        ]
        await asyncio.gather(*coming)
    idle = resident_mb(place.pid) - before
    for stream in seen.streams:
        stream.close()
    return seen, most[0] - before, idle


async def _after(seconds: float, work: Coroutine[object, object, None]) -> None:
    await asyncio.sleep(seconds)
    await work


def _within(chance: Chance, seconds: float) -> float:
    return seconds * chance.below(10_000) / 10_000


async def _cursors(place: Setting, devices: Sequence[Enrolled]) -> list[str]:
    """Where each device stands in its person's feed: at the beginning."""
    async with AsyncExitStack() as stack:
        org = await open_org(stack, place.uri, ORG, place.world)
        return [seal_cursor(org, device.caller, 0) for device in devices]


async def _come_back(port: int, asking: tuple[Enrolled, bytes, str], seen: Seen) -> None:
    """As the engine does when the network is back: the queue, the feed, the stream."""
    device, body, cursor = asking
    began = time.perf_counter()
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for asked in (
            request("POST", "/sync/v1/upload", device.token, body),
            request("GET", f"/sync/v1/feed?cursor={cursor}", device.token),
        ):
            writer.write(asked)
            status = await answered(reader)
            if status != OK:
                seen.refused.append(status)
        writer.close()
        seen.streams.append(await open_stream(port, device.token))
    except (OSError, AssertionError, asyncio.IncompleteReadError, IndexError):
        seen.refused.append(0)
    seen.taken.append(time.perf_counter() - began)


def _upload(device: Enrolled, world: World) -> bytes:
    """One save: an account's phone number."""
    now = world.clock.now()
    item = Item("Account", device.account, Operation.UPDATE, {"Fax": Change(None, "+43 1")})
    raw = encode_items((item,))
    txn = ids.uuid7(unix_ms(now), world.chance.bytes(10))
    saved = Transaction(txn, 1, hash_of((raw,)), instant(now), msgspec.Raw(raw))
    return msgspec.json.encode(UploadRequest(device.caller.number or ids.DeviceNumber(""), 0, (saved,), ()))


@contextmanager
def _most(pid: int) -> Iterator[list[float]]:
    """The most megabytes of a process until the block ends."""
    found, stop = [resident_mb(pid)], threading.Event()

    def sample() -> None:
        while not stop.wait(SAMPLE_SECONDS):
            found[0] = max(found[0], resident_mb(pid))

    thread = threading.Thread(target=sample, daemon=True)
    thread.start()
    yield found
    stop.set()
    thread.join()
