"""Checkpoints and feed cursors as the device holds them: opaque, and sealed so that only ours come back.

A token is the payload and a MAC over purpose, user, device and payload. One that was changed, made for another user or
device, or made up, is refused with `BAD_CURSOR` (THREATS T5).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from enum import StrEnum
from typing import TypeVar

import msgspec

from fieldsync.base.problems import Code, Refused, problem
from fieldsync.server.save.batch import Caller

_MAC_BYTES = 16
T = TypeVar("T")


class Purpose(StrEnum):
    """What a token is for; one kind never passes as another."""

    CHECKPOINT = "checkpoint"
    FEED = "feed"
    REFRESH = "refresh"


def seal(key: bytes, purpose: Purpose, caller: Caller, payload: msgspec.Struct) -> str:
    """The token for this caller."""
    body = msgspec.msgpack.encode(payload)
    return base64.urlsafe_b64encode(_mac(key, purpose, caller, body) + body).decode().rstrip("=")


def unseal(key: bytes, purpose: Purpose, caller: Caller, token: str, shape: type[T]) -> T:
    """What `seal` put in. Raises Refused(BAD_CURSOR)."""
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise Refused(problem(Code.BAD_CURSOR)) from None
    mac, body = raw[:_MAC_BYTES], raw[_MAC_BYTES:]
    if not hmac.compare_digest(mac, _mac(key, purpose, caller, body)):
        raise Refused(problem(Code.BAD_CURSOR))
    try:
        return msgspec.msgpack.decode(body, type=shape)
    except msgspec.DecodeError:  # ours, of another version of the server
        raise Refused(problem(Code.BAD_CURSOR)) from None


def _mac(key: bytes, purpose: Purpose, caller: Caller, body: bytes) -> bytes:
    bound = f"{purpose}:{caller.user_id}:{caller.device_id}:".encode() + body
    return hmac.new(key, bound, hashlib.sha256).digest()[:_MAC_BYTES]
