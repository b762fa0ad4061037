"""One address for the page and the server behind it, as a real one would have: a worker's requests go nowhere else."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

HOP = frozenset({"host", "connection", "accept-encoding", "origin", "referer", "transfer-encoding", "content-length"})


@contextmanager
def front(site: Path, server_port: int) -> Iterator[str]:
    """The address of the page."""
    handler = type("Front", (_Front,), {"site": site, "server_port": server_port})
    listening = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    listening.daemon_threads = True
    thread = threading.Thread(target=listening.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.server_address[1]}/"
    finally:
        listening.shutdown()
        thread.join()
        listening.server_close()


class _Front(SimpleHTTPRequestHandler):
    site: ClassVar[Path]
    server_port: ClassVar[int]
    protocol_version = "HTTP/1.1"
    extensions_map: ClassVar[dict[str, str]] = {  # type: ignore[misc]
        **SimpleHTTPRequestHandler.extensions_map,
        ".mjs": "text/javascript",
        ".wasm": "application/wasm",
    }

    def __init__(self, *given: object) -> None:
        super().__init__(*given, directory=str(self.site))  # type: ignore[arg-type]

    def do_GET(self) -> None:
        """A file of the page, or an answer of the server."""
        if self.path.startswith("/sync/"):
            self._relay()
        else:
            super().do_GET()

    def do_POST(self) -> None:
        """An answer of the server."""
        self._relay()

    def _relay(self) -> None:
        behind = http.client.HTTPConnection("127.0.0.1", self.server_port)
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        behind.request(self.command, self.path, body, {k: v for k, v in self.headers.items() if k.lower() not in HOP})
        answer = behind.getresponse()
        content = answer.read()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in HOP:
                self.send_header(name, value)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
        behind.close()

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""
