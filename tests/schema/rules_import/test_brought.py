"""Files a person chose say by themselves whose configuration they are, alone, together or in a zip."""

from __future__ import annotations

import io
import json
import zipfile

import pytest
from tests.schema.rules_import.test_lsc import record, schema_record
from tests.schema.rules_import.test_own import RULES, SETTINGS
from tests.schema.rules_import.test_vmoc import ROW, text

from fieldsync.base.problems import Code, Refused
from fieldsync.schema.rules_import import Finding, Level, read_brought, read_own, read_vmoc, told_once, write_own

RECORD = "DbSchema_A.lifeSciConfigRecord-meta.xml"


def zipped(**files: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as packed:
        for name, content in files.items():
            packed.writestr(name.replace("__", "/") + ".lifeSciConfigRecord-meta.xml", content)
    return out.getvalue()


def test_each_file_is_read_by_the_reader_of_its_kind() -> None:
    ours, rows = write_own(RULES, SETTINGS), text(ROW)
    assert read_brought([("rules.json", ours)]) == read_own(ours, "rules.json")
    assert read_brought([("Export.CSV", rows)]) == read_vmoc(rows, "Export.CSV")
    for name, content in (
        ("lsc.json", json.dumps([record()]).encode()),
        (RECORD, schema_record().encode()),
        ("lsc.zip", zipped(main__default__lifeSciConfigRecords__DbSchema_A=schema_record())),
    ):
        assert [one.rule.object for one in read_brought([(name, content)]).rules] == ["Account"]


def test_several_files_are_one_configuration_in_their_order() -> None:
    found = read_brought([("v.csv", text(ROW)), ("a/b\\" + RECORD, schema_record().encode()), ("v.csv", text(ROW))])
    assert [one.place.file for one in found.rules] == ["v.csv", RECORD, "v.csv"]


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ([], "no file was chosen"),
        ([("a.json", b"{}")], "a.json"),
        ([("a.zip", b"no zip")], "it cannot be unpacked"),
        ([("a.zip", zipped())], "no configuration records"),
        ([("v.csv", text(ROW)), ("w.csv", b"a,b\n")], "line 1 names no column"),
    ],
)
def test_what_is_no_configuration_is_refused_as_a_whole(files: list[tuple[str, bytes]], reason: str) -> None:
    with pytest.raises(Refused) as refused:
        read_brought(files)
    assert refused.value.problem.code is Code.UNUSABLE
    assert reason in refused.value.problem.message


@pytest.mark.parametrize("name", ["..", "", "/", "\0", "../../etc/passwd", "é" * 400 + ".xml", "x" * 500])
def test_no_name_leads_a_file_elsewhere(name: str) -> None:
    [told] = read_brought([(name, b"no xml")]).findings
    assert told.level is Level.ERROR


def test_what_is_said_in_the_same_words_is_told_once_with_the_first_records() -> None:
    same = [Finding("f", f"R{number}", "x", "so", Level.WARNING) for number in range(5)]
    placed = Finding("f", "R9", "x", "so", Level.WARNING, line=2, column=7)
    first, second = told_once([*same, placed])
    assert (first.records, first.place) == ("R0, R1, R2 and 2 more", "")
    assert (second.records, second.place) == ("R9", "line 2, column 7")
