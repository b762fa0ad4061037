"""The device asks the same question as the server: what is only spelled differently is no edit (FEATURES K13)."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given, settings
from tests.device.lab import Lab, catalog
from tests.spellings import FIELDS, Spelled, spelled

from fieldsync.schema.fields import canonical


def test_what_is_only_spelled_differently_is_no_edit(tmp_path: Path) -> None:
    lab = Lab(tmp_path, data_model=catalog(more=FIELDS))
    lab.download()
    number = 0

    @settings(max_examples=150, deadline=None)
    @given(spelled())
    def check(one: Spelled) -> None:
        nonlocal number
        number += 1
        shop, column = lab.server_id("Shop", number), one.field.name
        row = {"Id": shop, "Name": "One", "_stamp": number, column: canonical(one.field, one.one)}
        lab.download(lab.block("Shop", row), full=False)
        with lab.device.edit() as edit:
            edit.update("Shop", shop, {column: one.two})
        assert edit.queue_numbers == (), "the same value, spelled differently"
        with lab.device.edit() as edit:
            edit.update("Shop", shop, {column: one.other})
        assert len(edit.queue_numbers) == 1
        with lab.device.edit() as edit:
            edit.update("Shop", shop, {column: one.two})
        assert lab.device.queue() == [], "back to where it began, so nothing is left to send"

    try:
        check()
    finally:
        lab.device.close()
