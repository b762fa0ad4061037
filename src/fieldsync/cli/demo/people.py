"""Who works in the demo org, and where. Names only; `data.py` makes records of them."""

from __future__ import annotations

from dataclasses import dataclass

ORG = "demo"
PASSWORD = "offline first 2026"
"""Everybody's in the demo org, which holds nothing but invented people."""


@dataclass(frozen=True)
class Person:
    """A user of the demo org. `territory` is where they work; a manager's is the region."""

    first: str
    last: str
    profile: str
    territory: str
    zone: str = "Europe/London"
    locale: str = "en_GB"

    @property
    def username(self) -> str:
        return f"{self.first}.{self.last}@demo.example".lower()


MANAGER = Person("Grace", "Chen", "Field_Manager", "North")
SARAH = Person("Sarah", "Jones", "Field_Representative", "Leeds")
TOM = Person("Tom", "Baker", "Field_Representative", "York")
MARIA = Person("Maria", "Rossi", "Field_Representative", "Bristol")
JONAS = Person("Jonas", "Weber", "Field_Representative", "London")
REPRESENTATIVES = (SARAH, TOM, MARIA, JONAS)
ADMIN = "admin@demo.example"

NATION = "United Kingdom"
TERRITORIES = (
    (NATION, None, "Nation"),
    ("North", NATION, "Region"),
    ("South", NATION, "Region"),
    ("Leeds", "North", "Territory"),
    ("York", "North", "Territory"),
    ("Bristol", "South", "Territory"),
    ("London", "South", "Territory"),
)
"""Name, parent, level; parents first."""
