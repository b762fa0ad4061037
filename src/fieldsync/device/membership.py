"""Signing out, and the rescue of this database that the server keeps. By neither is anything lost that waits (THREATS
T4)."""

from __future__ import annotations

from fieldsync.base.problems import Code, Refused, problem
from fieldsync.device.sync.calls import Calls, open_post
from fieldsync.device.transport import Transport, Unreachable
from fieldsync.protocol.session import AskRescue, KeepRescue, Rescue, RescueKept


class Membership:
    """Of the person whose store it is."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    @property
    def signed_in(self) -> bool:
        """Whether the server would know this device. Without that everything works but syncs."""
        return self._calls.signed_in

    def sign_out(self) -> None:
        """Nothing is sent or fetched from here on; everything stays, and goes on after the next sign-in."""
        self._calls.sign_out()

    def deposit(self, secret: bytes) -> None:
        """Give the server a secret to keep. Raises Refused: AUTH, OFFLINE."""
        try:
            self._calls.post("/sync/v1/device/rescue", KeepRescue(secret.hex()), RescueKept)
        except Unreachable:
            raise Refused(problem(Code.OFFLINE)) from None


def ask_rescue(transport: Transport, asked: AskRescue) -> bytes:
    """The secret the server keeps, for the person's password. Raises Refused: AUTH, FORBIDDEN, OFFLINE."""
    try:
        return bytes.fromhex(open_post(transport, "/sync/v1/rescue", asked, Rescue).secret)
    except (Unreachable, ValueError):
        raise Refused(problem(Code.OFFLINE)) from None
