"""What a device is to hold, worked out by hand from plain rows: the judge of the scope's rooms (laws L3, L4).

Rules, sharing, rights and columns are written here a second time, row by row and without a query.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import cached_property

from tests.server.scope.proof.conditions import Cond, Row
from tests.server.scope.proof.facts import FORMULAS, Facts, Person, Whom
from tests.server.scope.proof.pack import OBJECTS, Model
from tests.server.scope.proof.selections import SHARED

from fieldsync.schema.model import Sharing

STANDARD = (
    *("Id", "Name", "OwnerId", "CreatedDate", "CreatedById", "LastModifiedDate", "LastModifiedById"),
    *("SystemModstamp", "IsDeleted", "RecordTypeId"),
)
MASTERS = {"Visit_Line": "VisitId"}
HIDDEN_FROM_REPS = {"Code", "Coded"}
SYSTEM = ("User", "Territory", "User_Territory")
"""Objects of the platform that rules of these tests select whole."""


class Oracle:
    """One device of one person, or with no device what the person may read at all. A `Sight` for conditions."""

    def __init__(self, facts: Facts, whom: Whom, meanings: Mapping[str, Cond]) -> None:
        self.facts, self.person, self.meanings = facts, Person(facts, whom), meanings
        self.rows = facts.rows
        self._selected: dict[str, set[str]] = {}
        self._readable: dict[tuple[str, str], bool] = {}

    @property
    def today(self) -> date:
        return self.person.today

    @property
    def zone(self) -> str:
        return self.person.zone

    def token(self, name: str) -> list[str]:
        return self.person.token(name)

    def may_read(self, name: str) -> bool:
        """The object, by profile and permission sets."""
        return name in SYSTEM or name != "Product" or self.person.profile != "Rep" or "Products" in self.person.sets

    def reads_all(self, name: str) -> bool:
        """Past sharing."""
        boss = self.person.profile == "Boss" and name in OBJECTS
        return boss or (name == "Shop" and "Shops" in self.person.sets)

    def readable(self, name: str, row: Row) -> bool:
        """Whether the person may read the row; deleted ones are judged as if they were not."""
        key = (name, row["Id"])
        if key not in self._readable:
            self._readable[key] = self.may_read(name) and self._shared(name, row)
        return self._readable[key]

    def _shared(self, name: str, row: Row) -> bool:
        sharing, condition, master = sharing_of(self.facts.model, name)
        if self._is_open(name):
            return True
        if sharing is Sharing.BY_PARENT and master is not None:
            reference, above = master
            if self._is_open(above):
                return True
            parent = self.rows[above].get(row[reference] or "")
            return parent is not None and not parent["IsDeleted"] and self._shared(above, parent)
        if row["OwnerId"] in self.token("TEAM_USER_IDS"):
            return True
        return condition is not None and bool(SHARED[condition].holds(self, row))

    def _is_open(self, name: str) -> bool:
        sharing, _, master = sharing_of(self.facts.model, name)
        if sharing in (Sharing.READ, Sharing.READ_WRITE) or self.reads_all(name):
            return True
        return sharing is Sharing.BY_PARENT and master is not None and self._is_open(master[1])

    @cached_property
    def rules(self) -> dict[str, list[Row]]:
        """The rules that count, by object, of objects that are there and that the person may read."""
        ranked: dict[str, list[tuple[int, Row]]] = {}
        for rule in self.facts.present("Sync_Rule"):
            rank = self._rank(rule)
            if rank and rule["Object_Name"] in (*OBJECTS, *SYSTEM):
                ranked.setdefault(rule["Object_Name"], []).append((rank, rule))
        best = {name: max(rank for rank, _ in found) for name, found in ranked.items()}
        chosen = {name: [rule for rank, rule in found if rank == best[name]] for name, found in ranked.items()}
        known = {name: found for name, found in chosen.items() if self.may_read(name)}
        self._bring_related(chosen, known)
        for rule in [rule for found in known.values() for rule in found]:
            if rule["Type"] == "child_and_parent" and not rule["Metadata_Only"]:
                known.setdefault("Shop", [])
        return known

    def _rank(self, rule: Row) -> int:
        person = self.person
        if not rule["Active"] or rule["Device_Type"] not in ("all", person.platform):
            return 0
        own = int(rule["Device_Type"] != "all")
        if rule["Application_Profile"]:
            return 30 + own if rule["Application_Profile"] == person.row["Application_Profile"] else 0
        if rule["Profile_Id"]:
            return 20 + own if rule["Profile_Id"][:15] == person.row["ProfileId"][:15] else 0
        if rule["Profile_Name"]:
            return 20 + own if rule["Profile_Name"] == person.profile else 0
        return 10 + own

    def _bring_related(self, chosen: dict[str, list[Row]], known: dict[str, list[Row]]) -> None:
        """Objects in the related lists of a shop come whole where its rule says so and they have no rule."""
        if any(rule["Include_Related"] for rule in known.get("Shop", ())):
            for name in ("Link", "Visit"):
                if name not in chosen and self.may_read(name):
                    known[name] = [{"Type": "top_level", "Where_Clause": None, "Metadata_Only": False}]

    def selected(self, object_name: str) -> set[str]:
        if object_name not in self._selected:
            self._selected[object_name] = self._select(object_name)
        return self._selected[object_name]

    def _select(self, name: str) -> set[str]:
        if name not in self.rules:
            return set()
        found = self._own(name)
        if name == "Shop":
            for child, rules in self.rules.items():
                if any(r["Type"] == "child_and_parent" and not r["Metadata_Only"] for r in rules):
                    found |= {self.rows[child][i]["ShopId"] for i in self._own(child)}
        rows = self.facts.present(name)
        return {row["Id"] for row in rows if row["Id"] in found and self.readable(name, row)}

    def _own(self, name: str) -> set[str]:
        """Rows that the object's own rules select."""
        rules = [r for r in self.rules[name] if r["Type"] != "metadata_only" and not r["Metadata_Only"]]
        rows = [row for row in self.facts.present(name) if self.readable(name, row)]
        return {row["Id"] for row in rows if any(self._holds(rule, row) for rule in rules)}

    def _holds(self, rule: Row, row: Row) -> bool:
        if rule["Type"] == "related" and row[rule["Relationship_Field"]] not in self.selected(rule["Parent_Object"]):
            return False
        where = rule["Where_Clause"]
        return True if not where else bool(self.meanings[where].holds(self, row))

    def columns(self, name: str) -> list[str]:
        """Fields of a record as the device sees it."""
        rules = self.rules.get(name, [])
        present = list(self.rows[name].values())
        every = [c for c in (present[0] if present else {}) if c != "_stamp"]
        hides = self.person.profile == "Rep" and "Codes" not in self.person.sets and name == "Shop"
        seen = [c for c in every if not (hides and c in HIDDEN_FROM_REPS)]
        lists = [(names(r.get("Include_Fields")), names(r.get("Exclude_Fields"))) for r in rules]
        if not any(included or excluded for included, excluded in lists):
            return seen
        wanted = {*STANDARD, *self._masters(name)}
        for included, excluded in lists:
            wanted |= (included or set(every)) - excluded
        return [c for c in seen if c in wanted]

    def _masters(self, name: str) -> set[str]:
        _, _, master = sharing_of(self.facts.model, name)
        detail = MASTERS.get(name)
        return {master[0]} if master is not None else {detail} if detail is not None else set()

    def expected(self) -> dict[str, dict[str, Row]]:
        """Object to id to record: exactly what is to be on the device."""
        found: dict[str, dict[str, Row]] = {}
        for name in self.rules:
            columns = self.columns(name)
            found[name] = {i: {c: self.rows[name][i][c] for c in columns} for i in self.selected(name)}
        return found

    def shape(self, name: str) -> object:
        """What the records of an object are made of: where it changes, all of them come anew."""
        formulas = self.facts.model if name in FORMULAS else None
        return tuple(self.columns(name)), formulas, name in self.rules


def names(text: str | None) -> set[str]:
    """Names with commas between."""
    return {part.strip() for part in (text or "").split(",")} - {""}


def sharing_of(model: Model, name: str) -> tuple[Sharing, str | None, tuple[str, str] | None]:
    """How an object is shared: kind, condition by name, and (reference, object) of its master."""
    match name:
        case "Shop":
            return model.shop, model.shop_shared, None
        case "Link":
            return model.link, None, ("ShopId", "Shop") if model.link is Sharing.BY_PARENT else None
        case "Visit":
            return model.visit, model.visit_shared, None
        case "Visit_Line":
            return model.line, None, ("VisitId", "Visit")
        case "Product":
            return Sharing.READ, None, None
    return Sharing.READ_WRITE, None, None
