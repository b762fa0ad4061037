"""The rules and the sharing that the life sciences pack brings: who holds which account, and what belongs to it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from tests.server.lab import PASSWORD, START, Lab, Phone, create, downloaded, update

from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Code
from fieldsync.base.world import ManualClock, SeededChance, World
from fieldsync.protocol.download import Removed
from fieldsync.protocol.upload import Rejected, Saved
from fieldsync.schema.catalog import build
from fieldsync.schema.load import load_packs
from fieldsync.server.org.begin.sync_rules import declared_rules
from fieldsync.server.org.create import create_org
from fieldsync.server.org.users import NewUser
from fieldsync.server.scope.rules import check_rule, check_together

if TYPE_CHECKING:
    from tests.conftest import Databases

TREE = (("North", None), ("Leeds", "North"), ("York", "North"), ("South", None), ("London", "South"))
WORKS = {"sarah": "Leeds", "tom": "York", "jonas": "London", "grace": "North"}


def prepare(uri: str) -> None:
    admin = NewUser("admin@small.example", PASSWORD, "System_Administrator", "Admin")
    create_org(uri, "small", build(load_packs()), admin=admin, world=World(ManualClock(START), SeededChance(6)))


class Company:
    """Four people in a tree of territories, and an account in each of three."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.users = {n: lab.person(n, _profile(n)) for n in WORKS}
        self.territories: dict[str, RecordId] = {}
        for name, above in TREE:
            row = {"Name": name, "ParentId": self.territories.get(above or "")}
            [self.territories[name]] = lab.rows("Territory", row)
        places = [{"UserId": self.users[n], "TerritoryId": self.territories[t]} for n, t in WORKS.items()]
        lab.rows("User_Territory", *places)
        self.accounts = {name: self.account(name) for name in ("Leeds", "York", "London")}
        self.phones = {name: lab.phone(name) for name in WORKS}

    def account(self, territory: str) -> RecordId:
        """An account of a territory, with an address and a contact; nobody of these owns it."""
        [new] = self.lab.rows("Account", {"Name": f"Dr. {territory}"})
        self.lab.rows("Address", {"AccountId": new, "Name": "1 High Street"})
        self.lab.rows("Contact", {"AccountId": new, "LastName": "Nurse"})
        self.lab.rows("Territory_Account", {"AccountId": new, "TerritoryId": self.territories[territory]})
        return new

    def call(self, name: str, account: RecordId) -> RecordId:
        """A call with a detail that this person saves."""
        phone = self.phones[name]
        [product] = self.lab.rows("Product", {"Name": "Product"})
        call, detail = phone.new_id("Call"), phone.new_id("Call_Detail")
        header = create("Call", call, AccountId=account, Call_Date="2026-03-02T09:00:00Z")
        saved = phone.outcome(header, create("Call_Detail", detail, CallId=call, ProductId=product))
        assert isinstance(saved, Saved)
        return call


def _profile(name: str) -> str:
    return "Field_Manager" if name == "grace" else "Field_Representative"


@pytest.fixture(scope="module")
def company(databases: Databases) -> Iterator[Company]:
    name = databases.create(databases.template("shipped", prepare))
    lab = Lab(databases.uri(name))
    yield Company(lab)
    lab.close()
    databases.drop(name)


def held(phone: Phone, object_name: str) -> list[dict[str, object]]:
    phone.checkpoint = None
    return list(downloaded(phone.download(), object_name).values())


def names(phone: Phone) -> set[str]:
    return {str(row["Name"]) for row in held(phone, "Account")}


def test_every_shipped_rule_means_something() -> None:
    catalog = build(load_packs())
    rules = tuple(declared_rules(catalog))
    assert [fault for rule in rules for fault in check_rule(catalog, rule)] == []
    assert check_together(catalog, rules) == ()
    own = {o.name for pack in catalog.packs if pack.name == "life_sciences" for o in pack.objects}
    assert own <= {rule.object for rule in rules}


def test_everybody_holds_his_part_and_the_manager_the_tree_below(company: Company) -> None:
    phones = company.phones
    assert names(phones["sarah"]) == {"Dr. Leeds"}
    assert names(phones["grace"]) == {"Dr. Leeds", "Dr. York"}
    assert names(phones["jonas"]) == {"Dr. London"}
    for name in ("Address", "Contact", "Territory_Account"):
        found = held(phones["jonas"], name)
        assert [row["AccountId"] for row in found] == [company.accounts["London"]], name


def test_an_account_without_a_territory_is_its_owners_and_nobody_else_may_write_it(company: Company) -> None:
    sarah, tom = company.phones["sarah"], company.phones["tom"]
    own = sarah.new_id("Account")
    assert isinstance(sarah.outcome(create("Account", own, Name="Dr. Own")), Saved)
    assert names(sarah) == {"Dr. Leeds", "Dr. Own"}
    assert "Dr. Own" not in names(tom)
    refused = tom.outcome(update("Account", own, Phone=(None, "1")))
    assert isinstance(refused, Rejected)
    assert [p.code for p in refused.problems] == [Code.NOT_FOUND]


def test_calls_go_with_the_account_and_stay_with_who_made_them(company: Company) -> None:
    call = company.call("sarah", company.accounts["Leeds"])
    phones = company.phones
    for name, expected in (("sarah", [call]), ("grace", [call]), ("tom", []), ("jonas", [])):
        assert [row["Id"] for row in held(phones[name], "Call")] == expected, name
        assert [row["CallId"] for row in held(phones[name], "Call_Detail")] == expected, name
    tom = phones["tom"]
    tom.download()
    [(alignment,)] = company.lab.query(
        'SELECT "Id" FROM "Territory_Account" WHERE "AccountId" = %(account)s', account=company.accounts["Leeds"]
    )
    leeds, york = company.territories["Leeds"], company.territories["York"]
    moved = phones["grace"].outcome(update("Territory_Account", alignment, TerritoryId=(leeds, york)))
    assert isinstance(moved, Saved)
    brought, gone = tom.download(), phones["sarah"].download()
    assert set(downloaded(brought, "Account")) == {company.accounts["Leeds"]}
    assert set(downloaded(brought, "Call")) == {call}
    left = {found.id for line in gone if isinstance(line, Removed) for found in line.gone}
    assert company.accounts["Leeds"] in left
    assert call not in left, "her own work stays with her"
