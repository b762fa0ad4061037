"""Random values for the records of a script."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random
from typing import Any

from tests.server.lab import create
from tests.server.scope.proof.pack import STAGES, TAGS
from tests.server.scope.proof.world import World

from fieldsync.base.ids import RecordId
from fieldsync.base.world import instant
from fieldsync.protocol.upload import Item

Values = dict[str, Any]


def some(random: Random, rows: list[Any]) -> Any:
    """One of these, or nothing."""
    return random.choice(rows) if rows else None


def an_id(random: Random, world: World, name: str, blank: float = 0.2) -> str | None:
    """The id of a record, deleted ones seldom, or none."""
    rows = world.alive(name)
    return None if random.random() < blank or not rows else random.choice(rows)["Id"]


def values_of(random: Random, world: World, name: str) -> Values:
    """Values for every field of an object that a condition may look at."""
    match name:
        case "Shop":
            return _shop(random, world)
        case "Link":
            shop, note = an_id(random, world, "Shop", 0), random.choice([None, "on", "off"])
            return {"ShopId": shop, "TerritoryId": an_id(random, world, "Territory"), "Note": note}
        case "Visit":
            notes = random.choice([None, "hello", "bye"])
            return {"ShopId": an_id(random, world, "Shop", 0.1), "Notes": notes, "Day": a_day(random, world)}
        case "Visit_Line":
            return {
                "VisitId": an_id(random, world, "Visit", 0),
                "ProductId": an_id(random, world, "Product"),
                "Amount": random.choice([None, 1, 2, 3.5, 5]),
                "Note": random.choice([None, "on", "OFF"]),
            }
    return {"Kind": random.choice(["pill", "Pill", "cream", None])}


def _shop(random: Random, world: World) -> Values:
    moment = world.facts.now + timedelta(seconds=random.randrange(-200_000, 100_000))
    extra = {"Extra": random.choice([None, "x", "y"])} if world.model.extra else {}
    return extra | {
        "City": random.choice(["Graz", "Lyon", "OSLO", "graz", None]),
        "Score": random.choice([None, 4, 7.5, 10, 11, 13]),
        "Stage": random.choice([*STAGES, None]),
        "Tags": ";".join(t for t in TAGS if random.random() < 0.4) or None,
        "Visited": a_day(random, world),
        "Seen": random.choice([None, instant(moment), instant(moment)]),
        "Flag": random.random() < 0.5,
        "Code": random.choice([None, "A1", "B2"]),
        "Story": random.choice([None, "once", "twice"]),
        "ParentId": an_id(random, world, "Shop", 0.4),
        "TerritoryId": an_id(random, world, "Territory"),
    }


def a_day(random: Random, world: World) -> str | None:
    """A day near today, or none."""
    near: date = world.facts.today + timedelta(days=random.randrange(-3, 4))
    return near.isoformat() if random.random() < 0.8 else None


def creating(random: Random, world: World, name: str, new: RecordId) -> Item | None:
    """An item that creates a record of random values; none where it would need another that is not there."""
    values = values_of(random, world, name)
    if (name == "Link" and values["ShopId"] is None) or (name == "Visit_Line" and values["VisitId"] is None):
        return None
    given = {k: v for k, v in values.items() if v is not None}
    return create(name, new, Name=f"{name} {random.randrange(9)}", **given)
