"""Ending a task that may miss being told to: a wait below it that is just over takes the word for its own end."""

from __future__ import annotations

import asyncio
from typing import Any


async def ended(task: asyncio.Task[Any], *, again_seconds: float) -> BaseException | None:
    """Cancel it, and again after so long each time, until it is over. What it raised, if anything."""
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=again_seconds)
    return None if task.cancelled() else task.exception()


def go_on() -> None:
    """Raises CancelledError where this task was told to end and a wait below has swallowed it."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
