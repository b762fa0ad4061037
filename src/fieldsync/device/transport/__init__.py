"""Bytes to the server and back. What they mean is the business of `device/sync`; the only room that knows HTTP."""

from fieldsync.device.transport.http import HttpTransport
from fieldsync.device.transport.link import NotStreamed, Reply, Transport, Unconnected, Unreachable

__all__ = ["HttpTransport", "NotStreamed", "Reply", "Transport", "Unconnected", "Unreachable"]
