"""The Field app before anybody's store is open, in a thread of this process; and servers that are none of ours."""

from __future__ import annotations

import asyncio
import math
import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

from tests.ports import free_port

from fieldsync.base.version import VERSION
from fieldsync.base.world import Clock, SystemChance, SystemClock, World
from fieldsync.device import DeviceDescription
from fieldsync.device.people import People
from fieldsync.protocol.session import Platform
from fieldsync.server.http.serve import serve
from fieldsync.web.field.app import create_app
from fieldsync.web.field.begin.hall import Hall
from fieldsync.web.field.door import Door
from fieldsync.web.field.lock.seat import Seat


class Vault:
    """A key store: what no copy of a folder brings along."""

    def __init__(self) -> None:
        self.held: dict[str, str] = {}

    def get(self, name: str) -> str | None:
        return self.held.get(name)

    def put(self, name: str, text: str) -> None:
        self.held[name] = text

    def drop(self, name: str) -> None:
        self.held.pop(name, None)


class Opened:
    """An app that waits for people: its newest link, and what is behind its pages."""

    def __init__(self, root: Path, vault: Vault | None, clock: Clock | None = None) -> None:
        self.links: list[str] = []
        self.ready = threading.Event()
        self.port = free_port()
        self.vault = vault
        world = World(clock or SystemClock(), SystemChance())
        seat = Seat(Door(world.chance, self._tell), world, "Test device")
        self.people = People(root, world.chance, vault)
        self.hall = Hall(self.people, seat, world, lambda key: DeviceDescription(key, "T", Platform.MAC, "1", VERSION))

    def _tell(self, token: str) -> None:
        self.links.append(f"http://127.0.0.1:{self.port}/?launch={token}")
        self.ready.set()

    @property
    def link(self) -> str:
        return self.links[-1]


@contextmanager
def opened(root: Path, vault: Vault | None = None, clock: Clock | None = None) -> Iterator[Opened]:
    """`fieldsync field` on this folder, without its process."""
    one, stop = Opened(root, vault, clock), threading.Event()

    async def run() -> None:
        ending = asyncio.Event()
        app = create_app(one.hall.seat, one.hall, port=one.port)
        serving = serve(app, host="127.0.0.1", port=one.port, stop=ending, ready=one.hall.seat.door.invite)
        running = asyncio.create_task(serving)
        await asyncio.to_thread(stop.wait)
        ending.set()
        await running

    thread = threading.Thread(target=lambda: asyncio.run(run()))
    thread.start()
    assert one.ready.wait(60)
    try:
        yield one
    finally:
        stop.set()
        thread.join(20)
        one.hall.abandon()
        one.hall.seat.leave()


@contextmanager
def answering(body: bytes, content_type: str = "text/html") -> Iterator[str]:
    """The address of a web site that answers everything with this."""

    class Site(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-type", content_type)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    with HTTPServer(("127.0.0.1", 0), Site) as site:
        thread = threading.Thread(target=site.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{site.server_port}"
        finally:
            site.shutdown()
            thread.join()


class Relay(socketserver.ThreadingTCPServer):
    """A network between a device and its server. It may be cut, or stand still, and it may fall silent: of what is
    connected then neither end hears any more."""

    daemon_threads, allow_reuse_address, block_on_close = True, True, False

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", 0), Passing)
        self.port = port
        self.silenced = 0
        self._came, self._counting = 0, threading.Lock()
        self._cut_at, self._still_at = math.inf, math.inf
        self._go = threading.Event()

    def cut_after(self, count: float) -> None:
        """It is cut when so many bytes more have come down, and stays so until it is told otherwise."""
        self._cut_at = self._came + count

    def mend(self) -> None:
        """Whatever comes gets through."""
        self._cut_at = math.inf

    def stand_still(self, after: int) -> None:
        """When so many bytes more have come down, nothing does until it goes on."""
        self._go.clear()
        self._still_at = self._came + after

    def go_on(self) -> None:
        """It stands still no longer."""
        self._still_at = math.inf
        self._go.set()

    def may_pass(self, count: int) -> bool:
        """Whether these bytes still come through."""
        with self._counting:
            self._came += count
            came = self._came
        if came > self._still_at:
            self._go.wait()
        return came < self._cut_at


class Passing(socketserver.BaseRequestHandler):
    """One connection: each way by a thread."""

    def handle(self) -> None:
        assert isinstance(self.server, Relay)
        with socket.create_connection(("127.0.0.1", self.server.port)) as other:
            up = threading.Thread(target=self._pass, args=(self.request, other), kwargs={"down": False}, daemon=True)
            up.start()
            self._pass(other, self.request, down=True)

    def _pass(self, source: socket.socket, to: socket.socket, *, down: bool) -> None:
        assert isinstance(self.server, Relay)
        heard = self.server.silenced
        with suppress(OSError):
            while (data := source.recv(16_384)) and (not down or self.server.may_pass(len(data))):
                if heard == self.server.silenced:
                    to.sendall(data)
        for each in (source, to):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)


@contextmanager
def relayed(server: str) -> Iterator[tuple[str, Relay]]:
    """An address that leads to this server through a network that can be cut."""
    with Relay(int(server.rpartition(":")[2])) as relay:
        thread = threading.Thread(target=relay.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{relay.server_address[1]}", relay
        finally:
            relay.go_on()
            relay.shutdown()
            thread.join()
