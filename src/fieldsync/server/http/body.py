"""Compressed request bodies, made plain before anything reads them, with a cap on what they may grow to (T10)."""

from __future__ import annotations

from typing import cast

from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Receive, Scope, Send
from litestar.types.asgi_types import HTTPReceiveMessage

from fieldsync.base import limits
from fieldsync.base.problems import Code, Refused, problem
from fieldsync.protocol import wire


class DecompressBody(ASGIMiddleware):
    """Passes plain bodies through; a zstd body is read whole, up to its cap, and handed on decompressed."""

    scopes = (ScopeType.HTTP,)

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        headers = dict(scope["headers"])
        encoding = headers.get(b"content-encoding", b"identity").decode("latin-1").lower()
        if encoding in ("", "identity"):
            await next_app(scope, receive, send)
            return
        if encoding != wire.ENCODING_ZSTD:
            raise Refused(problem(Code.BAD_REQUEST, reason=f"bodies may be plain or zstd, not {encoding[:20]}"))
        body = wire.decompress(await _read(receive))
        kept = [(k, v) for k, v in scope["headers"] if k not in (b"content-encoding", b"content-length")]
        scope["headers"] = [*kept, (b"content-length", str(len(body)).encode())]
        await next_app(scope, _plain(body, receive), send)


async def _read(receive: Receive) -> bytes:
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise Refused(problem(Code.BAD_REQUEST, reason="the request was cut off"))
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > limits.REQUEST_BYTES_MAX:
            raise Refused(problem(Code.TOO_LARGE, limit=f"{limits.REQUEST_BYTES_MAX} bytes"))
        chunks.append(chunk)
        if not message.get("more_body", False):
            return b"".join(chunks)


def _plain(body: bytes, receive: Receive) -> Receive:
    given = False

    async def replay() -> HTTPReceiveMessage:
        nonlocal given
        if given:
            return cast("HTTPReceiveMessage", await receive())
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay
