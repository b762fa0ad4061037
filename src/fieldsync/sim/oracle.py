"""Who is to have what, worked out anew from the rows and from what the org's rules and sharing mean (DESIGN 9).

Nothing of the product's own scope is used: this is the other opinion that laws L3 and L4 compare with.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from fieldsync.sim.device import SimDevice
from fieldsync.sim.ground import MANAGER, Person
from fieldsync.sim.world import SimWorld

Row = Mapping[str, Any]
Rows = dict[str, Row]
TOP = ("Account", "Call", "Order", "Depot", "Stall", "Territory_Account")
DETAILS = {"Address": ("Account", "AccountId"), "Call_Discussion": ("Call", "CallId")}
DETAILS |= {"Delivery_Order": ("Order", "OrderId")}
OBJECTS = (*TOP, *DETAILS)
DAYS_BACK = 365


class Oracle:
    """The rows of the server at one moment."""

    def __init__(self, world: SimWorld) -> None:
        self._now = world.clock.now()
        self.rows: dict[str, Rows] = {name: dict(world.rows(name)) for name in OBJECTS}
        self._works = list(world.rows("User_Territory").values())
        self._parents = {i: row["ParentId"] for i, row in world.rows("Territory").items()}
        self._rules = list(world.rows("Sync_Rule").values())

    def readable(self, person: Person) -> dict[str, Rows]:
        """Every row the person may read."""
        team, tree = self._team(person), self._tree(person)
        held = {row["AccountId"] for row in self._assigned(tree)}
        found: dict[str, Rows] = {}
        for name in TOP:
            about = "Id" if name == "Account" else "AccountId"
            found[name] = {
                i: row
                for i, row in self.rows[name].items()
                if name in ("Depot", "Stall", "Territory_Account") or row["OwnerId"] in team or row[about] in held
            }
        return self._with_details(found)

    def selected(self, person: Person) -> dict[str, Rows]:
        """Every row the sync rules select of those."""
        readable = self.readable(person)
        wide = self._tree(person) if person.profile == MANAGER else self._mine(person)
        offline = {row["AccountId"] for row in self._assigned(wide) if row["Available_Offline"]}
        found = dict(readable)
        found["Account"] = {
            i: row
            for i, row in readable["Account"].items()
            if (row["OwnerId"] == person.id or i in offline) and self._passes("Account", person, row)
        }
        for name, date in (("Call", "Call_Date"), ("Order", "Order_Date")):
            found[name] = {
                i: row
                for i, row in readable[name].items()
                if self._recent(row[date])
                and (row["OwnerId"] == person.id or row["AccountId"] in found["Account"])
                and self._passes(name, person, row)
            }
        found["Territory_Account"] = {
            i: row for i, row in readable["Territory_Account"].items() if row["TerritoryId"] in wide
        }
        return self._with_details({name: found[name] for name in TOP})

    def _with_details(self, found: dict[str, Rows]) -> dict[str, Rows]:
        for name, (above, column) in DETAILS.items():
            found[name] = {i: row for i, row in self.rows[name].items() if row[column] in found[above]}
        return found

    def _recent(self, day: str) -> bool:
        moment = datetime.fromisoformat(day)
        limit = (self._now - timedelta(days=DAYS_BACK)).date()
        return moment.date() >= limit

    def _passes(self, name: str, person: Person, row: Row) -> bool:
        """What `actions.online.change_rule` may have added to the rule that counts for the person."""
        of_profile = [r for r in self._rules if r["Object_Name"] == name and r["Profile_Name"] == person.profile]
        general = [r for r in self._rules if r["Object_Name"] == name and not r["Profile_Name"]]
        rules = of_profile or general
        if any("Status != 'Inactive'" in (r["Where_Clause"] or "") for r in rules) and row["Status"] == "Inactive":
            return False
        narrowed = any("Status != 'Planned'" in (r["Where_Clause"] or "") for r in rules)
        return not (narrowed and row["Status"] == "Planned")

    def _assigned(self, territories: set[str]) -> list[Row]:
        rows = self.rows["Territory_Account"].values()
        return [row for row in rows if row["Active"] and row["TerritoryId"] in territories]

    def _mine(self, person: Person) -> set[str]:
        mine = {w["TerritoryId"] for w in self._works if w["UserId"] == person.id and w["Active"]}
        return mine & self._parents.keys()

    def _tree(self, person: Person) -> set[str]:
        found = self._mine(person)
        while True:
            more = {i for i, parent in self._parents.items() if parent in found} - found
            if not more:
                return found
            found |= more

    def _team(self, person: Person) -> set[str]:
        below = self._tree(person) - self._mine(person)
        return {person.id} | {w["UserId"] for w in self._works if w["Active"] and w["TerritoryId"] in below}


def held_by(device: SimDevice, object_name: str) -> Rows:
    """The rows on a device, as its person sees them."""
    found = device.engine.find(object_name, order_by="Id", limit=1_000_000)
    return {record.id: record.values for record in found}


def disputed(device: SimDevice, oracle: Oracle) -> set[str]:
    """Every record of a family with an unresolved error: there the device shows what the person did."""
    roots = {str(record) for entry in device.engine.errors() for record in entry.records}
    for name, (_, column) in DETAILS.items():
        if name != "Address":
            details = {**oracle.rows[name], **held_by(device, name)}
            roots |= {str(row[column]) for i, row in details.items() if i in roots}
            roots |= {i for i, row in details.items() if row[column] in roots}
    return roots
