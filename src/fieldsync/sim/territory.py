"""Territories of simulated orgs: who works in them, and which accounts belong to them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from fieldsync.base.ids import RecordId
from fieldsync.server.org.seed import Seeding, insert_rows


def found_territory(
    seeding: Seeding, people: Iterable[RecordId], name: str = "Everywhere", parent: RecordId | None = None
) -> RecordId:
    """The territory, with these people in it."""
    [territory] = insert_rows(seeding, "Territory", [{"Name": name, "ParentId": parent}])
    works = {"TerritoryId": territory, "Primary": True}
    insert_rows(seeding, "User_Territory", [{"UserId": person, **works} for person in people])
    return territory


def add_accounts(seeding: Seeding, territory: RecordId, rows: Sequence[Mapping[str, object]]) -> list[RecordId]:
    """New accounts of the territory."""
    accounts = insert_rows(seeding, "Account", rows)
    insert_rows(seeding, "Territory_Account", [{"AccountId": a, "TerritoryId": territory} for a in accounts])
    return accounts
