"""Conditions as (SOQL text, what it means in Python), written one beside the other.

Meanings are written by hand over plain rows; nothing of the query language is used. What is known of the rows and of
the person is a `Sight`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any, Protocol
from zoneinfo import ZoneInfo

Row = dict[str, Any]


class Sight(Protocol):
    """What a meaning may look at."""

    rows: dict[str, dict[str, Row]]
    """Object to id to row, deleted ones too, formula fields among the values."""

    @property
    def today(self) -> date:
        """The person's date."""

    @property
    def zone(self) -> str:
        """The person's time zone."""

    def token(self, name: str) -> list[str]:
        """The values of a token."""

    def selected(self, object_name: str) -> set[str]:
        """Ids of the rows of this object that the device is to have."""


Meaning = Callable[[Sight, Row], bool]


@dataclass(frozen=True)
class Cond:
    """A condition and what it means."""

    text: str
    holds: Meaning


def low(value: object) -> str | None:
    """A text as it compares: without case, the empty one like none."""
    return str(value).lower() if value not in (None, "") else None


def up(sight: Sight, row: Row | None, *way: tuple[str, str]) -> Row | None:
    """The row at the end of (reference, object) steps."""
    for reference, name in way:
        row = sight.rows[name].get(row[reference] or "") if row is not None else None
    return row


PARENT, TO_SHOP, TO_VISIT = ("ParentId", "Shop"), ("ShopId", "Shop"), ("VisitId", "Visit")
PATHS: dict[str, dict[str, tuple[tuple[str, str], ...]]] = {
    "Shop": {"": (), "Parent.": (PARENT,), "Parent.Parent.": (PARENT, PARENT)},
    "Link": {"Shop.": (TO_SHOP,), "Shop.Parent.": (TO_SHOP, PARENT)},
    "Visit": {"Shop.": (TO_SHOP,), "Shop.Parent.": (TO_SHOP, PARENT)},
    "Visit_Line": {"Visit.Shop.": (TO_VISIT, TO_SHOP), "Visit.Shop.Parent.": (TO_VISIT, TO_SHOP, PARENT)},
}
"""Object to the ways that lead to a shop."""
CITIES = ("Graz", "LYON", "oslo")


def of_shop(random: Random, name: str) -> Cond:
    """A comparison of a field of a shop that is the row itself or above it."""
    path, way = random.choice(sorted(PATHS[name].items()))
    inner = random.choice(SHOP_FIELDS)(random)
    field, test = inner

    def holds(sight: Sight, row: Row) -> bool:
        shop = up(sight, row, *way)
        return test(sight, None if shop is None else shop[field.split()[0]])

    return Cond(path + field, holds)


Test = Callable[[Sight, Any], bool]


def _text(random: Random) -> tuple[str, Test]:
    field, city = random.choice(["City", "City", "Label", "Coded"]), random.choice(CITIES)
    if field != "City":
        city = random.choice([f"{city}/%", f"%{city}", f"{city}#%"])
        pattern = city.lower().strip("%")
        starts = city.endswith("%")
        return (
            f"{field} LIKE '{city}'",
            lambda s, v: (low(v) or "").startswith(pattern) if starts else (low(v) or "").endswith(pattern),
        )
    other = random.choice(CITIES)
    return random.choice(
        [
            (f"City = '{city.upper()}'", lambda s, v: low(v) == low(city)),
            (f"City != '{city}'", lambda s, v: low(v) != low(city)),
            (f"City IN ('{city}', '{other}')", lambda s, v: low(v) in (low(city), low(other))),
            (f"City NOT IN ('{city}', '{other}')", lambda s, v: low(v) not in (low(city), low(other))),
            (f"City LIKE '{city[0]}%'", lambda s, v: (low(v) or "").startswith(city[0].lower())),
            ("City = null", lambda s, v: low(v) is None),
            (f"City > '{city}'", lambda s, v: low(v) is not None and str(low(v)) > city.lower()),
        ]
    )


def _number(random: Random) -> tuple[str, Test]:
    n = random.randrange(4, 14)
    return random.choice(
        [
            (f"Score = {n}", lambda s, v: v is not None and v == n),
            (f"Score != {n}", lambda s, v: v is None or v != n),
            (f"Score < {n}", lambda s, v: v is not None and v < n),
            (f"Score <= {n}", lambda s, v: v is not None and v <= n),
            (f"Score > {n}", lambda s, v: v is not None and v > n),
            (f"Score >= {n}", lambda s, v: v is not None and v >= n),
            ("Score = null", lambda s, v: v is None),
            ("Score != null", lambda s, v: v is not None),
        ]
    )


def _choice(random: Random) -> tuple[str, Test]:
    stage = random.choice(["Open", "Closed"])
    return random.choice(
        [
            (f"Stage = '{stage}'", lambda s, v: v == stage),
            (f"Stage IN ('Won', '{stage}')", lambda s, v: v in ("Won", stage)),
            ("Tags INCLUDES ('red;green', 'blue')", lambda s, v: {"red", "green"} <= chosen(v) or "blue" in chosen(v)),
            ("Tags EXCLUDES ('red')", lambda s, v: bool(v) and "red" not in chosen(v)),
            ("Tags = 'red'", lambda s, v: v == "red"),
            ("Flag = true", lambda s, v: bool(v)),
            ("Flag = false", lambda s, v: v is False),
            ("Big = true", lambda s, v: v is True),
        ]
    )


def chosen(value: str | None) -> set[str]:
    """The choices of a multi-select picklist."""
    return set((value or "").split(";")) - {""}


def _date(random: Random) -> tuple[str, Test]:
    n = random.randrange(1, 4)
    return random.choice(
        [
            ("Visited = TODAY", lambda s, v: day(v) == s.today),
            ("Visited < TODAY", lambda s, v: between(day(v), s.today, -9_999, -1)),
            (f"Visited = LAST_N_DAYS:{n}", lambda s, v: between(day(v), s.today, -n, 0)),
            (f"Visited = NEXT_N_DAYS:{n}", lambda s, v: between(day(v), s.today, 1, n)),
            (f"Visited > LAST_N_DAYS:{n}", lambda s, v: between(day(v), s.today, 1, 9_999)),
            ("Visited != YESTERDAY", lambda s, v: day(v) != s.today - timedelta(days=1)),
            ("Seen = TODAY", lambda s, v: day_there(s, v) == s.today),
            ("Seen >= YESTERDAY", lambda s, v: v is not None and since(s, v, 1)),
        ]
    )


def day(value: str | None) -> date | None:
    """A stored date."""
    return date.fromisoformat(value) if value else None


def day_there(sight: Sight, value: str | None) -> date | None:
    """The person's date at a stored instant."""
    return None if not value else datetime.fromisoformat(value).astimezone(ZoneInfo(sight.zone)).date()


def since(sight: Sight, value: str, days: int) -> bool:
    """At or after the person's midnight that many days ago."""
    start = datetime.combine(sight.today - timedelta(days=days), datetime.min.time(), ZoneInfo(sight.zone))
    return datetime.fromisoformat(value).astimezone(UTC) >= start.astimezone(UTC)


def between(value: date | None, today: date, first: int, last: int) -> bool:
    """From so many days after today to so many."""
    return value is not None and today + timedelta(days=first) <= value <= today + timedelta(days=last)


def _person(random: Random) -> tuple[str, Test]:
    return random.choice(
        [
            ("OwnerId = @@USER_ID@@", lambda s, v: v in s.token("USER_ID")),
            ("OwnerId IN ({TEAM.USER.IDS})", lambda s, v: v in s.token("TEAM_USER_IDS")),
            ("TerritoryId = {USER.TERRITORYID}", lambda s, v: v in s.token("TERRITORY_ID")),
            ("TerritoryId IN (@@TERRITORY_IDS@@)", lambda s, v: v in s.token("TERRITORY_IDS")),
            ("TerritoryId IN @@TERRITORY_TREE_IDS@@", lambda s, v: v in s.token("TERRITORY_TREE_IDS")),
            ("TerritoryId NOT IN (@@TERRITORY_IDS@@)", lambda s, v: v not in s.token("TERRITORY_IDS")),
        ]
    )


SHOP_FIELDS = (_text, _text, _number, _choice, _date, _person)
