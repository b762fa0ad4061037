"""Floors: the least work on this machine that could do the same job, measured in the same run, with none of our code.

A save must reach the disk once on the device. A save that another device shows must reach three disks, one after
another, and cross the loopback three times. A bulk upload must reach PostgreSQL's disk as sets.
"""

from __future__ import annotations

import http.client
import json
import statistics
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

from fieldsync.device.store.probe import commit_seconds as device_commit_seconds
from fieldsync.server.postgres.probe import bulk_write_seconds, commit_seconds


def median_ms(work: Callable[[], None], times: int = 100) -> float:
    """The median of `times` runs, in milliseconds."""
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        taken.append((time.perf_counter() - start) * 1000)
    return statistics.median(taken)


def local_save_ms(folder: Path) -> float:
    """One row updated and one inserted in an encrypted SQLite file, committed to disk."""
    return statistics.median(device_commit_seconds(folder / "floor.db", times=200)) * 1000


def round_trip_ms() -> float:
    """One small HTTP request and answer over loopback, on a connection that stays."""
    server = HTTPServer(("127.0.0.1", 0), _Echo)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1])

    def once() -> None:
        connection.request("POST", "/", b"x" * 600)
        connection.getresponse().read()

    try:
        return median_ms(once, 300)
    finally:
        connection.close()
        server.shutdown()
        server.server_close()


def autosync_ms(folder: Path, uri: str) -> float:
    """Device commit, upload, PostgreSQL commit, fetch, device commit: one after another, doing nothing else."""
    postgres = statistics.median(commit_seconds(uri, times=200)) * 1000
    return 2 * local_save_ms(folder) + 2 * round_trip_ms() + postgres


def bulk_records_per_second(uri: str, records: int) -> float:
    """Half inserts, half updates of as many rows, as two sets in one PostgreSQL transaction."""
    rows = json.dumps(
        [{"id": f"r{i:08d}", "name": f"Account {i}", "phone": "+43 1", "notes": "n" * 80} for i in range(records)]
    )
    return records / bulk_write_seconds(uri, rows)


class _Echo(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Silent."""
