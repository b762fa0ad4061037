"""Ports for servers of the tests: none that the system hands out by itself, and none that another worker takes.

Between asking for a free port and listening at it a server needs a moment, in which whoever asks the system for any
port may be given the same one.
"""

from __future__ import annotations

import os
import socket
from itertools import count

FIRST, OF_A_WORKER = 11_000, 4_000
"""Linux hands out from 32768 on, and every worker has this many."""
_used = count()


def free_port() -> int:
    """A port of this worker at which nobody listens, and that it did not name before."""
    worker = int("".join(filter(str.isdigit, os.environ.get("PYTEST_XDIST_WORKER", ""))) or 0) % 5
    for number in _used:
        port = FIRST + worker * OF_A_WORKER + (os.getpid() + number) % OF_A_WORKER
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError
