"""What the process that all others are forked from imports first: the product.

It ends with the one that started it, kill -9 included, and what was forked from it ends with it (`living.alone`).
"""

from __future__ import annotations

import os
import signal
import sys

from fieldsync.server.postgres.embedded.child import end_with
from fieldsync.sim.reality import processes

__all__ = ["processes"]

if sys.platform == "linux":
    end_with(os.getppid(), signal.SIGKILL)
