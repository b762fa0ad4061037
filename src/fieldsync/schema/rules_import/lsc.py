"""Reading the sync configuration of Life Sciences Cloud: a folder of metadata files, one file of it, or JSON."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from fieldsync.schema.rules_import.json_text import json_value
from fieldsync.schema.rules_import.lsc_record import DB_SCHEMA, ConfigRecord, json_records, xml_record
from fieldsync.schema.rules_import.lsc_rules import read_rule
from fieldsync.schema.rules_import.lsc_settings import TAKEN, read_settings
from fieldsync.schema.rules_import.report import Configuration, Level, Place, Reading, unusable
from fieldsync.schema.sfdx.files import content, open_project, source_files
from fieldsync.schema.sfdx.report import Notes

RECORD_KIND, CATEGORY_KIND = "lifeSciConfigRecord", "lifeSciConfigCategory"


def read_lsc(path: Path) -> Configuration:
    """The configuration at `path`: a folder is searched for metadata files, below it too.

    Raises Refused(UNUSABLE) when there is none, and OSError.
    """
    reading = Reading()
    count = 0
    for record in _records(path, reading):
        count += 1
        _read(record, reading)
    if not count and not reading.findings:
        raise unusable(str(path), "no configuration records of Life Sciences Cloud were found in it")
    return reading.done()


def _records(path: Path, reading: Reading) -> Iterator[ConfigRecord]:
    if path.is_dir():
        yield from _folder(path, reading)
    elif path.suffix.lower() == ".json":
        yield from json_records(json_value(path.read_bytes(), path.name), path.name, reading)
    else:
        found = xml_record(path.read_bytes(), path.name, path.name.partition(".")[0], reading)
        yield from [found] if found is not None else []


def _folder(path: Path, reading: Reading) -> Iterator[ConfigRecord]:
    notes, other = Notes(), 0
    for file in source_files(open_project(path, notes), notes):
        if file.kind != RECORD_KIND:
            other += file.kind != CATEGORY_KIND
            continue
        data = content(file, notes)
        found = xml_record(data, file.shown, file.name, reading) if data is not None else None
        if found is not None:
            yield found
    for issue in notes.sorted():
        reading.note(Place(issue.file, issue.file), issue.element, issue.reason, Level(issue.level.value))
    if other:
        sentence = f"{other} files are no configuration records and are left out"
        reading.note(Place(path.name, path.name), "file", sentence, Level.IGNORED)


def _read(record: ConfigRecord, reading: Reading) -> None:
    if record.category == DB_SCHEMA:
        read_rule(record, reading)
    elif record.category in TAKEN:
        read_settings(record, reading)
    else:
        sentence = f"records of the category {record.category or '(none)'} are not taken over"
        reading.note(record.place, "lifeSciConfigCategory", sentence)
