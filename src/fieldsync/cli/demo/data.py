"""The demo org's records, drawn from a seed: the same seed and size give the same people, visits and texts.

Written set-based and past the save pipeline, as history that was there before the first device signed in.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from fieldsync.base.ids import RecordId
from fieldsync.base.world import SeededChance, World
from fieldsync.cli.demo.content import make_content
from fieldsync.cli.demo.names import CENTRES, CITIES, FIRST_NAMES, LAST_NAMES, NOTES, PRODUCTS, STREETS, STRICT_SAMPLE
from fieldsync.cli.demo.people import ADMIN, MANAGER, NATION, ORG, PASSWORD, REPRESENTATIVES, TERRITORIES, Person
from fieldsync.cli.demo.sales import external_id, sales_file
from fieldsync.schema.catalog import Catalog, build
from fieldsync.schema.load import load_packs
from fieldsync.server.bulk.load import Asked, load
from fieldsync.server.org.create import create_org, seeding_org
from fieldsync.server.org.seed import Seeding, insert_rows, mint_ids
from fieldsync.server.org.users import NewUser, create_user

SEED = 2026
DAYS_OF_CALLS, OPEN_DAYS = 60, 2
CALLS_A_DAY = 3
ACCOUNTS = 400
Row = dict[str, object]
Progress = Callable[[str], None]


@dataclass(frozen=True)
class Made:
    """Ids of what was made, by what later steps ask for."""

    users: dict[str, RecordId]
    territories: dict[str, RecordId]
    accounts: dict[str, list[RecordId]]
    """By territory name."""
    products: dict[str, list[RecordId]]
    """By product type."""


def demo_catalog() -> Catalog:
    """The packs the product ships."""
    return build(load_packs())


def make_demo_org(uri: str, world: World, *, accounts: int = ACCOUNTS, tell: Progress = lambda _: None) -> None:
    """Create the org `demo` with everything in it."""
    tell("creating the org")
    admin = NewUser(ADMIN, PASSWORD, "System_Administrator", "Admin")
    create_org(uri, ORG, demo_catalog(), admin=admin, world=world)
    chance = SeededChance(SEED)
    with seeding_org(uri, ORG, world) as seeding:
        tell("people and territories")
        users, territories = _people(seeding, world), _territories(seeding)
        _assign(seeding, users, territories)
        tell("products")
        products = _products(seeding)
        tell(f"{accounts} accounts with addresses")
        by_territory = _accounts(seeding, chance, accounts, users, territories)
        made = Made(users, territories, by_territory, products)
        tell(f"{DAYS_OF_CALLS} days of calls")
        today = world.clock.now().date()
        _calls(seeding, chance, world.clock.now(), made)
        _lots(seeding, today, users)
        make_content(seeding)
        tell("a year of sales")
        load(seeding, Asked("Sales_Data"), sales_file(chance, today, made.products["Detail"], accounts))


def _people(seeding: Seeding, world: World) -> dict[str, RecordId]:
    def add(person: Person, manager: RecordId | None) -> RecordId:
        values: Row = {
            "FirstName": person.first,
            "Email": person.username,
            "TimeZoneSidKey": person.zone,
            "LocaleSidKey": person.locale,
            "ManagerId": manager,
        }
        user = NewUser(person.username, PASSWORD, person.profile, person.last, values)
        return create_user(seeding, user, world.chance)

    manager = add(MANAGER, None)
    return {MANAGER.username: manager} | {p.username: add(p, manager) for p in REPRESENTATIVES}


def _territories(seeding: Seeding) -> dict[str, RecordId]:
    ids = dict(zip((name for name, _, _ in TERRITORIES), mint_ids(seeding, "Territory", len(TERRITORIES)), strict=True))
    rows: list[Row] = [
        {"Id": ids[name], "Name": name, "ParentId": ids[parent] if parent else None, "Level": level}
        for name, parent, level in TERRITORIES
    ]
    insert_rows(seeding, "Territory", rows)
    return ids


def _assign(seeding: Seeding, users: dict[str, RecordId], territories: dict[str, RecordId]) -> None:
    """Everybody in his territory, the admin in that above all: sharing and sync rules follow from this."""
    rows: list[Row] = [
        {
            "UserId": users[person.username],
            "TerritoryId": territories[person.territory],
            "Role": "Manager" if person is MANAGER else "Representative",
            "Primary": True,
        }
        for person in (MANAGER, *REPRESENTATIVES)
    ]
    nation = {"UserId": seeding.user_id, "TerritoryId": territories[NATION], "Role": "Manager", "Primary": True}
    insert_rows(seeding, "User_Territory", [*rows, nation])


def _products(seeding: Seeding) -> dict[str, list[RecordId]]:
    ids = mint_ids(seeding, "Product", len(PRODUCTS))
    rows: list[Row] = [
        {"Id": i, "Name": name, "Type": kind, "Family": family, "Generic_Name": generic, "Display_Order": place}
        for place, (i, (name, kind, family, generic)) in enumerate(zip(ids, PRODUCTS, strict=True), 1)
    ]
    insert_rows(seeding, "Product", rows)
    limited = [i for i, (_, kind, _, _) in zip(ids, PRODUCTS, strict=True) if kind == "Sample"]
    insert_rows(seeding, "Sample_Limit", [{"ProductId": i, "Quantity_Max": 60, "Per": "Year"} for i in limited])
    found: dict[str, list[RecordId]] = {}
    for record_id, (_, kind, _, _) in zip(ids, PRODUCTS, strict=True):
        found.setdefault(kind, []).append(record_id)
    return found


def _lots(seeding: Seeding, today: date, users: dict[str, RecordId]) -> None:
    """A sample that is left from a lot and against a signature only; each representative has two lots in use, of which
    one is nearly empty, and one that expired."""
    [product] = mint_ids(seeding, "Product", 1)
    strict = {"Requires_Lot": True, "Requires_Signature": True, "Display_Order": len(PRODUCTS) + 1}
    insert_rows(seeding, "Product", [{"Id": product, **STRICT_SAMPLE, **strict}])
    insert_rows(seeding, "Sample_Limit", [{"ProductId": product, "Quantity_Max": 4, "Per": "Month"}])
    held = (("S-2107", 40, 300), ("S-2093", 2, 45), ("S-1988", 12, -20))
    lots: list[Row] = [
        {"Name": name, "ProductId": product, "Quantity": quantity, "Expiration": (today + timedelta(days)).isoformat()}
        for name, quantity, days in held
    ]
    insert_rows(seeding, "Sample_Lot", [lot | {"OwnerId": users[p.username]} for p in REPRESENTATIVES for lot in lots])


def _accounts(
    seeding: Seeding, chance: SeededChance, count: int, users: dict[str, RecordId], territories: dict[str, RecordId]
) -> dict[str, list[RecordId]]:
    """People spread evenly over the representatives; Dr. Ackerman is Sarah's first."""
    ids = mint_ids(seeding, "Account", count)
    places = [REPRESENTATIVES[i % len(REPRESENTATIVES)] for i in range(count)]
    accounts, addresses, links = [], [], []
    for number, (record_id, person) in enumerate(zip(ids, places, strict=True)):
        account = _account(chance, number)
        accounts.append({**account, "Id": record_id, "OwnerId": users[person.username]})
        addresses.append({"AccountId": record_id, **_address(chance, person.territory)})
        links.append({"AccountId": record_id, "TerritoryId": territories[person.territory], "Available_Offline": True})
    insert_rows(seeding, "Account", accounts)
    insert_rows(seeding, "Address", addresses)
    insert_rows(seeding, "Territory_Account", links)
    found: dict[str, list[RecordId]] = {person.territory: [] for person in REPRESENTATIVES}
    for record_id, person in zip(ids, places, strict=True):
        found[person.territory].append(record_id)
    return found


def _account(chance: SeededChance, number: int) -> Row:
    first = FIRST_NAMES[chance.below(len(FIRST_NAMES))] if number else "Ruth"
    last = LAST_NAMES[chance.below(len(LAST_NAMES))] if number else "Ackerman"
    return {
        "Name": f"Dr. {first} {last}",
        "Kind": "Professional",
        "Salutation": "Dr.",
        "FirstName": first,
        "LastName": last,
        "External_Id": external_id(number),
        "Segment": "ABCD"[chance.below(4)],
        "Phone": f"+44 113 {496_0000 + chance.below(10_000)}",
        "Email": f"{first}.{last}{number}@clinic.example".lower(),
        "Email_Consent": ("Opted In", "Opted In", None, "Opted Out", "Opted In")[number % 5],
        "Sample_Eligible": True,
    }


def _address(chance: SeededChance, city: str) -> Row:
    number, street = 1 + chance.below(180), STREETS[chance.below(len(STREETS))]
    latitude, longitude = map(Decimal, CENTRES[city])
    return {
        "Name": f"{number} {street}",
        "Location__Latitude__s": latitude + Decimal(number * 37 % 100 - 50) / 1000,
        "Location__Longitude__s": longitude + Decimal(number * 53 % 160 - 80) / 1000,
        "City": city,
        "Postal_Code": f"{CITIES[city]}{1 + chance.below(28)} {chance.below(10)}AB",
        "Country_Code": "GB",
        "Type": "Professional",
        "Primary": True,
    }


def _calls(seeding: Seeding, chance: SeededChance, now: datetime, made: Made) -> None:
    """Visits of the last sixty days, newest working days still open."""
    calls, details, samples = [], [], []
    for person in REPRESENTATIVES:
        for day, status in days_of_calls(now.astimezone(ZoneInfo(person.zone)).date()):
            for hour in range(CALLS_A_DAY):
                accounts = made.accounts[person.territory]
                if not accounts:
                    continue
                call = _call(chance, day, 9 + 3 * hour, status)
                call |= {"AccountId": accounts[chance.below(len(accounts))], "OwnerId": made.users[person.username]}
                calls.append(call | {"TerritoryId": made.territories[person.territory]})
    ids = mint_ids(seeding, "Call", len(calls))
    for record_id, call in zip(ids, calls, strict=True):
        call["Id"] = record_id
        if call["Status"] == "Planned":
            continue
        for place, product in enumerate(made.products["Detail"][: 1 + chance.below(2)], 1):
            details.append({"CallId": record_id, "ProductId": product, "Priority": place, "OwnerId": call["OwnerId"]})
        if chance.below(3) == 0:
            sample = made.products["Sample"][chance.below(len(made.products["Sample"]))]
            samples.append({"CallId": record_id, "ProductId": sample, "Quantity": 1 + chance.below(4), "Lot": "L-204"})
    insert_rows(seeding, "Call", calls)
    insert_rows(seeding, "Call_Detail", details)
    insert_rows(seeding, "Call_Sample", samples)


def days_of_calls(today: date) -> list[tuple[date, str]]:
    """The working days of the last sixty days and today, and the status of their visits: those of the two working days
    before today are not submitted, which on a Monday are not the two days before."""
    days = [today - timedelta(days=back) for back in range(DAYS_OF_CALLS, 0, -1)]
    worked = [day for day in days if day.weekday() < 5]
    statuses = ["Submitted"] * (len(worked) - OPEN_DAYS) + ["Saved"] * OPEN_DAYS
    return [*zip(worked, statuses, strict=True), (today, "Planned")]


def _call(chance: SeededChance, day: date, hour: int, status: str) -> Row:
    return {
        "Status": status,
        "Call_Date": f"{day.isoformat()}T{hour:02d}:{15 * chance.below(4):02d}:00+00:00",
        "Call_Type": "Detail Only",
        "Channel": "In Person",
        "Duration_Minutes": 10 + 5 * chance.below(5),
        "Notes": None if status == "Planned" else NOTES[chance.below(len(NOTES))],
    }
