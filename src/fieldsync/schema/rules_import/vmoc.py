"""Reading exported VMOC rows (VMobile object configurations) from CSV into sync rules.

The header names columns by API name of either generation or by label. A row that cannot be a rule is told with its
line; the others are read on.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fieldsync.base import ids
from fieldsync.schema.rules_import.json_text import FILE_BYTES_MAX
from fieldsync.schema.rules_import.report import Configuration, Finding, Level, Place, Reading, ReadRule, unusable
from fieldsync.schema.rules_import.vmoc_tables import COLUMNS, DEVICES, FLAGS, IGNORED, STATES, TYPES, plain
from fieldsync.schema.sync_rule import LISTS, RuleType, SyncRule

_FLAGGED = ("active", "enhanced", "metadata_only", "include_related", "include_attachments")
_WHERE = re.compile(r"\s*where\s+", re.IGNORECASE)
_FORMULA = re.compile(r"\s*(?:[=+\-\t\r]|@(?!@))")


@dataclass(frozen=True)
class _Header:
    """The columns as they are called, and the attributes they hold; None for a column that is not taken."""

    names: tuple[str, ...]
    attributes: tuple[str | None, ...]

    def called(self) -> dict[str, str]:
        """Attribute to column."""
        return {found: name for name, found in zip(self.names, self.attributes, strict=True) if found}


@dataclass(frozen=True)
class _Row:
    """One row: the line it begins on, and its cells by attribute."""

    line: int
    place: Place
    cells: Mapping[str, str]
    header: _Header
    reading: Reading

    def wrong(self, attribute: str, sentence: str, level: Level = Level.ERROR) -> None:
        """Tell one thing of a cell."""
        name = self.header.called().get(attribute, attribute)
        self.reading.findings.append(Finding(self.place.file, self.place.record, name, sentence, level, line=self.line))

    def text(self, attribute: str) -> str | None:
        """A cell without space around it; None when it is empty or not there."""
        return self.cells.get(attribute, "").strip() or None


def read_vmoc(data: bytes, file: str) -> Configuration:
    """The rules of a CSV file of VMOC rows. Raises Refused(UNUSABLE) when it cannot be read as such."""
    reading = Reading()
    if len(data) > FILE_BYTES_MAX:
        raise unusable(file, f"it is larger than {FILE_BYTES_MAX} bytes")
    try:
        lines = csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""), strict=True)
    except UnicodeDecodeError as bad:
        raise unusable(file, f"it is not UTF-8 text: byte {bad.start + 1}") from None
    try:
        header = _header(next(lines, []), file, reading)
        for row in _rows(lines, header, file, reading):
            rule = _rule(row)
            if rule is not None:
                reading.rules.append(ReadRule(rule, row.place, header.called()))
    except csv.Error as bad:
        sentence = f"from line {lines.line_num} on it is no CSV ({bad})"
        place = f"line {lines.line_num}"
        reading.findings.append(Finding(file, place, "", sentence, Level.ERROR, line=lines.line_num))
    return reading.done()


def _header(names: list[str], file: str, reading: Reading) -> _Header:
    """What the columns are. Raises Refused(UNUSABLE) without an object and a device, and for a column twice."""
    attributes: list[str | None] = []
    for name in names:
        key = plain(name)
        attribute = COLUMNS.get(key)
        if attribute is not None and attribute in attributes:
            raise unusable(file, f"line 1: the column {name} holds what another one holds")
        attributes.append(attribute)
        level, sentence = (Level.IGNORED, IGNORED[key]) if key in IGNORED else (Level.UNSUPPORTED, "")
        if attribute is None:
            shown = sentence or "this column has no meaning here"
            reading.findings.append(Finding(file, "line 1", name, shown, level, line=1))
    missing = [wanted for wanted in ("object", "device", "type") if wanted not in attributes]
    if missing:
        hint = "; cells are separated by commas" if len(names) < 2 else ""
        raise unusable(file, f"line 1 names no column for {', '.join(missing)}{hint}")
    return _Header(tuple(names), tuple(attributes))


def _rows(lines: Any, header: _Header, file: str, reading: Reading) -> Iterator[_Row]:
    ended = lines.line_num
    for cells in lines:
        line, ended = ended + 1, lines.line_num
        if not cells:
            continue
        if len(cells) != len(header.names):
            sentence = f"it has {len(cells)} cells, the header {len(header.names)}"
            reading.findings.append(Finding(file, f"line {line}", "", sentence, Level.ERROR, line=line))
            continue
        known = {found: cell for found, cell in zip(header.attributes, cells, strict=True) if found}
        name = known.get("name", "").strip()
        place = Place(file, f"{name} (line {line})" if name else f"line {line}")
        yield _Row(line, place, known, header, reading)


def _rule(row: _Row) -> SyncRule | None:
    """The rule of a row; None, and why is told, for a row that is none."""
    told = len(row.reading.findings)
    for attribute, cell in row.cells.items():
        if _FORMULA.match(cell):
            row.wrong(attribute, "the cell begins as a spreadsheet formula does")
        elif "\x00" in cell:
            row.wrong(attribute, "the cell holds a character that cannot be stored")
    given: dict[str, Any] = {name: _flag(row, name) for name in _FLAGGED}
    given["active"] = given["active"] is not False and _is_active(row)
    given |= {name: _names(row, name) for name in LISTS}
    texts = ("object", "profile", "application_profile", "parent_object", "relationship_field")
    given |= {name: row.text(name) for name in texts}
    given["where"] = _WHERE.sub("", row.text("where") or "", count=1) or None
    given["profile_id"] = _profile_id(row)
    given["device"] = _coded(row, "device", DEVICES)
    given["type"] = _coded(row, "type", TYPES)
    if given["enhanced"] and given["type"] is RuleType.RELATED:
        said = "enhanced sync of what comes with its parent is done twice where it comes from; here it is done once"
        row.wrong("enhanced", said, Level.WARNING)
    if given["object"] is None:
        row.wrong("object", "the row names no object")
    if any(finding.level in (Level.ERROR, Level.UNSUPPORTED) for finding in row.reading.findings[told:]):
        return None
    return SyncRule(**{name: value for name, value in given.items() if value is not None})


def _coded(row: _Row, attribute: str, table: Mapping[str, Any]) -> Any:
    text = row.text(attribute)
    if text is None:
        row.wrong(attribute, f"the row names no {attribute}")
        return None
    found = table.get(plain(text))
    if found is None:
        row.wrong(attribute, f"there is no {attribute} {text} here; the row is not taken over", Level.UNSUPPORTED)
    return found


def _flag(row: _Row, attribute: str) -> bool | None:
    """What a cell says; an empty one says no, as an empty check box does. None without the column."""
    if attribute not in row.cells:
        return None
    text = row.text(attribute) or "false"
    found = FLAGS.get(text.lower())
    if found is None:
        row.wrong(attribute, f"{text} is neither true nor false")
    return found


def _is_active(row: _Row) -> bool:
    text = row.text("status")
    found = True if text is None else STATES.get(plain(text))
    if found is None:
        row.wrong("status", f"{text} is neither active nor inactive")
    return bool(found)


def _profile_id(row: _Row) -> str | None:
    """With all of its 18 characters, whichever way it was written (FEATURES A13)."""
    text = row.text("profile_id")
    if text is None:
        return None
    try:
        return ids.parse(text)
    except ids.BadId:
        row.wrong("profile_id", f"{text} is no id: it has 15 characters, or 18 of which the last three fit the others")
        return None


def _names(row: _Row, attribute: str) -> tuple[str, ...]:
    return tuple(part for part in re.split(r"[,;\s]+", row.cells.get(attribute, "")) if part)
