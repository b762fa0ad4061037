"""Saves that wait on devices, as each last said: by the age of the oldest, by version, device type and territory."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

import msgspec
from sqlalchemy import ClauseElement, MetaData, bindparam, func, select

from fieldsync.server.org.runtime import Org
from fieldsync.server.oversight.figures.charts import UNKNOWN, devices_named
from fieldsync.server.postgres.compiled import compiled_once
from fieldsync.server.postgres.work import Work as Database

AGES = (("under an hour", 3_600), ("under a day", 86_400), ("under 3 days", 259_200), ("3 days and older", 10**12))


class Pending(msgspec.Struct, frozen=True):
    """Devices that have something in common and hold saves; how long ago the oldest of those was saved, in seconds."""

    label: str
    devices: int
    saves: int
    oldest: float = 0.0


class Waiting(msgspec.Struct, frozen=True):
    """What waits, by the age of a device's oldest save, youngest first; and by each split, the oldest first."""

    ages: tuple[Pending, ...]
    version: tuple[Pending, ...]
    device: tuple[Pending, ...]
    territory: tuple[Pending, ...]


class _Held(msgspec.Struct, frozen=True):
    """One device. `age` is of its oldest save, in seconds."""

    age: float
    saves: int
    version: str
    device: str
    territory: str


async def pending_saves(org: Org, database: Database) -> Waiting:
    """Of every device that said that saves wait on it, also one out of service."""
    rows = await database.rows(_held(org.metadata), now=org.world.clock.now())
    found = [
        _Held(max(float(age), 0.0), int(saves), *(name or UNKNOWN for name in names)) for age, saves, *names in rows
    ]
    by_age = _grouped(found, lambda one: next(label for label, most in AGES if one.age < most))
    splits = (_grouped(found, key) for key in (lambda d: d.version, lambda d: d.device, lambda d: d.territory))
    ages = tuple(by_age.get(label, Pending(label, 0, 0)) for label, _ in AGES)
    return Waiting(ages, *(tuple(sorted(one.values(), key=lambda p: (-p.oldest, p.label))) for one in splits))


def _grouped(found: list[_Held], key: Callable[[_Held], str]) -> dict[str, Pending]:
    groups: dict[str, list[_Held]] = defaultdict(list)
    for one in found:
        groups[key(one)].append(one)
    return {
        label: Pending(label, len(held), sum(one.saves for one in held), max(one.age for one in held))
        for label, held in groups.items()
    }


@compiled_once
def _held(metadata: MetaData) -> ClauseElement:
    """(age in seconds, saves, app version, device type, territory) a device."""
    c, named = metadata.tables["Device"].c, devices_named(metadata)
    age = func.extract("epoch", bindparam("now", type_=c.Oldest_Pending_At.type) - c.Oldest_Pending_At)
    query = select(age, c.Pending_Transactions, c.App_Version, named.c.kind, named.c.territory)
    here = (c.IsDeleted.is_(False), c.Pending_Transactions > 0, c.Oldest_Pending_At.is_not(None))
    return query.join_from(metadata.tables["Device"], named, named.c.id == c.Id).where(*here)
