"""The network between device processes and the server: TCP over loopback that loses, delays, repeats and breaks off.

Each device has a port of its own, so each can be cut off alone. Nothing here knows HTTP but for one thing: what a
device sent since the server last answered is one request, and can be sent again later.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Self

from fieldsync.base.world import Chance
from fieldsync.sim.network import SECRET, Way

CHUNK_BYTES = 16_384
LOOK_SECONDS = 0.02
REPEATED_BYTES_MAX = 1_000_000
REPEAT_AFTER_MS_MAX, REPEAT_SECONDS = 2_000, 3.0
LINGER_NOT = struct.pack("ii", 1, 0)
"""A socket that is closed so sends a reset, not an end."""
_NOTHING_GOES = (Way.NOTHING_LEAVES, Way.NOTHING_PASSES, Way.OFF)
_NOTHING_COMES = (Way.NOTHING_RETURNS, Way.NOTHING_PASSES, Way.OFF)


@dataclass
class Link:
    """One device's way to the server. What is set here counts at once, also for connections that are open."""

    way: Way = Way.OPEN
    """What is held back is delivered when the way is open again, as a network does that loses packets."""
    delay_ms: int = 0
    """Every piece waits up to so long; pieces of one connection stay in order, those of two do not."""
    reset_in: int = 0
    """One in so many pieces ends its connection in the middle; 0 is none. So with the next two."""
    silent_in: int = 0
    """From this piece on nobody answers, and nobody says that the connection is gone."""
    repeat_in: int = 0
    """The request is sent again later, on a connection of its own."""
    struck: Counter[str] = field(default_factory=Counter)
    seen_secret: bool = False

    def heal(self) -> None:
        """All is well."""
        self.way, self.delay_ms, self.reset_in, self.silent_in, self.repeat_in = Way.OPEN, 0, 0, 0, 0


class Ended(Exception):
    """One side has no more to say: the connection ends."""


class Broken(Exception):
    """The connection is to end with a reset."""


class Connection:
    """One connection of a device and its continuation to the server."""

    def __init__(self, link: Link, chance: Chance, port: int) -> None:
        self._link, self._chance, self._port = link, chance, port
        self._silent = False
        self._asked = bytearray()
        self._tail = b""
        self._repeats: set[asyncio.Task[None]] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry bytes both ways until either side ends, or the network breaks it."""
        sides = [writer]
        try:
            await self._until_open(_NOTHING_GOES)
            up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self._port)
            sides.append(up_writer)
            async with asyncio.TaskGroup() as ways:
                ways.create_task(self._carry(reader, up_writer, self._went))
                ways.create_task(self._carry(up_reader, writer, self._came))
        except* Ended:
            for side in sides:
                side.close()
        except* (Broken, OSError):
            for side in sides:
                _reset(side)
        finally:
            for side in sides:
                side.close()

    async def _carry(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        passed: Callable[[bytes], tuple[Way, ...]],
    ) -> None:
        while chunk := await reader.read(CHUNK_BYTES):
            held = passed(chunk)
            await self._struck(chunk, writer)
            await self._until_open(held)
            if not self._silent:
                writer.write(chunk)
                await writer.drain()
        raise Ended

    async def _until_open(self, held: tuple[Way, ...]) -> None:
        while self._link.way in held:  # noqa: ASYNC110 another thread opens it
            await asyncio.sleep(LOOK_SECONDS)

    async def _struck(self, chunk: bytes, writer: asyncio.StreamWriter) -> None:
        """What befalls one piece. Raises Broken after a part of it went out."""
        link = self._link
        if link.delay_ms:
            link.struck["delayed"] += 1
            await asyncio.sleep(self._chance.below(link.delay_ms) / 1000)
        if self._strikes(link.silent_in, "half-open"):
            self._silent = True
        if self._strikes(link.reset_in, "reset"):
            writer.write(chunk[: self._chance.below(len(chunk) + 1)])
            raise Broken

    def _strikes(self, one_in: int, what: str) -> bool:
        if not one_in or self._chance.below(one_in):
            return False
        self._link.struck[what] += 1
        return True

    def _went(self, chunk: bytes) -> tuple[Way, ...]:
        self._asked += chunk
        return _NOTHING_GOES

    def _came(self, chunk: bytes) -> tuple[Way, ...]:
        self._link.seen_secret = self._link.seen_secret or SECRET in self._tail + chunk
        self._tail = chunk[-len(SECRET) :]
        if self._asked and self._strikes(self._link.repeat_in, "repeated"):
            again = asyncio.create_task(self._repeat(bytes(self._asked[:REPEATED_BYTES_MAX])))
            self._repeats.add(again)
            again.add_done_callback(self._repeats.discard)
        self._asked.clear()
        return _NOTHING_COMES

    async def _repeat(self, request: bytes) -> None:
        """The same request once more, after others that were sent later; nobody reads the answer."""
        await asyncio.sleep(self._chance.below(REPEAT_AFTER_MS_MAX) / 1000)
        with suppress(OSError, TimeoutError):
            reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
            try:
                writer.write(request)
                await asyncio.wait_for(reader.read(), REPEAT_SECONDS)
            finally:
                writer.close()


def _reset(writer: asyncio.StreamWriter) -> None:
    connected = writer.get_extra_info("socket")
    if connected is not None:
        with suppress(OSError):
            connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NOT)
    writer.transport.abort()


class Network:
    """The proxies of all devices, in a thread of their own. A context manager."""

    def __init__(self, server_port: int, devices: int, chance: Chance) -> None:
        self.links = [Link() for _ in range(devices)]
        self.ports: list[int] = []
        self.server_port, self._chance = server_port, chance
        self._servers: list[asyncio.Server] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fieldsync network", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        for link in self.links:
            self.ports.append(asyncio.run_coroutine_threadsafe(self._listen(link), self._loop).result())
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _listen(self, link: Link) -> int:
        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with suppress(asyncio.CancelledError):  # the run is over: to asyncio's streams that is an error
                await Connection(link, self._chance, self.server_port).serve(reader, writer)

        server = await asyncio.start_server(connected, "127.0.0.1", 0)
        self._servers.append(server)
        port: int = server.sockets[0].getsockname()[1]
        return port

    async def _end(self) -> None:
        """Nothing is on its way any more."""
        for server in self._servers:
            server.close()
        running = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await asyncio.sleep(LOOK_SECONDS)
