"""Live updates: a server-sent event stream that tells open pages that something changed, never what.

Changes that come close together are told once. A page says what it has seen, so nothing that happened while it was on
its way, or while its stream was broken, is missed.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from litestar import get
from litestar.response import Stream

from fieldsync.web.field.changes import Changes
from fieldsync.web.field.context import AnyRequest, FieldHere

TOGETHER_SECONDS = 0.05
HEARTBEAT_SECONDS = 15.0
HEARTBEAT = b": still here\n\n"


@get("/live", media_type="text/event-stream")
async def live(request: AnyRequest, app: FieldHere, seen: int = -1) -> Stream:
    """Tells this page that something changed since it was made."""
    app.door.page_token(request)
    return Stream(_told(app.changes, seen), media_type="text/event-stream")


def changed(count: int) -> bytes:
    """That something changed, and how often it has by now."""
    return f"event: changed\ndata: {count}\n\nevent: records\ndata: {count}\n\n".encode()


async def _told(changes: Changes, seen: int) -> AsyncIterator[bytes]:
    with changes.heard(seen) as event:
        yield HEARTBEAT
        while not changes.closed:
            try:
                await asyncio.wait_for(event.wait(), HEARTBEAT_SECONDS)
            except TimeoutError:
                yield HEARTBEAT
                continue
            await asyncio.sleep(TOGETHER_SECONDS)
            event.clear()
            if not changes.closed:
                yield changed(changes.count)
