"""The devices' end of many connections: requests and event streams, as the wire has them and no engine behind."""

from __future__ import annotations

import asyncio
import resource
from dataclasses import dataclass, field

from fieldsync.protocol.events import OPEN

OK = 200
SPARE_FILES = 500


def allow_connections(count: int) -> None:
    """Let this process, and those it starts, have so many sockets open."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count + SPARE_FILES
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, most) if most > 0 else wanted, most))


def request(method: str, path: str, token: str, body: bytes = b"") -> bytes:
    """A request's bytes."""
    head = f"{method} {path} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {token}\r\n"
    head += f"content-type: application/json\r\ncontent-length: {len(body)}\r\n" if body else ""
    return head.encode() + b"\r\n" + body


async def answered(reader: asyncio.StreamReader) -> int:
    """The status of the next answer, whose body is read and forgotten."""
    status, length = await _head(reader)
    if length is not None:
        await reader.readexactly(length)
        return status
    while size := int(await reader.readline(), 16):
        await reader.readexactly(size + 2)
    await reader.readline()
    return status


async def _head(reader: asyncio.StreamReader) -> tuple[int, int | None]:
    status, length = int((await reader.readline()).split()[1]), None
    while (line := await reader.readline()) != b"\r\n":
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    return status, length


@dataclass
class Listening:
    """An open event stream."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    heartbeats: int = 0
    ended: bool = False
    task: asyncio.Task[None] | None = field(default=None, repr=False)

    async def listen(self) -> None:
        """Count what comes, until the stream ends."""
        while line := await self.reader.readline():
            self.heartbeats += line.startswith(b": heartbeat")
        self.ended = True

    def close(self) -> None:
        """Hang up."""
        if self.task is not None:
            self.task.cancel()
        self.writer.close()


async def open_stream(port: int, token: str) -> Listening:
    """A stream as an idle device has it, which has said its first word. Raises AssertionError when it is refused."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**12)
    writer.write(request("GET", "/sync/v1/events?cursor=mine&looked=true", token))
    status, _ = await _head(reader)
    assert status == OK, f"the stream was refused with {status}"
    stream = Listening(reader, writer)
    while not (await reader.readline()).startswith(OPEN[:11]):
        pass
    stream.task = asyncio.create_task(stream.listen())
    return stream
