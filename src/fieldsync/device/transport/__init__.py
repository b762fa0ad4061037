"""Bytes to the server and back. What they mean is the business of `device/sync`; the only room that knows HTTP."""

from fieldsync.device.transport.http import HttpTransport
from fieldsync.device.transport.link import Heard, NotStreamed, Reply, Transport, Unconnected, Unreachable
from fieldsync.device.transport.logged import Logged, Went

__all__ = [
    "Heard",
    "HttpTransport",
    "Logged",
    "NotStreamed",
    "Reply",
    "Transport",
    "Unconnected",
    "Unreachable",
    "Went",
]
