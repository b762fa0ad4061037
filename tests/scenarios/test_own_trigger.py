"""An org's own trigger corrects what people type. Who typed it, and goes on typing, never conflicts with himself: only
with somebody else (DESIGN 7, "a person never conflicts with himself"; FEATURES C02, K01).

The trigger is installed as a customer would install it: as a Python package beside the server.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.scenarios.stage import Stage, two_made, wait_for

from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Code
from fieldsync.device import Device

PACK = """
name: tidy
label: Tidy
objects:
  - name: Doctor
    label: Doctor
    prefix: t00
    fields: [{name: City, type: text}, {name: Phone, type: text}]
profiles:
  - name: Rep
    label: Rep
    objects: {Doctor: [read, create, edit, delete], User: [read]}
"""
TRIGGER = """
from fieldsync.protocol.upload import Operation
from fieldsync.server.save.logic.trigger import Trigger, When

async def tidy(batch):
    for record in batch.records:
        if record.is_changed("City") and record["City"]:
            record["City"] = record["City"].strip().upper()

TRIGGERS = (Trigger("Doctor", tidy, When.BEFORE, frozenset({Operation.CREATE, Operation.UPDATE})),)
"""


def install(folder: Path) -> dict[str, str]:
    """A package with the trigger; what a server's environment says so that it finds it."""
    (folder / "tidy_pack.py").write_text(TRIGGER)
    about = folder / "tidy_pack-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: tidy-pack\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[fieldsync.triggers]\ntidy = tidy_pack:TRIGGERS\n")
    return {"PYTHONPATH": os.pathsep.join([str(folder), *filter(None, sys.path)])}


@pytest.fixture
def three(made: str, tmp_path: Path) -> Iterator[tuple[Stage, Device, Device]]:
    (tmp_path / "site").mkdir()
    with two_made(made, tmp_path, PACK, install(tmp_path / "site")) as (stage, sarah, tom):
        yield stage, stage.device(sarah, "ipad"), stage.device(tom, "windows")


def city(device: Device, doctor: RecordId, value: str) -> None:
    with device.edit() as edit:
        edit.update("Doctor", doctor, {"City": value})


def shown(device: Device, doctor: RecordId) -> object:
    found = device.get("Doctor", doctor)
    return None if found is None else found.values["City"]


def test_a_corrected_value_comes_back_and_the_next_edits_of_it_do_not_conflict(
    three: tuple[Stage, Device, Device],
) -> None:
    stage, sarah, _ = three
    with sarah.edit() as edit:
        doctor = edit.create("Doctor", {"Name": "Weber", "City": " bonn "})
    wait_for(lambda: shown(sarah, doctor) == "BONN")
    for typed in ("köln", "mainz"):
        city(sarah, doctor, typed)
    wait_for(lambda: not sarah.queue())
    assert (sarah.errors(), stage.rows("Doctor")[doctor]["City"]) == ([], "MAINZ")
    wait_for(lambda: shown(sarah, doctor) == "MAINZ")


def test_edits_made_before_the_correction_was_known_do_not_conflict_either(
    three: tuple[Stage, Device, Device],
) -> None:
    """She types three times, each on what she typed before; the server had made something else of it each time."""
    stage, sarah, _ = three
    with sarah.edit() as edit:
        doctor = edit.create("Doctor", {"Name": "Weber", "City": "bonn"})
    wait_for(lambda: shown(sarah, doctor) == "BONN")
    sarah.go_offline()
    city(sarah, doctor, "köln")
    sarah.go_online()
    city(sarah, doctor, "mainz")
    city(sarah, doctor, "trier")
    wait_for(lambda: not sarah.queue())
    assert (sarah.errors(), stage.rows("Doctor")[doctor]["City"]) == ([], "TRIER")


def test_somebody_elses_value_is_a_conflict_all_the_same(three: tuple[Stage, Device, Device]) -> None:
    stage, sarah, tom = three
    with sarah.edit() as edit:
        doctor = edit.create("Doctor", {"Name": "Weber", "City": "bonn"})
    wait_for(lambda: doctor in stage.rows("Doctor"))
    assert tom.sync().successful
    sarah.go_offline()
    city(sarah, doctor, "köln")
    city(tom, doctor, "rom")
    wait_for(lambda: not tom.queue())
    sarah.go_online()
    wait_for(sarah.errors)
    [told] = sarah.errors()[0].problems
    assert (told.code, told.details["theirs"]) == (Code.CONFLICT_OLD_VALUE, "ROM")
