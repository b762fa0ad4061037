"""Many devices listen at one server process: all are served, and so is who comes next."""

from __future__ import annotations

import socket
from contextlib import ExitStack
from urllib.parse import urlsplit

import httpx
from tests.server.http.running import running_server
from tests.server.lab import Lab, Phone

STREAMS = 160
"""An HTTP server takes 128 connections where nobody says otherwise."""


def test_a_server_answers_however_many_devices_listen(lab: Lab, sarah: Phone) -> None:
    with running_server(lab.uri) as (address, _), ExitStack() as stack:
        where = urlsplit(address)
        asking = f"GET /sync/v1/events HTTP/1.1\r\nhost: {where.netloc}\r\nauthorization: Bearer {sarah.token}\r\n\r\n".encode()
        streams = []
        for _ in range(STREAMS):
            stream = socket.create_connection((where.hostname, where.port), timeout=10)
            streams.append(stack.enter_context(stream))
            stream.sendall(asking)
        for stream in streams:
            answer = b""
            while b"event: news" not in answer:
                answer += stream.recv(1_000)
        assert httpx.get(f"{address}/health", timeout=10).status_code == 200
