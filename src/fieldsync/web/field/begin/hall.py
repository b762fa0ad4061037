"""What is there while nobody's store is open: the people of this machine, and a first start that is under way."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import msgspec
from litestar import Request
from litestar.di import NamedDependency
from litestar.response import Template

from fieldsync.base.problems import Code, Refused, problem
from fieldsync.base.world import World
from fieldsync.device import Device
from fieldsync.device.keys.latch import SECRET_BYTES, TRIES_MAX, By, Latch
from fieldsync.device.membership import ask_rescue
from fieldsync.device.people import About, People, Person, server_of
from fieldsync.device.store.connect import KEY_BYTES
from fieldsync.device.sync.orders.emptying import finish_emptying
from fieldsync.device.transport import HttpTransport
from fieldsync.device.transport.reach import address_of
from fieldsync.protocol.session import AskRescue, DeviceDescription
from fieldsync.schema.access.permissions import Access
from fieldsync.schema.access.rights import RightsTable
from fieldsync.web.field.lock.lock import Waits
from fieldsync.web.field.lock.seat import Seat

AnyRequest = Request[Any, Any, Any]
Describe = Callable[[str], DeviceDescription]
"""What this machine says of itself under a device key."""


class NoRights(Exception):
    """Who signed in may read nothing."""


@dataclass
class Beginning:
    """A start, up to the moment something opens the folder. Nothing of it outlives a kill."""

    server: str = ""
    org: str = ""
    username: str = ""
    device: Device | None = None
    person: Person | None = None
    key: bytes = b""


class Hall:
    """One thread at a time begins; any may ask."""

    def __init__(self, people: People, seat: Seat, world: World, describe: Describe) -> None:
        self.people, self.seat, self.world, self._describe = people, seat, world, describe
        self.waits = Waits(world.clock)
        self.beginning = Beginning()

    def page(self, request: AnyRequest, template: str, /, **values: Any) -> Template:
        """A page without anybody's data. Raises NotAuthorizedException without a session."""
        given = {"page_token": self.seat.door.page_token(request), "rests": False}
        return Template(template_name=template, context=given | values)

    def require(self, request: AnyRequest, form: dict[str, str]) -> None:
        """A change comes from a page of this session."""
        given = request.headers.get("x-fieldsync-page") or form.get("page_token", "")
        self.seat.door.require_page(request, given)

    def first_page(self) -> str:
        """Where who has nothing open begins."""
        return "/locked" if self.people.all() else "/begin"

    def sign_in(self, org: str, username: str, password: str) -> None:
        """A folder for this person, signed in, not yet kept: see `keep`. Raises Refused, NoRights."""
        self.abandon()
        at = self.beginning
        at.org, at.username = org.strip(), username.strip()
        person = self.people.new(About(at.server, at.org, at.username))
        try:
            at.key = self.world.chance.bytes(KEY_BYTES)
            at.person, at.device = person, self._opened(person, at.key)
            at.device.sign_in(at.org, at.username, password, self._describe(at.device.new_device_key()))
            _require_rights(at.device)
        except BaseException:
            self.abandon()
            self.people.tidy()
            raise

    def keep(self, secret: str) -> None:
        """This PIN or passphrase opens the folder from here on, and it is open. Raises Refused: WEAK_PASSWORD,
        OFFLINE."""
        at = self.beginning
        assert at.device is not None
        assert at.person is not None
        account = at.device.account
        assert account is not None
        about = msgspec.structs.replace(at.person.about, name=account.user.name, device_number=account.device_number)
        person = replace(at.person, about=about)
        latch = self.people.latch(person)
        self.people.keep(person)
        self._deposit(latch, at.device, at.key)
        latch.set(at.key, secret)
        device, self.beginning = at.device, Beginning(at.server)
        self.take(device, person)

    def tidy(self) -> None:
        """What earlier starts left: folders nothing opens, and the news that one was emptied."""
        for folder, server in self.people.emptied():
            if not server:
                continue
            transport = HttpTransport(server)
            with suppress(Refused):  # the next start tells it
                finish_emptying(folder, transport)
            transport.close()
        self.people.tidy()

    def take(self, device: Device, person: Person) -> None:
        """The person sits down; the engine begins its work."""
        self.waits.right(person.id)
        self.seat.take(device, person)
        device.start()

    def abandon(self) -> None:
        """Forget a start that is not kept."""
        device, self.beginning.device = self.beginning.device, None
        if device is not None:
            device.membership.sign_out()
            device.close()
            self.people.tidy()

    def unlock(self, person: Person, secret: str) -> None:
        """Open this person's store. Raises Refused: WRONG_KEY, BUSY while a wrong answer makes wait; as Device.open."""
        latch = self.people.latch(person)
        if self.waits.seconds(person.id):
            raise Refused(problem(Code.BUSY))
        try:
            key = latch.open(secret)
        except Refused as refused:
            if refused.problem.code is Code.WRONG_KEY:
                self.waits.wrong(person.id, TRIES_MAX - latch.tries_left)
            raise
        self._sit(person, key)

    def rescue(self, person: Person, password: str, secret: str) -> None:
        """Open it by the sign-in password, online; this secret opens it from here on. Raises Refused: AUTH, FORBIDDEN,
        OFFLINE, WEAK_PASSWORD, WRONG_KEY."""
        about, latch = person.about, self.people.latch(person)
        transport = HttpTransport(self._server_of(person))
        try:
            found = ask_rescue(transport, AskRescue(about.org, about.username, password, about.device_number))
        finally:
            transport.close()
        key = latch.open_by_rescue(found)
        latch.set(key, secret)
        self._sit(person, key)

    def sign_in_again(self, password: str) -> None:
        """Who is here gives the password again, so that syncs go on. Raises Refused: AUTH, FORBIDDEN, OFFLINE."""
        field = self.seat.here()
        account = field.device.account
        assert account is not None
        description = self._describe(field.device.new_device_key())
        field.device.sign_in(account.org, account.user.username, password, description)

    def change_secret(self, old: str, new: str) -> None:
        """Another PIN or passphrase for who is here. Raises Refused: WRONG_KEY, WEAK_PASSWORD."""
        person = self.seat.person
        assert person is not None
        latch = self.people.latch(person)
        latch.set(latch.open(old), new)

    def remove(self) -> None:
        """Everything of who is here leaves this machine."""
        person, field = self.seat.person, self.seat.field
        assert person is not None
        assert field is not None
        field.device.membership.sign_out()
        self.seat.leave()
        self.people.remove(person)

    def takes(self) -> By:
        """What a new person chooses."""
        return self.people.latch(Person("", self.people.root, About(""))).takes

    def _server_of(self, person: Person) -> str:
        """The server of this folder; where its own file tells none, the one that was named at the start. Raises
        Refused(UNUSABLE)."""
        told = (person.about.server, self.beginning.server)
        return next((each for each in told if address_of(each) is not None), None) or server_of(person.folder)

    def _sit(self, person: Person, key: bytes) -> None:
        server = self._server_of(person)
        device = self._opened(person, key)
        account = device.account
        if account is not None and person.about.name != account.user.name:
            about = msgspec.structs.replace(
                person.about,
                server=server,
                org=account.org,
                username=account.user.username,
                name=account.user.name,
                device_number=account.device_number,
            )
            person = replace(person, about=about)
            self.people.keep(person)
        self.take(device, person)

    def _opened(self, person: Person, key: bytes) -> Device:
        return Device.open(person.folder, key, world=self.world, transport=HttpTransport(self._server_of(person)))

    def _deposit(self, latch: Latch, device: Device, key: bytes) -> None:
        """The server has a way in before anything is saved here. One that keeps none is no reason not to begin."""
        secret = self.world.chance.bytes(SECRET_BYTES)
        try:
            device.membership.deposit(secret)
        except Refused as refused:
            if refused.problem.code is Code.OFFLINE:
                raise
            return
        latch.keep_rescue(key, secret)


def _require_rights(device: Device) -> None:
    account = device.account
    assert account is not None
    sets = tuple(account.user.permission_sets)
    rights = RightsTable(device.catalog, {}).of(account.user.profile, sets)
    if not any(rights.may(o.name, Access.READ) for o in device.catalog if not o.system):
        raise NoRights


HallHere = NamedDependency[Hall]
