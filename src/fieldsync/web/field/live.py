"""Live updates: a server-sent event stream that tells open pages that something changed, never what.

The engine's callbacks come from its own threads; they only set events of this loop. Changes that come close together
are told once.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from litestar import get
from litestar.response import Stream

from fieldsync.device import Device
from fieldsync.web.field.context import AnyRequest, Field

TOGETHER_SECONDS = 0.05
HEARTBEAT_SECONDS = 15.0
CHANGED = b"event: changed\ndata: 1\n\nevent: records\ndata: 1\n\n"
HEARTBEAT = b": still here\n\n"


@get("/live", media_type="text/event-stream")
async def live(request: AnyRequest, app: Field) -> Stream:
    """Tells this page that something changed."""
    app.door.page_token(request)
    return Stream(_changes(app.device), media_type="text/event-stream")


async def _changes(device: Device) -> AsyncIterator[bytes]:
    async with _heard(device) as event:
        yield HEARTBEAT
        while True:
            try:
                await asyncio.wait_for(event.wait(), HEARTBEAT_SECONDS)
            except TimeoutError:
                yield HEARTBEAT
                continue
            await asyncio.sleep(TOGETHER_SECONDS)
            event.clear()
            yield CHANGED


@asynccontextmanager
async def _heard(device: Device) -> AsyncIterator[asyncio.Event]:
    """An event of this loop that is set by whatever the engine tells."""
    event, loop = asyncio.Event(), asyncio.get_running_loop()
    stop = device.subscribe(lambda _: loop.call_soon_threadsafe(event.set))
    try:
        yield event
    finally:
        stop()
