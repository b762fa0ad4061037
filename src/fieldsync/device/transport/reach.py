"""Is there a server of ours at an address, and do we understand each other? Asked before a password is typed."""

from __future__ import annotations

import re
from enum import StrEnum
from urllib.parse import urlsplit

import msgspec

from fieldsync.device.transport.http import LOOPBACK, HttpTransport
from fieldsync.device.transport.link import Transport, Unreachable
from fieldsync.protocol.session import SERVICE, SYNC_VERSION, Greeting

GREETING_SECONDS = 10.0
_HOST = re.compile(r"[A-Za-z0-9.\-]+|\[[0-9a-fA-F:]+\]")


class Found(StrEnum):
    """What is at an address."""

    OURS = "ours"
    NO_ADDRESS = "no_address"
    """What was typed can be no address."""
    NOBODY = "nobody"
    """Nothing answers: no network, or a wrong name."""
    OTHER = "other"
    """Something answers that is no server of ours: a portal, another web site."""
    OLDER = "older"
    NEWER = "newer"


def address_of(text: str) -> str | None:
    """What a person typed or pasted as an address without a path; https where nothing else is said, but on this
    machine itself. None: it can be none."""
    typed = text.strip()
    parts = urlsplit(typed if "://" in typed else f"//{typed}")
    try:
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return None
    bracketed = f"[{host}]" if ":" in host else host
    if parts.scheme not in ("", "http", "https") or not _HOST.fullmatch(bracketed) or parts.username:
        return None
    scheme = parts.scheme or ("http" if host in LOOPBACK else "https")
    return f"{scheme}://{bracketed}{f':{port}' if port else ''}"


def is_open(address: str) -> bool:
    """Whether others on the way can read what is sent there."""
    parts = urlsplit(address)
    return parts.scheme == "http" and parts.hostname not in LOOPBACK


def look(address: str) -> Found:
    """Ask who is there."""
    transport = HttpTransport(address, silent_seconds=GREETING_SECONDS)
    try:
        return greeted(transport)
    finally:
        transport.close()


def greeted(transport: Transport) -> Found:
    """What the answer of the other end says it is."""
    try:
        reply = transport.request("GET", "/health", None, {})
    except Unreachable:
        return Found.NOBODY
    try:
        told = msgspec.json.decode(reply.body, type=Greeting)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return Found.OTHER
    if told.service != SERVICE:
        return Found.OTHER
    if SYNC_VERSION in told.sync:
        return Found.OURS
    return Found.NEWER if told.sync and min(told.sync) > SYNC_VERSION else Found.OLDER
