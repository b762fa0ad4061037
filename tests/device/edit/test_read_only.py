"""What is loaded from files cannot be changed on a device either (FEATURES A38)."""

from __future__ import annotations

import pytest

from fieldsync.base.problems import Code, Refused
from fieldsync.device.edit.check import object_of
from fieldsync.schema.catalog import build
from fieldsync.schema.load import load_packs


def test_what_is_loaded_from_files_is_read_only() -> None:
    catalog = build(load_packs())
    assert object_of(catalog, "Account").name == "Account"
    with pytest.raises(Refused, match="Sales is loaded from files") as refused:
        object_of(catalog, "Sales_Data")
    assert refused.value.problem.code is Code.READ_ONLY
