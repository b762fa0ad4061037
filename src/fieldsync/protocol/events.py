"""Wake-ups: `GET /sync/v1/events`, a server-sent event stream that says only "there is news" (DESIGN 8).

A wake-up is never data: the device answers it with a feed request. A heartbeat proves the stream alive; a device that
heard nothing for `STREAM_HEALTHY_SECONDS` polls instead.
"""

from __future__ import annotations

NEWS = b"event: news\ndata: {}\n\n"
HEARTBEAT = b": heartbeat\n\n"
NEWS_EVENT = "news"
