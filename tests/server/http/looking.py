"""Support sessions for the tests of isolation: begun by an admin and opened, with the production rooms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.server.lab import Lab, Phone

from fieldsync.protocol.session import DeviceDescription, OpenSupport, Platform
from fieldsync.server.http.context import calling
from fieldsync.server.postgres.work import transaction
from fieldsync.server.sync.support import support
from fieldsync.server.sync.support.support import Begun

OF_DEVICE = 'SELECT "Id" FROM "Device" WHERE "UserId" = %(user)s AND "Support_ById" IS NULL ORDER BY "Id"'


@dataclass(frozen=True)
class Sessions:
    """What is left of sessions that are over, or another's: their codes, and the tokens of what ended."""

    codes: tuple[str, ...]
    tokens: tuple[str, ...]


class Looks(Phone):
    """An open support session: a device like any other, but that an admin holds it."""

    def __init__(self, lab: Lab, admin: Phone, begun: Begun) -> None:
        self.lab, self.n, self.counter = lab, 0, 0
        self.admin, self.device = admin, begun.device
        self.key = ("looks-" + begun.code[-20:] + "k" * 43)[:60]
        self.session = lab.run(self._opened(begun.code))
        self.number = self.session.device_number
        self.checkpoint, self.cursor = None, ""

    async def _opened(self, code: str) -> Any:
        described = DeviceDescription(self.key, "support", Platform.MAC, "1", "1.0")
        async with transaction(self.lab.org.pool) as work:
            return await support.open_begun(self.lab.org, work, OpenSupport(code, described))

    def switch(self, *, on: bool) -> None:
        """Let it save, or no longer."""

        async def switched() -> None:
            async with calling(self.lab.org, self.admin.token) as (work, caller):
                await support.switch(self.lab.org, work, caller, self.device, on=on)

        self.lab.run(switched())

    def end(self) -> None:
        """By the admin, in the console."""
        ended(self.lab, self.admin, self.device)


def begun(lab: Lab, admin: Phone, seen: Phone, reason: str = "Ticket 4711") -> Begun:
    """A session on the view of this person's device that waits for its code."""
    device = lab.query(OF_DEVICE, user=seen.session.user.id)[0][0]

    async def ask() -> Begun:
        async with calling(lab.org, admin.token) as (work, caller):
            return await support.begin(lab.org, work, caller, (device, reason, 60))

    return lab.run(ask())


def looked(lab: Lab, admin: Phone, waiting: Begun) -> Looks:
    """The session, opened."""
    return Looks(lab, admin, waiting)


def ended(lab: Lab, admin: Phone, device: str) -> None:
    """The session is over."""

    async def ask() -> None:
        async with calling(lab.org, admin.token) as (work, caller):
            await support.end(lab.org, work, caller, device)

    lab.run(ask())


def sessions_of_others(lab: Lab, admin: Phone, seen: Phone) -> Sessions:
    """One that is open, one that ended after it was opened, one that ended before, and one whose code is too old."""
    waiting = [begun(lab, admin, seen, "canarysarah cannot see it") for _ in range(4)]
    opened = [looked(lab, admin, one) for one in waiting[:2]]
    opened[1].end()
    ended(lab, admin, waiting[2].device)
    age = "UPDATE _device_number SET issued_at = issued_at - interval '16 minutes' WHERE device_id = %(id)s RETURNING 1"
    assert lab.query(age, id=waiting[3].device)
    return Sessions(tuple(one.code for one in waiting), (opened[1].token,))
