"""All that is known of an org by plain SELECTs, and what follows from it by hand: formulas, tokens, rights.

Nothing here uses the rooms that are proved: no query language, no scope, no formula compiler.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from tests.server.scope.proof.conditions import Row
from tests.server.scope.proof.pack import OBJECTS, Model

PEOPLE = ("User", "Territory", "User_Territory", "Profile", "Device", "Permission_Set", "Permission_Set_Assignment")
PLACES = ("Sync_Rule",)
READ = (*OBJECTS, *PEOPLE, *PLACES)
_DECODER = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal)
WAYS: dict[str, tuple[tuple[str, ...], ...]] = {
    "Shop": (("ParentId",),),
    "Visit": (("ShopId",), ("ShopId", "ParentId")),
    "Visit_Line": (("VisitId",), ("VisitId", "ShopId")),
}
"""Object to the references its formula fields go up, one after another."""
TARGETS = {"ParentId": "Shop", "ShopId": "Shop", "VisitId": "Visit", "ProductId": "Product"}


def question() -> str:
    """One SELECT for every row of every object that counts."""
    return " UNION ALL ".join(f"SELECT '{name}', row_to_json(t)::text FROM \"{name}\" t" for name in READ)


@dataclass
class Facts:
    """Every row, the moment, and what the data model is."""

    rows: dict[str, dict[str, Row]]
    now: datetime
    model: Model

    def present(self, name: str) -> list[Row]:
        """Rows that are not in the recycle bin."""
        return [row for row in self.rows[name].values() if not row["IsDeleted"]]

    def above(self, row: Row, *way: str) -> Row | None:
        """The row at the end of references."""
        found: Row | None = row
        for reference in way:
            found = self.rows[TARGETS[reference]].get(found.get(reference) or "") if found is not None else None
        return found

    def version(self, name: str, row: Row) -> tuple[int, ...]:
        """Stamps of a row and of all its formulas look at: one of them grows whenever the row looks different."""
        above = [self.above(row, *way) for way in WAYS.get(name, ())]
        return (row["_stamp"], *(found["_stamp"] if found is not None else 0 for found in above))

    @cached_property
    def today(self) -> date:
        """The server's date, by which people are assigned to territories."""
        return self.now.astimezone(UTC).date()


def read_facts(found: Iterable[tuple[str, str]], now: datetime, model: Model) -> Facts:
    """Facts out of the answer to `question`."""
    rows: dict[str, dict[str, Row]] = {name: {} for name in READ}
    for name, text in found:
        row = _DECODER.decode(text)
        rows[name][row["Id"]] = row
    facts = Facts(rows, now, model)
    for row in rows["Shop"].values():
        row.update(_shop_formulas(facts, row))
    for row in rows["Visit"].values():
        row.update(_visit_formulas(facts, row))
    for row in rows["Visit_Line"].values():
        shop = facts.above(row, "VisitId", "ShopId")
        worth = Decimal(row["Amount"] or 0) * Decimal((shop or {}).get("Score") or 0)
        row["Worth"] = worth.quantize(Decimal(1).scaleb(-model.places), ROUND_HALF_UP)
    return facts


FORMULAS = {"Shop": ("Label", "Big", "Coded", "Loud"), "Visit": ("Place", "Title"), "Visit_Line": ("Worth",)}


def text(row: Row | None, name: str) -> str:
    """A field as part of a text."""
    return str((row or {}).get(name) or "")


def _shop_formulas(facts: Facts, row: Row) -> Row:
    parent = facts.above(row, "ParentId")
    found: Row = {
        "Label": text(row, "City") + facts.model.sign + text(parent, "City"),
        "Big": Decimal(row["Score"] or 0) > 10,
        "Coded": text(row, "City") + "#" + text(row, "Code"),
    }
    return found | ({"Loud": text(row, "Extra") + "!" + text(parent, "Extra")} if facts.model.extra else {})


def _visit_formulas(facts: Facts, row: Row) -> Row:
    shop, above = facts.above(row, "ShopId"), facts.above(row, "ShopId", "ParentId")
    label = text(shop, "City") + facts.model.sign + text(above, "City")
    return {
        "Place": text(shop, "City") + ":" + text(above, "City"),
        "Title": text(row, "Notes") + "@" + label,
    }


@dataclass(frozen=True)
class Whom:
    """A person, and the device where one is meant."""

    user: str
    device: str | None = None


class Person:
    """What a person is and may do, as the facts say."""

    def __init__(self, facts: Facts, whom: Whom) -> None:
        self.facts, self.whom = facts, whom
        self.row = facts.rows["User"][whom.user]
        self.profile: str = facts.rows["Profile"][self.row["ProfileId"]]["Name"]
        device = facts.rows["Device"].get(whom.device or "")
        self.platform: str = device["Platform"] if device else "browser"
        self.picked: str | None = device["TerritoryId"] if device else None
        self.zone: str = self.row["TimeZoneSidKey"] or "UTC"
        self.today = facts.now.astimezone(ZoneInfo(self.zone)).date()

    @cached_property
    def sets(self) -> frozenset[str]:
        """Names of the permission sets he has now."""
        return frozenset(
            self.facts.rows["Permission_Set"][given["Permission_SetId"]]["Name"]
            for given in self.facts.present("Permission_Set_Assignment")
            if given["AssigneeId"] == self.whom.user and self._lasts(given["Expiration_Date"])
        )

    def _lasts(self, until: str | None) -> bool:
        return until is None or datetime.fromisoformat(until) > self.facts.now

    @cached_property
    def territories(self) -> list[str]:
        """Ids of the territories he works in, the primary one first."""
        works = [w for w in self._working() if w["UserId"] == self.whom.user]
        found = [w for w in works if not self.facts.rows["Territory"][w["TerritoryId"]]["IsDeleted"]]
        return [w["TerritoryId"] for w in sorted(found, key=lambda w: (not w["Primary"], w["TerritoryId"]))]

    def _working(self) -> list[Row]:
        today = self.facts.today.isoformat()
        return [
            w
            for w in self.facts.present("User_Territory")
            if w["Active"]
            and (w["Start_Date"] is None or w["Start_Date"] <= today)
            and (w["End_Date"] is None or w["End_Date"] >= today)
        ]

    @cached_property
    def below(self) -> set[str]:
        """Ids of every territory under his own."""
        found: set[str] = set()
        level = set(self.territories)
        while level:
            rows = self.facts.rows["Territory"].values()
            level = {t["Id"] for t in rows if t["ParentId"] in level} - found
            found |= level
        return found

    def token(self, name: str) -> list[str]:
        """The values of a token."""
        chosen = [t for t in self.territories if self.picked not in self.territories or t == self.picked]
        match name:
            case "USER_ID":
                return [self.whom.user]
            case "TERRITORY_ID":
                return chosen[:1]
            case "TERRITORY_IDS":
                return chosen
            case "TERRITORY_NAMES":
                return [self.facts.rows["Territory"][t]["Name"] for t in chosen]
            case "TERRITORY_TREE_IDS":
                return [*self.territories, *self.below]
        assert name == "TEAM_USER_IDS"
        return [self.whom.user, *(w["UserId"] for w in self._working() if w["TerritoryId"] in self.below)]
