"""Loading sales data: all lines or none, the same file twice changes nothing, and devices get what changed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from tests.server.lab import PASSWORD, START, Lab, Phone, create, downloaded, update

from fieldsync.base.ids import RecordId
from fieldsync.base.limits import BULK_CHUNK_LINES
from fieldsync.base.problems import Code, Refused
from fieldsync.base.world import ManualClock, SeededChance, World
from fieldsync.protocol.download import Removed
from fieldsync.protocol.upload import Rejected
from fieldsync.schema.catalog import build
from fieldsync.schema.load import load_packs
from fieldsync.server.bulk.lines import Fault
from fieldsync.server.bulk.load import Asked, Loaded, load
from fieldsync.server.org.create import create_org, seeding_org
from fieldsync.server.org.users import NewUser

if TYPE_CHECKING:
    from tests.conftest import Databases

HEADINGS = "Account.External_Id,Product.External_Id,Period,Units,Net_Sales"
LOGGED = """SELECT kind, count(*) FROM _change WHERE object = 'Sales_Data' GROUP BY 1 ORDER BY 1"""


def prepare(uri: str) -> None:
    admin = NewUser("admin@small.example", PASSWORD, "System_Administrator", "Admin")
    create_org(uri, "small", build(load_packs()), admin=admin, world=World(ManualClock(START), SeededChance(6)))


class Market:
    """Two representatives with an account each, and two products."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.accounts: dict[str, RecordId] = {}
        for name in ("sarah", "tom"):
            user = lab.person(name, "Field_Representative")
            row = {"Name": f"Dr. {name}", "External_Id": f"D-{name}", "OwnerId": user}
            [self.accounts[name]] = lab.rows("Account", row)
        self.products = lab.rows("Product", *({"Name": n, "External_Id": n} for n in ("P-1", "P-2")))

    def load(self, *lines: str, headings: str = HEADINGS, check: bool = False, periods: tuple[str, ...] = ()) -> Loaded:
        with seeding_org(self.lab.uri, "small", self.lab.world) as seeding:
            return load(seeding, Asked("Sales_Data", periods, check), [headings + "\n", *(f"{n}\n" for n in lines)])

    def logged(self) -> dict[str, int]:
        return dict(self.lab.query(LOGGED))


@pytest.fixture
def market(databases: Databases) -> Iterator[Market]:
    name = databases.create(databases.template("market", prepare))
    lab = Lab(databases.uri(name))
    yield Market(lab)
    lab.close()
    databases.drop(name)


def units(phone: Phone) -> dict[tuple[str, str], object]:
    """What a download brings: units by product and month."""
    found = downloaded(phone.download(), "Sales_Data").values()
    return {(str(row["ProductId"]), str(row["Period"])): row["Units"] for row in found}


def test_lines_become_rows_and_devices_hold_those_of_their_accounts(market: Market) -> None:
    sarah, tom = market.lab.phone("sarah"), market.lab.phone("tom")
    sarah.download()
    one, two = market.products
    first = market.load("D-sarah,P-1,2026-01,10,99.5", "D-sarah,P-2,2026-01-01,20,", "D-tom,P-1,2026-01,30,1")
    assert first == Loaded(lines=3, created=3)
    assert units(sarah) == {(one, "2026-01-01"): 10, (two, "2026-01-01"): 20}, "by an incremental"
    assert units(tom) == {(one, "2026-01-01"): 30}, "and by a first download"
    assert sarah.feed().families == ()
    again = market.load("D-sarah,P-1,2026-01,10,99.50", "D-sarah,P-2,2026-01,20,", "D-tom,P-1,2026-01,30,1")
    assert again == Loaded(lines=3, unchanged=3)
    assert market.logged() == {"created": 3}, "the same file twice changes nothing, and logs nothing"
    assert units(sarah) == {}


def test_changed_lines_update_and_a_replaced_period_loses_the_rest(market: Market) -> None:
    sarah, (one, two) = market.lab.phone("sarah"), market.products
    market.load("D-sarah,P-1,2026-01,10,1", "D-sarah,P-2,2026-01,20,1", "D-sarah,P-1,2026-02,30,1")
    sarah.download()
    changed = market.load("D-sarah,P-1,2026-01,11,1", periods=("2026-01-01",))
    assert changed == Loaded(lines=1, updated=1, removed=1)
    news = sarah.download()
    assert [row["Units"] for row in downloaded(news, "Sales_Data").values()] == [11]
    assert len([gone for line in news if isinstance(line, Removed) for gone in line.gone]) == 1
    back = market.load("D-sarah,P-2,2026-01,20,1")
    assert back == Loaded(lines=1, updated=1)
    assert market.logged() == {"created": 3, "deleted": 1, "undeleted": 1, "updated": 1}
    assert units(sarah) == {(two, "2026-01-01"): 20}
    fresh = market.lab.phone("sarah", "iphone")
    assert units(fresh) == {(one, "2026-01-01"): 11, (two, "2026-01-01"): 20, (one, "2026-02-01"): 30}
    with pytest.raises(Refused, match="no line of it"):
        market.load("D-sarah,P-1,2026-01,12,1", periods=("2026-03-01",))


def test_bad_lines_are_named_and_nothing_is_loaded(market: Market) -> None:
    account, nobody = market.accounts["sarah"], market.accounts["tom"][:-4] + "AAAA"
    told = market.load(
        f"{account},P-1,2026-01,10,1",
        f"{account},P-9,2026-01,10,1",
        f"{account},P-1,2026-13,many,1",
        f"{nobody},,2026-01,1,1",
        f"{account},P-1,2026-01-01,12,1",
        f"{account},P-1,2026-01,1",
        headings="AccountId,Product.External_Id,Period,Units,Net_Sales",
    )
    assert told.fault_count == len(told.faults)
    assert [(fault.line, fault.column) for fault in told.faults] == [
        (3, "Product.External_Id"),
        (4, "Period"),
        (4, "Units"),
        (5, "AccountId"),
        (5, "Product.External_Id"),
        (6, ""),
        (7, ""),
    ]
    assert told.faults[0].sentence == "Product.External_Id points to a record that is not there: P-9."
    assert told.faults[5] == Fault(6, "", "It is about the same as line 2.")
    assert market.logged() == {}
    assert market.load("x,1", headings="Colour,Units").fault_count == 4
    assert market.load("D-sarah,P-1,2026-01,1,1", check=True) == Loaded(lines=1, created=1)
    assert market.logged() == {}
    with pytest.raises(Refused, match="saved, not loaded"), seeding_org(market.lab.uri, "small", market.lab.world) as s:
        load(s, Asked("Account"), [])


def test_nobody_saves_what_is_loaded_from_files(market: Market) -> None:
    market.load("D-sarah,P-1,2026-01,10,1")
    sarah, desk = market.lab.phone("sarah"), market.lab.phone("admin", "desk")
    [row] = downloaded(sarah.download(), "Sales_Data").values()
    for phone in (sarah, desk):
        new = create("Sales_Data", phone.new_id("Sales_Data"), AccountId=row["AccountId"], Period="2026-01-01")
        for item in (update("Sales_Data", row["Id"], Units=(10, 11)), new):
            outcome = phone.outcome(item)
            assert isinstance(outcome, Rejected)
            assert [p.code for p in outcome.problems] == [Code.READ_ONLY]
            phone.upload(undone=(phone.n,))
    assert market.logged() == {"created": 1}


def test_a_long_file_is_loaded_in_chunks_of_ids(market: Market) -> None:
    months = [f"{1700 + n // 12}-{n % 12 + 1:02d}" for n in range(BULK_CHUNK_LINES // 2 + 1)]
    lines = [f"D-sarah,P-{product},{month},7,1" for month in months for product in (1, 2)]
    heard: list[int] = []
    with seeding_org(market.lab.uri, "small", market.lab.world) as seeding:
        done = load(seeding, Asked("Sales_Data"), iter([HEADINGS, *lines]), heard.append)
    assert done == Loaded(lines=len(lines), created=len(lines))
    assert heard == [1_000, 2_000, 3_000, 4_000, 5_000]
    assert market.lab.query('SELECT count(DISTINCT "Name") FROM "Sales_Data"') == [(len(lines),)]
