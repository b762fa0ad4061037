"""Many devices listen at one server process: all are served, and so is who comes next."""

from __future__ import annotations

import socket
from contextlib import ExitStack
from urllib.parse import urlsplit

import httpx
import msgspec
from tests.ports import free_port
from tests.scenarios.stage import wait_for
from tests.server.http.running import running_server, served_here
from tests.server.lab import PASSWORD, Lab

from fieldsync.base.world import system_world
from fieldsync.protocol.session import DeviceDescription, Platform, SignIn
from fieldsync.server.http.app import create_app

STREAMS = 160
"""An HTTP server takes 128 connections where nobody says otherwise."""


def test_a_server_answers_however_many_devices_listen(lab: Lab) -> None:
    lab.person("sarah")
    with running_server(lab.uri) as (address, _), ExitStack() as stack:
        asking = _asking(address)
        streams = []
        for _ in range(STREAMS):
            stream = socket.create_connection((urlsplit(address).hostname, urlsplit(address).port), timeout=60)
            streams.append(stack.enter_context(stream))
            stream.sendall(asking)
        for stream in streams:
            answer = b""
            while b"event: news" not in answer:
                answer += stream.recv(1_000)
        assert httpx.get(f"{address}/health", timeout=60).status_code == 200


def test_a_stream_ends_when_its_device_has_gone_and_when_the_server_stops(lab: Lab) -> None:
    lab.person("sarah")
    app, port = create_app(lab.uri, system_world(), jobs=False), free_port()
    hub = app.state.served.hub
    with socket.socket() as stays:
        with served_here(app, port):
            asking = _asking(f"http://127.0.0.1:{port}")
            stays.connect(("127.0.0.1", port))
            stays.sendall(asking)
            with socket.create_connection(("127.0.0.1", port), timeout=60) as goes:
                goes.sendall(asking)
                wait_for(lambda: hub.streams == 2)
            wait_for(lambda: hub.streams == 1)
        assert hub.streams == 0
        stays.settimeout(60)
        rest = b""
        while more := stays.recv(1_000):
            rest += more
        assert b"text/event-stream" in rest
        assert rest.endswith(b"0\r\n\r\n"), "it came to its end"


def _asking(address: str) -> bytes:
    """The request for a stream, of somebody who is signed in."""
    description = DeviceDescription("k" * 43, "ipad", Platform.IPAD, "17.1", "1.0")
    body = msgspec.json.encode(SignIn("small", "sarah@small.example", PASSWORD, description))
    headers = {"content-type": "application/json"}
    answer = httpx.post(f"{address}/sync/v1/session", content=body, headers=headers, timeout=60)
    token = answer.json()["tokens"]["access_token"]
    host = urlsplit(address).netloc
    return f"GET /sync/v1/events HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {token}\r\n\r\n".encode()
