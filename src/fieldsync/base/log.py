"""The log: structlog, as the program that uses us has set it up.

Where it has not, a failure is told with a plain traceback. The usual one shows local variables: field values, which no
log may hold, and of a whole batch so many that writing them takes minutes.
"""

from __future__ import annotations

from typing import Any

import structlog


def get_logger(name: str) -> Any:
    """The logger of a part of the product, e.g. `fieldsync.device`."""
    if not structlog.is_configured():
        *steps, write = structlog.get_config()["processors"]
        if isinstance(write, structlog.dev.ConsoleRenderer):
            write.exception_formatter = structlog.dev.plain_traceback
        structlog.configure(processors=[*steps, write])
    return structlog.get_logger(name)
