"""Sarah is told at once, without a network, what the server would refuse by a rule; and never more than that (F08)."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.device.lab import SERVER
from tests.scenarios.stage import Stage, two_made

from fieldsync.base.ids import RecordId, mint
from fieldsync.base.problems import Code, Refused
from fieldsync.device import Device

EVERYTHING = "[read, create, edit, delete]"
PACK = f"""
name: told
label: Told
objects:
  - name: Depot
    label: Depot
    prefix: d00
    fields:
      - {{name: Stock_Max, type: number, precision: 6, scale: 0}}
      - {{name: Closed, type: checkbox, default: 'false'}}
  - name: Stock
    label: Stock
    prefix: d01
    fields:
      - {{name: DepotId, type: lookup, references: Depot}}
      - {{name: Pieces, type: number, precision: 8, scale: 2}}
      - {{name: Price, type: number, precision: 8, scale: 2}}
      - {{name: Kind, type: picklist, values: [{{value: Cold}}, {{value: Dry}}]}}
      - {{name: Note, type: text, length: 80}}
      - {{name: Until, type: date}}
      - {{name: Worth, type: formula, formula: 'Pieces * Price', formula_returns: number, scale: 2}}
      - {{name: Place, type: text, length: 40, default: '"Shelf " & TEXT(Kind)'}}
      - {{name: Secret, type: text, length: 40}}
    validation_rules:
      - {{name: Some, condition: 'AND(NOT(ISBLANK(Pieces)), Pieces < 0)', message: Count again., field: Pieces}}
      - {{name: Not_Dear, condition: 'Worth > 5000', message: Too much in one place.}}
      - {{name: Cold_Has_Date, condition: 'AND(ISPICKVAL(Kind, "Cold"), ISBLANK(Until))', message: Say until when.}}
      - {{name: Short, condition: 'LEN(Note) > 40', message: Say it shorter., field: Note}}
      - {{name: Room, condition: 'Pieces > Depot.Stock_Max', message: The depot is full.}}
      - {{name: Shelf, condition: 'CONTAINS(Place, "Dry")', message: Nothing dry here.}}
      - {{name: Open, condition: 'AND(Depot.Closed, NOT(ISNEW()))', message: The depot is closed.}}
      - {{name: Told, condition: 'Secret = "told"', message: That is secret.}}
      - {{name: Fresh, condition: 'AND(Note = "old", Until < TODAY())', message: It is old.}}
      - {{name: Off, condition: 'true', message: Never., active: false}}
profiles:
  - name: Rep
    label: Rep
    objects: {{Depot: {EVERYTHING}, Stock: {EVERYTHING}, User: [read]}}
    fields: {{Stock: {{Secret: none}}}}
"""
HERE = {"Count again.", "Too much in one place.", "Say until when.", "Say it shorter.", "The depot is full."}
"""What a device can say itself: not what the server fills in first, was before, hides, or asks its clock."""
CASES = 130


@pytest.fixture
def sarah(made: str, tmp_path: Path) -> Iterator[tuple[Stage, Device, list[RecordId]]]:
    with two_made(made, tmp_path, PACK) as (stage, who, _):
        ipad = stage.device(who, "ipad", started=False)
        with ipad.edit() as edit:
            depots = [edit.create("Depot", {"Name": f"D{n}", "Stock_Max": n, "Closed": n == 90}) for n in (50, 90, 400)]
        assert ipad.sync().successful
        yield stage, ipad, depots


def anything(chance: random.Random, depots: list[RecordId]) -> dict[str, object]:
    """The values of a stock, right or wrong."""
    values = {
        "DepotId": chance.choice([*depots, None]),
        "Pieces": chance.choice([None, -1, 0, 49.99, 50, 50.01, 90, 399]),
        "Price": chance.choice([None, 0, 12.5, 100, 101]),
        "Kind": chance.choice([None, "Cold", "Dry"]),
        "Note": chance.choice([None, "", "x" * 40, "x" * 41, "old"]),
        "Until": chance.choice([None, "2026-12-31"]),
    }
    return {name: value for name, value in values.items() if value is not None}


def said_here(
    device: Device, record: RecordId | None, values: dict[str, object], *, ruled: bool = True
) -> tuple[str | None, RecordId | None]:
    """What the device says to a save, and the record if it took it."""
    try:
        with device.edit(ruled=ruled) as edit:
            if record is None:
                record = edit.create("Stock", {"Name": "S", **values})
            else:
                edit.update("Stock", record, values)
    except Refused as refused:
        return refused.problem.message, None
    return None, record


def with_depot(device: Device, depot: dict[str, object], stock: dict[str, object]) -> None:
    """Both in one save."""
    with device.edit() as edit:
        edit.create("Stock", stock | {"DepotId": edit.create("Depot", depot)})


def test_what_a_device_refuses_is_what_the_server_refuses(sarah: tuple[Stage, Device, list[RecordId]]) -> None:
    """A thousand verdicts: every rule on every save, of new records and of others."""
    _, ipad, depots = sarah
    chance = random.Random(8)
    with ipad.edit() as edit:
        stocks = [edit.create("Stock", {"Name": "S", "Pieces": 1}) for _ in range(CASES // 2)]
    assert ipad.sync().successful
    here: dict[RecordId, str | None] = {}
    for record in [*stocks, *(None for _ in stocks)]:
        values = anything(chance, depots)
        said, saved = said_here(ipad, record, values)
        saved = saved or said_here(ipad, record, values, ruled=False)[1]
        assert saved is not None
        here[saved] = said
    assert ipad.sync().successful
    there: dict[RecordId, set[str]] = {record: set() for record in here}
    for entry in ipad.errors():
        there[entry.record_id] |= {reason.message for reason in entry.problems}
    for record, told in there.items():
        assert (here[record] is None) == (not told & HERE), (here[record], told)
        assert here[record] in {None, *told}
    assert set().union(*there.values()) == HERE | {"Nothing dry here.", "The depot is closed."}


def test_she_is_told_without_a_network_and_nothing_is_queued(sarah: tuple[Stage, Device, list[RecordId]]) -> None:
    _, ipad, _ = sarah
    ipad.go_offline()
    with pytest.raises(Refused) as refused:
        with_depot(ipad, {"Name": "With it"}, {"Name": "S", "Pieces": -1})
    reason = refused.value.problem
    assert (reason.code, reason.message, reason.field) == (Code.VALIDATION, "Count again.", "Pieces")
    assert (ipad.queue(), ipad.count("Stock")) == ([], 0)
    assert ipad.count("Depot") == 3, "all of a save or none of it"


def test_a_depot_that_is_not_on_the_device_is_left_to_the_server(sarah: tuple[Stage, Device, list[RecordId]]) -> None:
    _, ipad, _ = sarah
    ipad.go_offline()
    elsewhere = mint("d00", SERVER, 7_777)
    assert said_here(ipad, None, {"Pieces": 1_000, "DepotId": elsewhere})[0] is None


def test_the_row_beside_it_in_the_same_save_counts(sarah: tuple[Stage, Device, list[RecordId]]) -> None:
    _, ipad, _ = sarah
    ipad.go_offline()
    with pytest.raises(Refused) as refused:
        with_depot(ipad, {"Name": "Small", "Stock_Max": 5}, {"Name": "S", "Pieces": 6})
    assert refused.value.problem.message == "The depot is full."
