"""`/sync/v1/media`, files of records, one piece a request, and `/sync/v1/mini`, one record found online,
with `/sync/v1/names`, what records are called that are not on the device. The shapes and
their meaning are in `protocol.media` and `protocol.feed`."""

from __future__ import annotations

from litestar import Response, get, post

from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Code, Refused, problem
from fieldsync.protocol.feed import Bring, Brought, FoundPage, Named, Unnamed
from fieldsync.protocol.media import CONTENT_BYTES, PIECE_BYTES, Taken, asked_range
from fieldsync.protocol.rows import RecordRef
from fieldsync.server.http.context import AnyRequest, ServedHere, bearer, calling, org_for, org_for_download, reading
from fieldsync.server.media.ask import Wanted, piece_of, take
from fieldsync.server.sync.mini.mini import bring as bring_one
from fieldsync.server.sync.mini.mini import find_online
from fieldsync.server.sync.mini.names import names_of

PARTIAL = 206


@get("/media/{name:str}/{record_id:str}", summary="A piece of a file", tags=["media"], media_type=CONTENT_BYTES)
async def piece(request: AnyRequest, served: ServedHere, name: str, record_id: str, checksum: str) -> Response[bytes]:
    """The range that is asked for, at most a piece of it; without one the first piece."""
    org = org_for_download(served, request)
    window = asked_range(request.headers.get("range", "bytes=0-"))
    if window is None:
        raise Refused(problem(Code.BAD_REQUEST, reason="a range is bytes=FIRST-LAST"))
    async with reading(org, bearer(request)) as (work, caller):
        found = await piece_of(org, work, caller, Wanted(RecordRef(name, RecordId(record_id)), checksum), window)
    told = f"bytes {found.first}-{found.first + len(found.body) - 1}/{found.total}"
    headers = {"content-range": told, "accept-ranges": "bytes", "cache-control": "no-store"}
    return Response(found.body, status_code=PARTIAL, media_type=CONTENT_BYTES, headers=headers)


@post("/media/{name:str}/{record_id:str}", status_code=200, summary="Bring a piece of a file", tags=["media"])
async def bring(
    request: AnyRequest, served: ServedHere, name: str, record_id: str, checksum: str, offset: int = 0
) -> Taken:
    """An empty body asks how much is there."""
    org = org_for(served, request)
    body = await request.body()
    if len(body) > PIECE_BYTES:
        raise Refused(problem(Code.TOO_LARGE, limit=f"{PIECE_BYTES} bytes"))
    async with calling(org, bearer(request)) as (work, caller):
        wanted = Wanted(RecordRef(name, RecordId(record_id)), checksum)
        return await take(org, work, caller, wanted, (offset, body))


@get("/online/{name:str}", summary="Find records online", tags=["download"])
async def online(request: AnyRequest, served: ServedHere, name: str, search: str) -> FoundPage:
    """Records of an object by a part of their name, among all that the person may read."""
    org = org_for_download(served, request)
    async with reading(org, bearer(request)) as (work, caller):
        return await find_online(org, work, caller, name, search)


@post("/mini", status_code=200, summary="Bring one record", tags=["download"])
async def mini(request: AnyRequest, served: ServedHere, data: Bring) -> Brought:
    """Puts a record, and what hangs on it, on the person's feed."""
    org = org_for_download(served, request)
    async with calling(org, bearer(request)) as (work, caller):
        return await bring_one(org, work, caller, data)


@post("/names", status_code=200, summary="Names of records", tags=["download"])
async def names(request: AnyRequest, served: ServedHere, data: Unnamed) -> Named:
    """Of records that the device does not hold, as far as the person may read them."""
    org = org_for_download(served, request)
    async with reading(org, bearer(request)) as (work, caller):
        return await names_of(org, work, caller, data)


ROUTES = [piece, bring, online, mini, names]
