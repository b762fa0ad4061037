"""HTTP as the device speaks it, against a real socket: compression, portals, redirects, cut streams, wake-ups."""

from __future__ import annotations

import os
import socket
import ssl
import threading
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
import zstandard
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from fieldsync.device.transport import HttpTransport, NotStreamed, Unconnected, Unreachable, http
from fieldsync.device.transport.answer import LINE_BYTES_MAX
from fieldsync.protocol import wire

LINES = b'{"a":1}\n{"b":2}\n'


def bomb() -> bytes:
    """A stream of a few kilobytes that grows to a line of 512 MiB."""
    squeeze, piece = zstandard.ZstdCompressor(level=1).compressobj(), b"[" * 2**20
    return b"".join([*(squeeze.compress(piece) for _ in range(512)), squeeze.flush()])


SQUEEZED = {"content-encoding": "zstd"}
FIXED: dict[str, tuple[int, str, bytes, dict[str, str]]] = {
    "/squeezed": (200, wire.CONTENT_JSON, wire.compress(b"{}" * 500), SQUEEZED),
    "/moved": (302, "text/html", b"", {"location": "/squeezed"}),
    "/busy": (429, wire.CONTENT_JSON, b"{}", {"retry-after": "7"}),
    "/lines": (200, wire.CONTENT_LINES, wire.compress(LINES), SQUEEZED),
    "/portal": (200, "text/html", b"<html>Welcome</html>", {}),
}


AWAITED, HUNG_UP = threading.Event(), threading.Event()


class Handler(BaseHTTPRequestHandler):
    """A few fixed addresses."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        encoding = self.headers.get("content-encoding", "plain")
        if encoding == wire.ENCODING_ZSTD:
            body = wire.decompress(body)
        if self.path == "/awaited":
            assert AWAITED.wait(60)
        self._answer(200, wire.CONTENT_JSON, b'{"encoding":"%s","size":%d}' % (encoding.encode(), len(body)))

    def do_GET(self) -> None:
        if self.path in FIXED:
            status, content_type, body, headers = FIXED[self.path]
            self._answer(status, content_type, body, **headers)
            return
        match self.path:
            case "/bomb":
                self._answer(200, wire.CONTENT_LINES, bomb(), **SQUEEZED)
            case "/cut":
                self.send_response(200)
                self.send_header("content-type", wire.CONTENT_LINES)
                self.send_header("content-length", "1000")
                self.end_headers()
                self.wfile.write(LINES)
                self.close_connection = True
            case "/torn":
                self._torn()
            case "/who":
                self._answer(200, wire.CONTENT_JSON, b"%d" % self.client_address[1])
            case "/events":
                self._events()

    def _torn(self) -> None:
        self.send_response(200)
        self.send_header("content-type", wire.CONTENT_LINES)
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        self.wfile.write(b"%x\r\n%s\r\n" % (len(LINES), LINES))
        self.close_connection = True

    def _events(self) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        self.wfile.write(b": heartbeat\n\nevent: news\ndata: {}\n\n")
        self.wfile.flush()
        HUNG_UP.wait(60)
        self.close_connection = True

    def _answer(self, status: int, content_type: str, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"content-type": content_type, "content-length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""


@pytest.fixture
def transport() -> Iterator[HttpTransport]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    made = HttpTransport(f"http://127.0.0.1:{server.server_address[1]}")
    yield made
    made.close()
    server.shutdown()
    server.server_close()


def test_bodies_over_a_kilobyte_are_compressed(transport: HttpTransport) -> None:
    assert transport.request("POST", "/x", b"x" * 100, {}).body == b'{"encoding":"plain","size":100}'
    assert transport.request("POST", "/x", b"x" * 5000, {}).body == b'{"encoding":"zstd","size":5000}'


def test_answers_may_be_compressed(transport: HttpTransport) -> None:
    assert transport.request("GET", "/squeezed", None, {}).body == b"{}" * 500


def test_redirects_are_not_followed_and_waits_are_passed_on(transport: HttpTransport) -> None:
    assert transport.request("GET", "/moved", None, {}).status == 302
    assert transport.request("GET", "/busy", None, {}).headers["retry-after"] == "7"


def test_lines_come_one_by_one(transport: HttpTransport) -> None:
    assert list(transport.stream("/lines", {})) == [b'{"a":1}', b'{"b":2}']


def test_a_portal_is_no_stream_and_a_cut_one_is_unreachable(transport: HttpTransport) -> None:
    with pytest.raises(NotStreamed):
        list(transport.stream("/portal", {}))
    for address in ("/cut", "/torn"):
        with pytest.raises(Unreachable):
            list(transport.stream(address, {}))
    assert transport.request("GET", "/who", None, {}).status == 200, "the next has a connection of its own"


def test_requests_share_a_connection_and_one_that_idled_away_is_made_anew(transport: HttpTransport) -> None:
    first = transport.request("GET", "/who", None, {}).body
    list(transport.stream("/lines", {}))
    assert transport.request("GET", "/who", None, {}).body == first
    with pytest.raises(NotStreamed):
        list(transport.stream("/portal", {}))
    assert transport.request("GET", "/who", None, {}).body == first, "a refusal is read to its end"


def test_a_body_that_takes_longer_than_any_wait_gets_through_a_line_that_gets_on() -> None:
    body = os.urandom(1024 * 1024)
    with slow_line(bytes_a_second=256 * 1024) as address:
        patient = HttpTransport(address, silent_seconds=3)
        assert patient.request("POST", "/x", body, {}).body == b"%d" % len(wire.compress(body))
        patient.close()


def test_who_asks_for_later_goes_on_when_the_body_left(
    transport: HttpTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not before, where the line is quick: his work would hold up what is to leave. Not for long, where it is not."""
    monkeypatch.setattr(http, "GIVE_WAY_SECONDS", 30.0)
    began = time.monotonic()
    answer = transport.later("POST", "/awaited", b"x" * 5000, {})
    assert time.monotonic() - began < 15, "it left, and its answer is still to come"
    AWAITED.set()
    assert answer().status == 200
    monkeypatch.setattr(http, "GIVE_WAY_SECONDS", 0.01)
    body = os.urandom(1024 * 1024)
    goes = threading.Event()
    with slow_line(bytes_a_second=64 * 1024 * 1024, goes=goes) as address:
        patient = HttpTransport(address)
        answer = patient.later("POST", "/x", body, {})
        goes.set()  # until here nothing of it left but what the line holds
        assert answer().body == b"%d" % len(wire.compress(body))
        patient.close()


@contextmanager
def slow_line(bytes_a_second: int, goes: threading.Event | None = None) -> Iterator[str]:
    """A server that takes so much, and holds next to nothing. `goes`: it takes nothing before that."""
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 * 1024)
    listening.bind(("127.0.0.1", 0))
    listening.listen()

    def serve() -> None:
        with listening.accept()[0] as talking:
            head, _, body = talking.recv(4096).partition(b"\r\n\r\n")
            size = next(int(line.split(b":")[1]) for line in head.splitlines() if b"content-length" in line.lower())
            got = len(body)
            assert goes is None or goes.wait(60)
            while got < size:
                piece = len(talking.recv(16 * 1024))
                got += piece
                time.sleep(piece / bytes_a_second)
            told = b"%d" % got
            talking.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(told), told))

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    thread.join(5)
    listening.close()


def test_nobody_there_is_unreachable() -> None:
    nobody = HttpTransport("http://127.0.0.1:9")
    with pytest.raises(Unconnected):
        nobody.request("GET", "/", None, {})
    nobody.close()


def test_nothing_is_said_to_who_cannot_prove_to_be_the_server(tmp_path: Path) -> None:
    heard: list[bytes] = []
    with impostor(tmp_path, heard) as address:
        cheated = HttpTransport(address)
        with pytest.raises(Unreachable, match="certificate"):
            cheated.request("POST", "/sync/v1/session", b'{"password":"secret"}', {"authorization": "Bearer secret"})
        cheated.close()
    assert not heard


def test_what_is_not_of_this_machine_goes_through_its_proxy(
    transport: HttpTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{transport._pool.port}")
    monkeypatch.setenv("no_proxy", "")
    behind = HttpTransport("http://crm.invalid/base")
    assert behind.request("POST", "/x", b"x" * 100, {}).body == b'{"encoding":"plain","size":100}'
    behind.close()
    here = HttpTransport("http://127.0.0.1:9")
    with pytest.raises(Unreachable):
        here.request("GET", "/who", None, {})
    here.close()


@contextmanager
def impostor(folder: Path, heard: list[bytes]) -> Iterator[str]:
    """A server with a certificate that it gave itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")]), datetime.now(UTC)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
    made = made.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    made = made.add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
    pem = serialization.Encoding.PEM
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "both.pem").write_bytes(secret + made.sign(key, hashes.SHA256()).public_bytes(pem))
    terms = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    terms.load_cert_chain(folder / "both.pem")

    def serve() -> None:
        with suppress(OSError), terms.wrap_socket(listening.accept()[0], server_side=True) as talking:
            heard.append(talking.recv(4096))

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"https://127.0.0.1:{listening.getsockname()[1]}"
        thread.join(5)


def test_wake_ups_are_heard_and_hanging_up_ends_them(transport: HttpTransport) -> None:
    heard, ended = threading.Event(), threading.Event()

    def listen() -> None:
        with suppress(Unreachable):
            transport.events("/events", {}, lambda *_: heard.set(), threading.Event())
        ended.set()

    threading.Thread(target=listen, daemon=True).start()
    assert heard.wait(60)
    transport.hang_up()
    assert ended.wait(40), "the server would have gone on for a minute"
    HUNG_UP.set()


def test_a_stream_that_grows_without_end_is_left_before_it_fills_the_memory(transport: HttpTransport) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(Unreachable, match="longer than any"):
            list(transport.stream("/bomb", {}))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2 * LINE_BYTES_MAX
