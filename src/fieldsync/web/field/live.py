"""Live updates: a server-sent event stream that tells open pages that something changed, never what.

The engine's callbacks come from its own threads; they only set events of this loop. Changes that come close together
are told once.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from litestar import get
from litestar.di import NamedDependency
from litestar.response import Stream

from fieldsync.device import Device
from fieldsync.web.field.context import AnyRequest, FieldHere

TOGETHER_SECONDS = 0.05
HEARTBEAT_SECONDS = 15.0
CHANGED = b"event: changed\ndata: 1\n\nevent: records\ndata: 1\n\n"
HEARTBEAT = b": still here\n\n"


class Pages:
    """The open pages that listen. When the app stops, their streams end."""

    def __init__(self) -> None:
        self._events: set[asyncio.Event] = set()
        self.closed = False

    def close(self) -> None:
        """End every stream."""
        self.closed = True
        for event in self._events:
            event.set()

    @asynccontextmanager
    async def heard(self, device: Device) -> AsyncIterator[asyncio.Event]:
        """An event of this loop that is set by whatever the engine tells."""
        event, loop = asyncio.Event(), asyncio.get_running_loop()
        stop = device.subscribe(lambda _: _in_loop(loop, event))
        self._events.add(event)
        try:
            yield event
        finally:
            self._events.discard(event)
            stop()


def _in_loop(loop: asyncio.AbstractEventLoop, event: asyncio.Event) -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(event.set)


@get("/live", media_type="text/event-stream")
async def live(request: AnyRequest, app: FieldHere, pages: NamedDependency[Pages]) -> Stream:
    """Tells this page that something changed."""
    app.door.page_token(request)
    return Stream(_changes(pages, app.device), media_type="text/event-stream")


async def _changes(pages: Pages, device: Device) -> AsyncIterator[bytes]:
    async with pages.heard(device) as event:
        yield HEARTBEAT
        while not pages.closed:
            try:
                await asyncio.wait_for(event.wait(), HEARTBEAT_SECONDS)
            except TimeoutError:
                yield HEARTBEAT
                continue
            await asyncio.sleep(TOGETHER_SECONDS)
            event.clear()
            yield CHANGED
