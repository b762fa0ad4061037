"""Data trees: references in order, canonical values, errors that name file and record."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fieldsync.base.problems import Code, Refused
from fieldsync.schema.catalog import build
from fieldsync.schema.load import load_packs
from fieldsync.schema.tree import TreeReference, read_plan

CATALOG = build(load_packs())


def record(kind: str | None, ref: str | None = None, **values: Any) -> dict[str, Any]:
    attributes = {"type": kind} | ({"referenceId": ref} if ref else {})
    return {"attributes": attributes, **values}


def write(folder: Path, name: str, content: Any) -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else msgspec.json.encode(content))
    return path


def plan(folder: Path, **files: list[dict[str, Any]]) -> Path:
    for name, records in files.items():
        write(folder, f"{name}.json", {"records": records})
    steps = [{"sobject": name, "saveRefs": True, "files": [f"{name}.json"]} for name in files]
    return write(folder, "plan.json", steps)


def test_references_point_to_earlier_records(tmp_path: Path) -> None:
    path = plan(
        tmp_path,
        Account=[record("Account", "Acc1", Name="Clinic"), record("Account", Name="Ward", ParentId="@Acc1")],
        Contact=[record("Contact", LastName="Wu", AccountId="@Acc1")],
    )
    clinic, ward, wu = read_plan(path, CATALOG)
    assert (clinic.reference, clinic.object, clinic.values) == ("Acc1", "Account", {"Name": "Clinic"})
    assert ward.values["ParentId"] == wu.values["AccountId"] == TreeReference("Acc1")
    assert len({clinic.reference, ward.reference, wu.reference}) == 3


def test_values_are_canonical(tmp_path: Path) -> None:
    values: dict[str, Any] = {
        "Name": "Clinic  ",
        "Beds": "12",
        "AnnualRevenue": 10.5,
        "Target": "true",
        "NPI": 1234,
        "Best_Times": "Tuesday Morning;Monday Morning",
        "Location__Latitude__s": 42.5,
        "Birthdate": "",
    }
    path = write(tmp_path, "a.json", {"records": [record("Account", **values)]})
    [found] = read_plan(path, CATALOG)
    assert found.values == {
        "Name": "Clinic",
        "Beds": 12,
        "AnnualRevenue": Decimal("10.50"),
        "Target": True,
        "NPI": "1234",
        "Best_Times": "Monday Morning;Tuesday Morning",
        "Location__Latitude__s": Decimal("42.5000000"),
        "Birthdate": None,
    }


def test_a_place_may_be_given_whole(tmp_path: Path) -> None:
    path = write(tmp_path, "a.json", {"records": [record("Account", Location={"latitude": 1, "longitude": 2})]})
    [found] = read_plan(path, CATALOG)
    assert found.values == {"Location__Latitude__s": Decimal(1), "Location__Longitude__s": Decimal(2)}


def test_children_inside_their_parent_follow_it(tmp_path: Path) -> None:
    contacts = {"records": [record("Contact", "C1", LastName="Wu"), record("Contact", LastName="Li")]}
    path = write(tmp_path, "a.json", {"records": [record("Account", "A1", Name="Clinic", Contacts=contacts)]})
    account, wu, li = read_plan(path, CATALOG)
    assert (account.object, wu.object, li.object) == ("Account", "Contact", "Contact")
    assert wu.values == {"LastName": "Wu", "AccountId": TreeReference("A1")}
    assert li.values["AccountId"] == TreeReference("A1")


ONE = [record("Account", "A1", Name="Clinic")]
FAULTS: list[tuple[list[dict[str, Any]], Code, str]] = [
    ([record("Nothing")], Code.UNKNOWN_OBJECT, "a.json, record 1"),
    ([record(None)], Code.UNUSABLE, "of which object"),
    ([record("Account", Colour="red")], Code.UNKNOWN_FIELD, "a.json, record 1: Account has no field Colour"),
    ([*ONE, record("Account", "A1")], Code.UNUSABLE, "a.json, record 2"),
    ([record("Contact", LastName="x", AccountId="@A1")], Code.UNUSABLE, "@A1, which no earlier record"),
    ([record("Account", ParentId="@A2"), record("Account", "A2")], Code.UNUSABLE, "which no earlier record"),
    ([record("Contact", "C1", LastName="x"), record("Account", ParentId="@C1")], Code.UNUSABLE, "not of Account"),
    ([record("Account", Beds="many")], Code.WRONG_TYPE, "record 1: Beds takes a number"),
    ([record("Account", Kind="Zoo")], Code.PICKLIST, "record 1: Zoo"),
    ([record("Call", Name="C-1")], Code.READ_ONLY_FIELD, "record 1"),
    ([record("Account", Id="001000000000001AAA")], Code.READ_ONLY_FIELD, "record 1"),
    ([record("Account", Nieces={"records": []})], Code.UNUSABLE, "no list of children Nieces"),
    ([record("Account", Contacts={"records": [record("Product")]})], Code.UNUSABLE, "Contacts 1"),
    ([record("Account", Name={"a": 1})], Code.WRONG_TYPE, "an object"),
]


@pytest.mark.parametrize(("records", "code", "said"), FAULTS)
def test_a_faulty_record_is_refused_with_its_place(
    tmp_path: Path, records: list[dict[str, Any]], code: Code, said: str
) -> None:
    with pytest.raises(Refused) as refused:
        read_plan(write(tmp_path, "a.json", {"records": records}), CATALOG)
    assert refused.value.problem.code is code
    assert said in refused.value.problem.message


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[1]",
        b"5",
        b'{"records": 5}',
        b'{"records": [5]}',
        b'[{"files": "a.json"}]',
        b'[{"files": ["gone.json"]}]',
        b'[{"files": ["../outside.json"]}]',
        b"[" * 100_000,
    ],
)
def test_a_file_that_is_no_tree_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(Refused) as refused:
        read_plan(write(tmp_path, "plan.json", content), CATALOG)
    assert refused.value.problem.code is Code.UNUSABLE


def test_a_plan_says_of_which_object_its_files_are(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="where Contact is expected"):
        read_plan(plan(tmp_path, Contact=ONE), CATALOG)
