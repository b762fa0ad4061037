"""A record that may belong to a family or to none: a task of a call, or one by itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.device.lab import Lab, items_of

from fieldsync.device import Mark
from fieldsync.schema.catalog import build
from fieldsync.schema.family.declaration import FamilyDeclaration
from fieldsync.schema.model import Field, FieldType, Object, Pack


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    """Calls, and tasks that may point to one."""
    user = Object(name="User", label="User", prefix="005", system=True)
    call = Object(name="Call", label="Call", prefix="a00", family=FamilyDeclaration())
    points = Field(name="CallId", type=FieldType.LOOKUP, references="Call", family=True)
    task = Object(name="Task", label="Task", prefix="a01", fields=(points,))
    made = Lab(tmp_path / "device", data_model=build([Pack(name="t", label="T", objects=(user, call, task))]))
    yield made
    made.device.close()


def test_one_that_points_nowhere_is_made_opened_changed_and_deleted_by_itself(lab: Lab) -> None:
    with lab.device.edit() as edit:
        call = edit.create("Call", {"Name": "Call"})
        alone = edit.create("Task", {"Name": "Alone"})
        edit.create("Task", {"Name": "With it", "CallId": call})
    lab.upload(lab.saved())
    sent = [[item.id for item in items] for request in lab.script.uploads for _, items in items_of(request)]
    assert sorted(map(len, sent)) == [1, 2]
    assert [alone] in sent
    with lab.device.view("Task", alone), lab.device.edit() as edit:
        edit.update("Task", alone, {"Name": "Changed"})
    assert lab.device.mark("Task", alone) is Mark.PENDING
    lab.upload(lab.saved())
    with lab.device.edit() as edit:
        edit.delete("Task", alone)
    assert lab.device.get("Task", alone) is None
    assert lab.device.get("Call", call) is not None
