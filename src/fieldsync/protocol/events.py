"""What a device hears: `GET /sync/v1/events`, a server-sent event stream (DESIGN 8).

Without a cursor it says only "there is news", and the device asks for them. With the device's feed cursor, `?cursor=`,
it is a feed request that is answered when there is something to answer: one event `page` with the `FeedPage` behind
that cursor, read in that moment as for any request, and the stream ends. A page without data is to be asked for: it is
long, or refused. The device takes it and asks again with the cursor it has then; `looked=true` where it looks by itself
for what there is already. A stream that is open tells so with `open`; a heartbeat proves it alive, and a device that
heard nothing for `STREAM_HEALTHY_SECONDS` polls instead.
"""

from __future__ import annotations

NEWS_EVENT, OPEN_EVENT, PAGE_EVENT = "news", "open", "page"
NEWS = b"event: news\ndata: {}\n\n"
OPEN = b"event: open\ndata: {}\n\n"
HEARTBEAT = b": heartbeat\n\n"
PAGE_BYTES_MAX = 64 * 1024
"""A longer page is asked for, and compressed."""


def page_event(page: bytes = b"") -> bytes:
    """The event that brings an encoded page, if it is one to bring."""
    return b"event: page\ndata: %s\n\n" % (page if len(page) <= PAGE_BYTES_MAX else b"")
