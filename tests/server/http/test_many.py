"""Many devices listen at one server process: all are served, and so is who comes next."""

from __future__ import annotations

import socket
from contextlib import ExitStack
from urllib.parse import urlsplit

import httpx
import msgspec
from tests.server.http.running import running_server
from tests.server.lab import PASSWORD, Lab

from fieldsync.protocol.session import DeviceDescription, Platform, SignIn

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


def _asking(address: str) -> bytes:
    """The request for a stream, of somebody who is signed in."""
    description = DeviceDescription("k" * 43, "ipad", Platform.IPAD, "17.1", "1.0")
    body = msgspec.json.encode(SignIn("small", "sarah@small.example", PASSWORD, description))
    headers = {"content-type": "application/json"}
    answer = httpx.post(f"{address}/sync/v1/session", content=body, headers=headers, timeout=60)
    token = answer.json()["tokens"]["access_token"]
    host = urlsplit(address).netloc
    return f"GET /sync/v1/events HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {token}\r\n\r\n".encode()
