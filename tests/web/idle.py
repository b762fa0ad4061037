"""What a device transfers in an hour in which nothing happens, measured in some minutes by one command:

    python -m tests.web.idle FOLDER

Between the device and its server a relay counts every byte: while the stream of wake-ups is open, over several
heartbeats, and with polls at their true distance, as where no stream gets through. An hour is the opening once and as
many heartbeats or polls as it has. What TLS and TCP/IP add is not measured but reckoned, at the most it can be.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.web.full import served

from fieldsync.base import limits
from fieldsync.base.world import system_world
from fieldsync.cli.demo.people import PASSWORD
from fieldsync.cli.demo.run import IPAD, free_port, place, sign_in
from fieldsync.device import Device
from fieldsync.device.keys import key_from_passphrase
from fieldsync.device.transport import HttpTransport

BAR_BYTES = 1_000_000
HOUR_SECONDS = 3_600
BEATS, POLLS = 3, 3
HANDSHAKE_BYTES = 7_000
"""Of a connection: TCP, and TLS with a chain of certificates, both ways."""
PIECE_BYTES = 150
"""Of every piece: a TLS record's head and tag, the packet's head, and the packet that acknowledges it."""


@dataclass
class Counted:
    """What went through: bytes both ways, in pieces, over connections."""

    bytes: int = 0
    pieces: int = 0
    connections: int = 0

    def since(self, before: Counted) -> Counted:
        """What came behind `before`."""
        return Counted(self.bytes - before.bytes, self.pieces - before.pieces, self.connections - before.connections)

    def copy(self) -> Counted:
        """As it is now."""
        return Counted(self.bytes, self.pieces, self.connections)

    @property
    def on_the_wire(self) -> int:
        """With all that is around it."""
        return self.bytes + self.pieces * PIECE_BYTES + self.connections * HANDSHAKE_BYTES


@contextmanager
def relay(port: int, counted: Counted) -> Iterator[int]:
    """A port that leads to `port`."""
    ready, ending, own = threading.Event(), threading.Event(), free_port()

    async def passed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while piece := await reader.read(65_536):
            counted.bytes += len(piece)
            counted.pieces += 1
            writer.write(piece)
            await writer.drain()
        writer.close()

    async def come(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        counted.connections += 1
        there, onward = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(passed(reader, onward), passed(there, writer), return_exceptions=True)

    async def run() -> None:
        async with await asyncio.start_server(come, "127.0.0.1", own):
            ready.set()
            await asyncio.to_thread(ending.wait)

    thread = threading.Thread(target=lambda: asyncio.run(run()))
    thread.start()
    assert ready.wait(10)
    try:
        yield own
    finally:
        ending.set()
        thread.join(20)


def with_stream(device: Device, counted: Counted) -> int:
    """Bytes of an hour in which wake-ups may come."""
    before = counted.copy()
    device.start()
    time.sleep(limits.HEARTBEAT_SECONDS / 2)
    opening, before = counted.since(before), counted.copy()
    time.sleep(BEATS * limits.HEARTBEAT_SECONDS)
    beats = counted.since(before)
    device.stop()
    assert beats.connections == 0, "the stream did not stay open"
    assert beats.pieces >= BEATS, "no heartbeat came"
    return opening.on_the_wire + beats.on_the_wire * HOUR_SECONDS // (BEATS * limits.HEARTBEAT_SECONDS)


def with_polls(device: Device, counted: Counted) -> int:
    """Bytes of an hour in which the device asks again and again; where it has to try anew, that counts too."""
    before = counted.copy()
    for _ in range(POLLS):
        asked = counted.pieces
        while counted.pieces < asked + 2:
            device.wake()
            device.step()
            time.sleep(1)
        time.sleep(limits.POLL_SECONDS)
    polls = counted.since(before)
    return polls.on_the_wire * HOUR_SECONDS // (POLLS * limits.POLL_SECONDS)


def measure(folder: Path) -> Iterator[tuple[str, int]]:
    """Each way with its bytes."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o755, parents=True)
    world, port, counted = system_world(), free_port(), Counted()
    with (
        place(folder, port, world, accounts=40, reset=True, tell=lambda _line: None) as where,
        served(where.uri, port),
        relay(port, counted) as through,
    ):
        own = folder / "devices" / IPAD.folder
        key = key_from_passphrase(own, PASSWORD, world.chance)
        ways = {"with the stream of wake-ups": with_stream, "of polls": with_polls}
        for name, hour in ways.items():
            device = Device.open(own, key, world=world, transport=HttpTransport(f"http://127.0.0.1:{through}"))
            try:
                sign_in(device, IPAD)
                while device.step() == 0.0:
                    pass
                yield f"an idle hour {name}", hour(device, counted)
            finally:
                device.close()


def main(arguments: list[str]) -> int:
    """Write them; 1 where one misses."""
    held = True
    for name, count in measure(Path(arguments[0])):
        held = held and count <= BAR_BYTES
        sys.stdout.write(json.dumps({"name": name, "bytes": count, "at_most": BAR_BYTES}) + "\n")
        sys.stdout.flush()
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
