"""A stream that is open for hours, of which a server has thousands: it keeps one task beside its own, and no more."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from litestar.response import Stream
from litestar.response.base import ASGIResponse
from litestar.types import Receive, Send

Events = AsyncGenerator[bytes, None]


class EventStream(Stream):
    """Events, until there are no more or nobody listens."""

    def __init__(self, events: Events, media_type: str) -> None:
        super().__init__(events, media_type=media_type, headers={"cache-control": "no-store"})
        self._events = events

    def to_asgi_response(self, *args: Any, **given: Any) -> ASGIResponse:
        """The same head, over a body that costs less than a group of tasks."""
        made = super().to_asgi_response(*args, **given)
        return _Answer(self._events, made)


class _Answer(ASGIResponse):
    __slots__ = ("_events",)
    _should_set_content_length = False

    def __init__(self, events: Events, made: ASGIResponse) -> None:
        head = {name.decode("latin-1"): value.decode("latin-1") for name, value in made.headers.headers}
        super().__init__(background=made.background, headers=head, status_code=made.status_code)
        self._events = events

    async def send_body(self, send: Send, receive: Receive) -> None:
        """Send what comes. Who goes away ends it at once, also while nothing comes."""
        own = asyncio.current_task()
        assert own is not None, "an application runs in a task"

        def leave(_: asyncio.Future[None]) -> None:
            own.cancel()

        gone = asyncio.create_task(_left(receive))
        gone.add_done_callback(leave)
        try:
            async with aclosing(self._events):
                async for event in self._events:
                    await send({"type": "http.response.body", "body": event, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        except asyncio.CancelledError:
            if not gone.done():
                raise
            own.uncancel()
        finally:
            gone.remove_done_callback(leave)
            gone.cancel()


async def _left(receive: Receive) -> None:
    """Return when nobody listens any more."""
    while (await receive())["type"] != "http.disconnect":
        pass
