"""How fast this machine's disk takes a commit of the device's database: the floor under every save."""

from __future__ import annotations

import time
from pathlib import Path

from fieldsync.device.store.connect import KEY_BYTES, connect, make_durable


def commit_seconds(path: Path, times: int) -> list[float]:
    """Seconds of each of `times` durable commits that update one row and insert one, in a file made at `path`."""
    connection = connect(path, bytes(KEY_BYTES))
    make_durable(connection)
    connection.execute("CREATE TABLE IF NOT EXISTS row (id INTEGER PRIMARY KEY, text TEXT)")
    connection.execute("CREATE TABLE IF NOT EXISTS queue (n INTEGER PRIMARY KEY, items TEXT)")
    connection.execute("INSERT OR IGNORE INTO row VALUES (1, '')")
    taken = []
    for n in range(times):
        began = time.perf_counter()
        with connection:
            connection.execute("UPDATE row SET text = ? WHERE id = 1", (f"{n}" * 80,))
            connection.execute("INSERT INTO queue (items) VALUES (?)", ("x" * 600,))
        taken.append(time.perf_counter() - began)
    connection.close()
    return taken
