"""Damaged sources: whatever the bytes, a reader refuses the whole, tells what is wrong, or reads (THREATS T22)."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st
from tests.schema.rules_import.test_lsc import record, schema_record
from tests.schema.rules_import.test_own import RULES, SETTINGS
from tests.schema.rules_import.test_vmoc import ROW, text

from fieldsync.base.problems import Refused
from fieldsync.schema.rules_import import read_own, read_vmoc, write_own
from fieldsync.schema.rules_import.json_text import json_value
from fieldsync.schema.rules_import.lsc_record import json_records, xml_record
from fieldsync.schema.rules_import.lsc_rules import read_rule
from fieldsync.schema.rules_import.report import Reading


def read_xml(data: bytes) -> None:
    reading = Reading()
    found = xml_record(data, "f.xml", "f", reading)
    if found is not None:
        read_rule(found, reading)


def read_json(data: bytes) -> None:
    reading = Reading()
    for found in json_records(json_value(data, "f.json"), "f.json", reading):
        read_rule(found, reading)


SOURCES: tuple[tuple[Callable[[bytes], object], bytes], ...] = (
    (read_xml, schema_record().encode()),
    (read_json, json.dumps([record(), record(active=False)]).encode()),
    (lambda data: read_vmoc(data, "f.csv"), text(ROW, ROW)),
    (lambda data: read_own(data, "f.json"), write_own(RULES, SETTINGS)),
)


DAMAGES = st.lists(st.tuples(st.floats(0, 1), st.binary(max_size=6), st.integers(0, 9)), max_size=4)


@given(st.sampled_from(SOURCES), DAMAGES)
def test_a_damaged_source_is_refused_told_or_read(
    source: tuple[Callable[[bytes], object], bytes], damages: list[tuple[float, bytes, int]]
) -> None:
    read, data = source
    for where, put, drop in damages:
        at = int(where * len(data))
        data = data[:at] + put + data[at + drop :]
    with suppress(Refused):
        read(data)
