"""`/sync/v1`: one thin handler a request. The shapes and their meaning are in `fieldsync.protocol`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import aclosing, contextmanager

from litestar import Response, get, post
from litestar.background_tasks import BackgroundTask
from litestar.response import Stream

from fieldsync.base import limits
from fieldsync.base.problems import Refused
from fieldsync.protocol import wire
from fieldsync.protocol.clearing import Cleared, Clearing
from fieldsync.protocol.digest import Repair
from fieldsync.protocol.feed import FeedPage, OpenSaves, Outcomes
from fieldsync.protocol.session import Renew, Session, SignIn, Tokens
from fieldsync.protocol.tracking import Tracked, Tracking
from fieldsync.protocol.upload import UploadRequest, UploadResponse
from fieldsync.schema.catalog import encode
from fieldsync.server.http.context import (
    AnyRequest,
    ServedHere,
    bearer,
    calling,
    entering,
    org_for,
    org_for_download,
    reading,
    software,
    telling,
)
from fieldsync.server.http.described import UploadOperation
from fieldsync.server.http.wake.hub import answer_when_there_is_one, wake_ups
from fieldsync.server.http.wake.page import NextPage, feed_page
from fieldsync.server.http.wake.stream import EventStream
from fieldsync.server.org.runtime import Org
from fieldsync.server.postgres.work import transaction
from fieldsync.server.processor.clearing import clear
from fieldsync.server.save.batch import Caller
from fieldsync.server.sync import session
from fieldsync.server.sync.download import Asked, download
from fieldsync.server.sync.feed import read_outcomes
from fieldsync.server.sync.forcing.forced import forced, note_refreshed
from fieldsync.server.sync.metadata.package import package
from fieldsync.server.sync.refresh import refresh
from fieldsync.server.sync.tracking.keep import track
from fieldsync.server.sync.upload import upload


@post("/session", status_code=200, summary="Sign in on a device", tags=["session"])
async def sign_in(request: AnyRequest, served: ServedHere, data: SignIn) -> Session:
    """Checks the password, registers the device if it is new, and opens a session."""
    org = served.org(data.org)
    async with entering(org, request, data.username) as work:
        return await session.sign_in(org, work, data)


@post("/session/renew", status_code=200, summary="Renew tokens", tags=["session"])
async def renew(served: ServedHere, data: Renew) -> Tokens:
    """A fresh pair of tokens. A refresh token that comes with another device's key ends every session of its user."""
    org = served.org(session.org_of(data.refresh_token))
    try:
        async with transaction(org.pool) as work:
            return await session.renew(org, work, data)
    except session.StolenToken as stolen:
        async with transaction(org.pool) as work:
            await session.revoke_sessions(org, work, stolen.user_id)
        raise session.refused() from None


@post("/session/end", status_code=204, summary="Sign out", tags=["session"])
async def end_session(request: AnyRequest, served: ServedHere) -> None:
    """The access token is void from here on."""
    org = org_for(served, request)
    async with transaction(org.pool) as work:
        await session.close(org, work, bearer(request))


@get("/catalog", summary="The data model", tags=["download"], media_type=wire.CONTENT_JSON)
async def catalog(
    request: AnyRequest, served: ServedHere, since: str | None = None, profile: str = ""
) -> Response[bytes]:
    """The packs the org's catalog is built of; with `since` the package of the caller's profile, or what changed of it
    since that version, which the device has for `profile`."""
    org = org_for_download(served, request)
    async with calling(org, bearer(request), looks=True) as (work, caller):
        found = encode(org.catalog) if since is None else await package(org, work, caller, (since, profile))
    return Response(found, headers={wire.CATALOG_VERSION_HEADER: org.catalog.version})


@post("/upload", status_code=200, summary="Upload saves", tags=["upload"], operation_class=UploadOperation)
async def upload_saves(request: AnyRequest, served: ServedHere) -> UploadResponse:
    """Every transaction gets one outcome; the same transaction sent again gets the same one."""
    org = org_for(served, request)
    token = bearer(request)
    asked = wire.decode(await request.body(), UploadRequest)
    done = await upload(org, lambda foresee: telling(served.hub, org, token, foresee, software(request)), asked)
    await asyncio.sleep(0)  # who was told goes first: his page is here, or PostgreSQL reads it while this is written
    return done


@post("/errors/clear", status_code=200, summary="Hand over errors that are to go", tags=["upload"])
async def clear_errors(request: AnyRequest, served: ServedHere) -> Cleared:
    """What an admin wants cleared is kept on the server before the device takes it back."""
    org, token = org_for(served, request), bearer(request)
    return await clear(org, lambda: calling(org, token), wire.decode(await request.body(), Clearing))


@post("/tracking", status_code=200, summary="Tell of syncs", tags=["upload"])
async def tell_tracking(request: AnyRequest, served: ServedHere) -> Tracked:
    """Syncs that ended, and how the device stands. Telling again is the same."""
    org, token, sent_by = org_for(served, request), bearer(request), software(request)
    sent = wire.decode(await request.body(), Tracking)
    return await track(org, lambda foresee: calling(org, token, foresee, sent_by, looks=True), sent)


@get("/feed", summary="The user's own saves, coming back", tags=["download"])
async def feed(request: AnyRequest, served: ServedHere, cursor: str) -> FeedPage:
    """News after the cursor, in one snapshot."""
    return await feed_page(org_for_download(served, request), bearer(request), cursor)


@post("/feed/outcomes", status_code=200, summary="What became of saves", tags=["download"])
async def outcomes(request: AnyRequest, served: ServedHere, data: OpenSaves) -> Outcomes:
    """How saves of this device stand that it has as refused, held or not decided."""
    org = org_for_download(served, request)
    async with reading(org, bearer(request)) as (work, caller):
        return await read_outcomes(org, work, caller, data)


@get("/download", summary="Rows", tags=["download"], media_type=wire.CONTENT_LINES)
async def download_rows(
    request: AnyRequest,
    served: ServedHere,
    checkpoint: str | None = None,
    *,
    feed: str = "",
    digest: bool = False,
    anew: bool = False,
) -> Stream:
    """All rows, or those changed since the checkpoint: one JSON value a line. `feed`: the last feed cursor the device
    had; `digest`: with the sums of all rows; `anew`: it ends a database refresh."""
    org = org_for_download(served, request)
    asked = Asked(digest=digest, feed=feed, refreshed=anew)
    return await _downloading(_Download(org, bearer(request), checkpoint, asked), request)


@post("/digest", status_code=200, summary="Repair what differs", tags=["download"], media_type=wire.CONTENT_LINES)
async def repair_rows(request: AnyRequest, served: ServedHere, data: Repair) -> Stream:
    """A download from the device's checkpoint, with what is missing or other among the rows it names, and the sums."""
    org = org_for_download(served, request)
    asked = Asked(digest=True, repair=data, feed=data.feed)
    return await _downloading(_Download(org, bearer(request), data.checkpoint, asked), request)


@get("/refresh", summary="All rows", tags=["download"], media_type=wire.CONTENT_LINES)
async def refresh_rows(request: AnyRequest, served: ServedHere, resume: str | None = None) -> Stream:
    """Everything for a new database on the device, or the rest behind a mark."""
    org = org_for_download(served, request)
    return await _streamed(_refresh(org, bearer(request), resume), request)


async def _refresh(org: Org, token: str, resume: str | None) -> AsyncGenerator[bytes, None]:
    async with reading(org, token) as (work, caller), aclosing(refresh(org, work, caller, resume)) as lines:
        async for line in lines:
            yield line


class _Download:
    """A download on its way, and who has got all of it."""

    def __init__(self, org: Org, token: str, checkpoint: str | None, asked: Asked) -> None:
        self._org, self._token, self._checkpoint, self._asked = org, token, checkpoint, asked
        self._served: Caller | None = None
        self._began = org.world.clock.now()

    async def lines(self) -> AsyncGenerator[bytes, None]:
        org = self._org
        async with reading(org, self._token) as (work, caller):
            anew = None if self._checkpoint is None or self._asked.refreshed else await forced(org, caller)
            if anew is not None:
                raise Refused(anew)
            async with aclosing(download(org, work, caller, self._checkpoint, self._asked)) as lines:
                async for line in lines:
                    yield line
        self._served = caller

    async def note(self) -> None:
        """The device need not wait for this."""
        if self._served is not None:
            await session.note_download(self._org, self._served)
            if self._asked.refreshed:
                await note_refreshed(self._org, self._served, self._began)


async def _downloading(one: _Download, request: AnyRequest) -> Stream:
    return await _streamed(one.lines(), request, one.note)


async def _nothing() -> None:
    """Nobody notes a part of a refresh: the download that ends it is noted."""


async def _streamed(
    lines: AsyncGenerator[bytes, None], request: AnyRequest, then: Callable[[], Awaitable[None]] = _nothing
) -> Stream:
    """The lines as an answer. A device that hangs up ends them at once, and with them their transaction."""
    first = await anext(lines)  # what can be refused is refused before the first line
    body = _compressed(first, lines, request)
    closing = BackgroundTask(_end, body, then)
    return Stream(body, media_type=wire.CONTENT_LINES, headers=_encoding(request), background=closing)


async def _end(body: AsyncGenerator[bytes, None], then: Callable[[], Awaitable[None]]) -> None:
    await body.aclose()
    await then()


def _encoding(request: AnyRequest) -> dict[str, str]:
    return {"content-encoding": wire.ENCODING_ZSTD} if _takes_zstd(request) else {}


def _takes_zstd(request: AnyRequest) -> bool:
    return wire.ENCODING_ZSTD in request.headers.get("accept-encoding", "")


async def _compressed(
    first: bytes, lines: AsyncGenerator[bytes, None], request: AnyRequest
) -> AsyncGenerator[bytes, None]:
    """The stream, compressed where the device takes it, and handed on in pieces of useful size."""
    squeeze = wire.Squeeze() if _takes_zstd(request) else None
    async with aclosing(lines):
        yield squeeze.add(first) if squeeze else first
        async for line in lines:
            with _stalling(lines):
                yield squeeze.add(line) if squeeze else line
    if squeeze:
        yield squeeze.finish()


@contextmanager
def _stalling(lines: AsyncGenerator[bytes, None]) -> Iterator[None]:
    """A device that takes nothing for long ends its stream: it must not hold a connection and a snapshot."""
    loop, closing = asyncio.get_running_loop(), set[asyncio.Task[None]]()
    waiting = loop.call_later(limits.STREAM_STALL_SECONDS, lambda: closing.add(loop.create_task(_close(lines))))
    try:
        yield
    finally:
        waiting.cancel()


async def _close(lines: AsyncGenerator[bytes, None]) -> None:
    """A method of a generator is no coroutine function, and a background task has to be one."""
    await lines.aclose()


@get("/events", summary="Wake-ups, and a feed request that waits", tags=["download"], media_type=wire.CONTENT_EVENTS)
async def events(
    request: AnyRequest, served: ServedHere, cursor: str | None = None, *, looked: bool = False
) -> EventStream:
    """A server-sent event stream. Without `cursor` it says only that there is news; with it, it brings the page of the
    feed behind it as soon as there is one, and ends. `looked`: the device asks by itself for what there is already."""
    org, token = (org_for if cursor is None else org_for_download)(served, request), bearer(request)
    async with calling(org, token, looks=True) as (_, caller):
        who = caller
    page = None if cursor is None else NextPage(served, token, cursor)
    told = served.hub.waiting(org.schema, who.user_id, who.device_id, page)
    if page is None:
        return EventStream(wake_ups(served.hub, told), wire.CONTENT_EVENTS)
    return EventStream(answer_when_there_is_one(served.hub, told, page, looked=looked), wire.CONTENT_EVENTS)


ROUTES = [
    *(sign_in, renew, end_session, catalog),
    *(upload_saves, feed, outcomes, download_rows, refresh_rows, repair_rows, events),
    *(clear_errors, tell_tracking),
]
