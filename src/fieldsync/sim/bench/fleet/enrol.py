"""An org with so many devices, each registered and signed in, without asking each for a password."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import insert

from fieldsync.base import limits
from fieldsync.base.ids import DEVICE_CHARS, DEVICE_NUMBERS, DeviceNumber, RecordId, base62
from fieldsync.base.world import World, instant
from fieldsync.schema.catalog import build
from fieldsync.schema.load import load_packs
from fieldsync.server.org.create import create_org, seeding_org
from fieldsync.server.org.seed import Seeding, insert_rows
from fieldsync.server.org.users import NewUser, create_user
from fieldsync.server.save.batch import Caller, Channel
from fieldsync.server.sync.session import digest
from fieldsync.sim.bench.setting import ORG, PASSWORD
from fieldsync.sim.territory import add_accounts, found_territory

PEOPLE = 50
PROFILE = "Field_Representative"
BATCH = 1_000


@dataclass(frozen=True)
class Enrolled:
    """A device that may ask: its token, its number, and an account its person works with."""

    token: str
    caller: Caller
    account: RecordId


def org_with(devices: int, found: list[Enrolled]) -> Callable[[str, World], list[RecordId]]:
    """Makes the org, and puts its devices into `found`."""

    def make(uri: str, world: World) -> list[RecordId]:
        admin = NewUser("admin@bench.example", PASSWORD, "System_Administrator", "Admin")
        create_org(uri, ORG, build(load_packs()), admin=admin, world=world)
        with seeding_org(uri, ORG, world) as seeding:
            names = [f"p{i}@bench.example" for i in range(PEOPLE)]
            people = [create_user(seeding, NewUser(n, PASSWORD, PROFILE, "Jones"), world.chance) for n in names]
            rows = [{"Name": f"Account {i}"} for i in range(devices)]
            accounts = add_accounts(seeding, found_territory(seeding, people), rows)
            found.extend(_devices(seeding, world, people, accounts))
        return accounts

    return make


def _devices(seeding: Seeding, world: World, people: list[RecordId], accounts: list[RecordId]) -> list[Enrolled]:
    now = world.clock.now()
    rows = [
        {"Name": f"device {i}", "UserId": people[i % PEOPLE], "Platform": "iPad", "Registered_At": instant(now)}
        for i in range(len(accounts))
    ]
    devices = insert_rows(seeding, "Device", [{**row, "Active": True} for row in rows])
    first = world.chance.below(DEVICE_NUMBERS // 2)
    numbers = [base62(first + i, DEVICE_CHARS) for i in range(len(devices))]
    tokens = [f"fs1.{ORG}.{world.chance.bytes(32).hex()}" for _ in devices]
    _sign_in(seeding, world, (people, devices, numbers, tokens))
    callers = [
        Caller(people[i % PEOPLE], PROFILE, Channel.DEVICE, device, DeviceNumber(numbers[i]))
        for i, device in enumerate(devices)
    ]
    return [Enrolled(*one) for one in zip(tokens, callers, accounts, strict=True)]


def _sign_in(seeding: Seeding, world: World, made: tuple[list[RecordId], list[RecordId], list[str], list[str]]) -> None:
    """Their numbers and sessions, as signing in would leave them."""
    people, devices, numbers, tokens = made
    now = world.clock.now()
    known = seeding.metadata.tables["_device_number"], seeding.metadata.tables["_session"]
    ends = now + timedelta(hours=limits.ACCESS_TOKEN_HOURS)
    for start in range(0, len(devices), BATCH):
        part = range(start, min(start + BATCH, len(devices)))
        number_rows = [
            {
                "number": numbers[i],
                "device_id": devices[i],
                "key_hash": digest(f"key {i}"),
                "user_id": people[i % PEOPLE],
                "issued_at": now,
            }
            for i in part
        ]
        session_rows = [
            {
                "access_hash": digest(tokens[i]),
                "refresh_hash": digest(f"refresh {tokens[i]}"),
                "user_id": people[i % PEOPLE],
                "device": numbers[i],
                "access_expires": ends,
                "refresh_expires": ends,
            }
            for i in part
        ]
        for table, more in zip(known, (number_rows, session_rows), strict=True):
            seeding.connection.execute(insert(table), more)
