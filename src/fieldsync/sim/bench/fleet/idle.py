"""Idle devices: a server's memory and share of a core while so many streams are open and nothing comes.

The floor is a process that holds as many bare connections and sends each as many heartbeats.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from fieldsync.base import limits
from fieldsync.base.ids import RecordId
from fieldsync.protocol.events import OPEN
from fieldsync.server.save.batch import Caller, Channel
from fieldsync.sim.bench.figures import Figure, figure
from fieldsync.sim.bench.fleet.clients import Listening, allow_connections, open_stream
from fieldsync.sim.bench.fleet.enrol import Enrolled, org_with
from fieldsync.sim.bench.setting import served

AT_ONCE = 20
WARM = 20
CONDITIONS = "each with a stream of its own, heartbeats every {} s, nobody polls, one server process"
_BARE = """
import asyncio, sys
async def main():
    async def serve(reader, writer):
        writer.write(b"HTTP/1.1 200 OK\\r\\n\\r\\n" + OPENED)
        while True:
            await asyncio.sleep(float(sys.argv[1]))
            writer.write(b": heartbeat\\n\\n")
    server = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=1000)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()
asyncio.run(main())
""".replace("OPENED", repr(OPEN))


def measure(folder: Path, port: int, *, counts: Sequence[int], seconds: float) -> list[Figure]:
    """Megabytes and share of a core by how many devices there are."""
    allow_connections(max(counts))
    devices: list[Enrolled] = []
    with served(folder, port, org_with(max(counts), devices)) as place:
        found = asyncio.run(_measured(place.pid, port, devices, (counts, seconds)))
    beneath = _floors(counts, seconds)
    figures = []
    for count, (memory, share), (least, share_least) in zip(counts, found, beneath, strict=True):
        said = f"{count} devices, {CONDITIONS.format(limits.HEARTBEAT_SECONDS)}, over {seconds:g} s"
        figures.append(figure(f"{count} idle devices, server memory", memory, "MB", floor=least, conditions=said))
        figures.append(figure(f"{count} idle devices, core", share, "%", floor=share_least, conditions=said))
    return figures


async def _measured(
    pid: int, port: int, devices: Sequence[Enrolled], asked: tuple[Sequence[int], float]
) -> list[tuple[float, float]]:
    """Memory above none and per cent of a core for each count, with so many more streams opened each time."""
    counts, seconds = asked
    for stream in await _opened(port, devices[:WARM]):
        stream.close()
    await asyncio.sleep(1.0)
    before, found = resident_mb(pid), []
    streams: list[Listening] = []
    for count in counts:
        streams += await _opened(port, devices[len(streams) : count])
        await asyncio.sleep(2.0)
        beats = [stream.heartbeats for stream in streams]
        began, used = time.perf_counter(), cpu_seconds(pid)
        await asyncio.sleep(seconds)
        share = 100 * (cpu_seconds(pid) - used) / (time.perf_counter() - began)
        found.append((resident_mb(pid) - before, share))
        healthy = [not s.ended and s.heartbeats > b for s, b in zip(streams, beats, strict=True)]
        assert all(healthy) or seconds <= limits.HEARTBEAT_SECONDS, f"{healthy.count(False)} streams are silent"
    for stream in streams:
        stream.close()
    return found


async def _opened(port: int, devices: Sequence[Enrolled]) -> list[Listening]:
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(device: Enrolled) -> Listening:
        async with gate:
            return await open_stream(port, device.token)

    return list(await asyncio.gather(*(one(device) for device in devices)))


def _floors(counts: Sequence[int], seconds: float) -> list[tuple[float, float]]:
    """The same of a process that does nothing else."""
    command = [sys.executable, "-c", _BARE, f"{limits.HEARTBEAT_SECONDS}"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        nobody = [Enrolled(f"{i}", Caller(RecordId(""), "", Channel.DEVICE), RecordId("")) for i in range(max(counts))]
        return asyncio.run(_measured(process.pid, port, nobody, (counts, seconds)))
    finally:
        process.terminate()
        process.wait()


def resident_mb(pid: int) -> float:
    """Megabytes that a process holds."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS:")).split()[1]) / 1000


def cpu_seconds(pid: int) -> float:
    """What a process has used of processors so far."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
