"""Asking the server: tokens on the way out, typed answers or a problem on the way back.

A 401 renews the tokens once and asks again. What is not an answer of our server is Unreachable, never data.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import TypeVar
from urllib.parse import quote

import msgspec

from fieldsync.base.problems import Code, Refused, problem
from fieldsync.base.version import VERSION
from fieldsync.device.queue import acknowledged
from fieldsync.device.store import meta
from fieldsync.device.store.meta import Key
from fieldsync.device.store.store import Store
from fieldsync.device.sync.account import keep_tokens, read_tokens
from fieldsync.device.transport import NotStreamed, Reply, Transport, Unreachable
from fieldsync.protocol import wire
from fieldsync.protocol.media import CONTENT_BYTES, PIECE_BYTES, Taken
from fieldsync.protocol.session import Renew, Tokens
from fieldsync.protocol.upload import decode_answer

T = TypeVar("T")
_OK, _PARTIAL, _UNAUTHORISED = 200, 206, 401
_CONTENT_RANGE = re.compile(r"bytes (\d{1,15})-\d{1,15}/(\d{1,15})")
NOTHING: Mapping[str, str] = {}
_ENCODER = msgspec.json.Encoder(decimal_format="number")


class Restored(Unreachable):
    """The server was restored from a backup, and what it may have lost waits in the queue again: begin anew."""


class Calls:
    """The way to the server for one store. Every method raises Unreachable, and Refused for what the server refuses."""

    def __init__(self, store: Store, transport: Transport) -> None:
        self._store, self.transport = store, transport
        self._renewing = threading.Lock()
        """Two syncs may ask at once; the second finds the tokens the first one got."""
        with store.read() as work:
            self._tokens = read_tokens(work)

    @property
    def signed_in(self) -> bool:
        """Whether there are tokens to ask with."""
        return self._tokens is not None

    def took_tokens(self, tokens: Tokens | None) -> None:
        """Ask with these from here on; the store has them already."""
        self._tokens = tokens

    def open_post(self, path: str, value: msgspec.Struct, shape: type[T]) -> T:
        """Ask without a token."""
        return open_post(self.transport, path, value, shape)

    def post(self, path: str, value: msgspec.Struct | bytes | None, shape: type[T]) -> T:
        """Send a value, or one that is `encoded`, and get one back."""
        body = value if isinstance(value, bytes) else b"{}" if value is None else encoded(value)
        return _typed(self._asked("POST", path, body), shape)

    def post_ahead(self, path: str, body: bytes, shape: type[T]) -> Callable[[], T]:
        """Send an encoded value, and go on; the result, called, gives the answer and raises what `post` does."""
        used = self._tokens
        answered = self.transport.later("POST", path, body, self.headers())

        def answer() -> T:
            reply = answered()
            if reply.status == _UNAUTHORISED:
                reply = self._asked_anew("POST", path, body, (reply, used))
            return _typed(reply, shape)

        return answer

    def get(self, path: str, shape: type[T], **query: str | None) -> T:
        """Get a value."""
        return _typed(self._asked("GET", with_query(path, query), None), shape)

    def get_bytes(self, path: str, **query: str | None) -> bytes:
        """Get a JSON body as it is."""
        reply = self._asked("GET", with_query(path, query), None)
        _refuse(reply)
        return reply.body

    def get_piece(self, path: str, first: int, **query: str | None) -> tuple[bytes, int]:
        """The bytes of a file from `first` on, at most a piece, and how many it has in all."""
        ranged = {"range": f"bytes={first}-{first + PIECE_BYTES - 1}"}
        reply = self._asked("GET", with_query(path, query), None, ranged)
        told = _CONTENT_RANGE.fullmatch(reply.headers.get("content-range", ""))
        if reply.status != _PARTIAL or told is None:
            _refuse(reply)
            raise Unreachable("not a piece of a file")
        if int(told[1]) != first or not 0 < len(reply.body) <= PIECE_BYTES:
            raise Unreachable("another piece than was asked for")
        return reply.body, int(told[2])

    def post_piece(self, path: str, body: bytes, **query: str | None) -> Taken:
        """Bring a piece of a file."""
        return _typed(self._asked("POST", with_query(path, query), body, {"content-type": CONTENT_BYTES}), Taken)

    def lines(self, path: str, value: msgspec.Struct | None = None, **query: str | None) -> Iterator[bytes]:
        """Get a stream of lines, or send a value and get one. Renewing happens before the first."""
        address, body = with_query(path, query), None if value is None else encoded(value)
        used = self._tokens
        try:
            yield from self.transport.stream(address, self.headers(), body)
            return
        except NotStreamed as refused:
            self._renew_or_refuse(refused.reply, used)
        try:
            yield from self.transport.stream(address, self.headers(), body)
        except NotStreamed as refused:
            _refuse(refused.reply)
            raise Unreachable("not a stream of ours") from None

    def headers(self) -> dict[str, str]:
        """Headers of a request with a token. Raises Refused(AUTH) when there is none."""
        if self._tokens is None:
            raise Refused(problem(Code.AUTH))
        model = {wire.CATALOG_VERSION_HEADER: self._store.tables.catalog.version} if self._store.has_catalog else {}
        return _headers(self._tokens) | model

    def _asked(self, method: str, path: str, body: bytes | None, more: Mapping[str, str] = NOTHING) -> Reply:
        used = self._tokens
        reply = self.transport.request(method, path, body, {**self.headers(), **more})
        if reply.status != _UNAUTHORISED:
            return reply
        self._renew_or_refuse(reply, used)
        return self.transport.request(method, path, body, {**self.headers(), **more})

    def _asked_anew(self, method: str, path: str, body: bytes | None, refused: tuple[Reply, Tokens | None]) -> Reply:
        self._renew_or_refuse(*refused)
        return self.transport.request(method, path, body, self.headers())

    def _renew_or_refuse(self, reply: Reply, used: Tokens | None) -> None:
        if reply.status != _UNAUTHORISED or not _is_json(reply):
            _refuse(reply)
            raise Unreachable("not an answer of ours")
        with self._renewing:
            if self._tokens is used:
                self.renew()
            elif self._tokens is None:
                raise Refused(problem(Code.AUTH))

    def renew(self) -> None:
        """A fresh pair of tokens. Raises Refused(AUTH) when the person has to sign in again; Restored."""
        assert self._tokens is not None
        with self._store.read() as work:
            key, epoch = meta.get(work, Key.DEVICE_KEY), meta.get(work, Key.EPOCH) or ""
            number = meta.get(work, Key.DEVICE_NUMBER) if epoch else ""
        try:
            wanted = Renew(self._tokens.refresh_token, key, epoch, number)
            tokens = self.open_post("/sync/v1/session/renew", wanted, Tokens)
        except Refused as refused:
            if refused.problem.code is Code.AUTH:
                self._keep(None)
            raise
        if self._keep(tokens):
            raise Restored("the server was restored from a backup")

    def sign_out(self) -> None:
        """End the session: on the server where that can be reached, here in any case."""
        with suppress(Unreachable, Refused):
            self.transport.request("POST", "/sync/v1/session/end", b"{}", self.headers())
        self._keep(None)

    def _keep(self, tokens: Tokens | None) -> bool:
        """Whether there is something to offer again."""
        lost = False
        with self._store.write() as work:
            keep_tokens(work, tokens)
            if tokens is not None:
                tables = self._store.tables if self._store.has_catalog else None
                lost = acknowledged.follow(work, tables, tokens.history)
        self._tokens = tokens
        return lost


def open_post(transport: Transport, path: str, value: msgspec.Struct, shape: type[T]) -> T:
    """Ask without a token, also without a store. Raises Unreachable and Refused."""
    return _typed(transport.request("POST", path, encoded(value), _headers(None)), shape)


def _typed(reply: Reply, shape: type[T]) -> T:
    _refuse(reply)
    try:
        return decode_answer(reply.body, shape)
    except (msgspec.DecodeError, UnicodeDecodeError) as bad:
        raise Unreachable(f"an answer that cannot be read: {bad}") from bad


def encoded(value: msgspec.Struct) -> bytes:
    """A value as it is sent."""
    return _ENCODER.encode(value)


def _headers(tokens: Tokens | None) -> dict[str, str]:
    found = {wire.APP_VERSION_HEADER: VERSION}
    if tokens is not None:
        found["authorization"] = f"Bearer {tokens.access_token}"
    return found


def with_query(path: str, query: dict[str, str | None]) -> str:
    """The path with the parameters that have a value."""
    pairs = "&".join(f"{name}={quote(value, safe='')}" for name, value in query.items() if value is not None)
    return f"{path}?{pairs}" if pairs else path


def _is_json(reply: Reply) -> bool:
    return reply.headers.get("content-type", "").partition(";")[0].strip().lower() == wire.CONTENT_JSON


def _refuse(reply: Reply) -> None:
    """Let a success of ours pass. Raises Refused for a problem of ours, Unreachable for anything else."""
    if not _is_json(reply):
        raise Unreachable(f"status {reply.status} with a body that is not ours")
    if reply.status == _OK:
        return
    try:
        body = msgspec.json.decode(reply.body, type=wire.ErrorBody)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Unreachable(f"status {reply.status} without a reason") from None
    if body.problem.code is Code.UNKNOWN_REASON:
        raise Unreachable(f"status {reply.status} for a reason this version does not know")
    raise Refused(body.problem, retry_after_seconds=_retry_after(reply))


def _retry_after(reply: Reply) -> float | None:
    try:
        return float(reply.headers.get("retry-after", ""))
    except ValueError:
        return None
