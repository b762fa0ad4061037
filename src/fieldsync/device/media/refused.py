"""Files that were made here and are not on the server: what they are called, and which the server does not take. Those
are told to the person, and kept until he gives them up."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from fieldsync.base.problems import Code, Problem, problem
from fieldsync.device.media.said import is_taken_back
from fieldsync.device.media.texts import field_of, record_of
from fieldsync.device.store.media.files import Held
from fieldsync.device.store.objects import ObjectTables
from fieldsync.device.store.records import read_row
from fieldsync.device.store.work import Work


@dataclass(frozen=True)
class NotTaken:
    """One of them. `here`: whether its record is on this device."""

    held: Held
    name: str
    problem: Problem
    here: bool

    @property
    def record_id(self) -> str:
        """Whose file it is."""
        return record_of(self.held.id)

    @property
    def is_text(self) -> bool:
        """Whether it is the text of a field."""
        return bool(field_of(self.held.id))


def not_taken(work: Work, tables: ObjectTables, held: Iterable[Held]) -> list[NotTaken]:
    """What of these the server refused, and is still what a row here means, or may mean."""
    found = (one for one in held if one.refused and one.outgoing)
    return [_told(work, tables, one) for one in found if not is_taken_back(work, tables, one)]


def unsent(work: Work, tables: ObjectTables, held: Iterable[Held]) -> list[str]:
    """What of these is only here, by name."""
    found = (one for one in held if one.outgoing and not is_taken_back(work, tables, one))
    return [_named(work, tables, one)[0] for one in found]


def _told(work: Work, tables: ObjectTables, one: Held) -> NotTaken:
    file_of, here = _named(work, tables, one)
    field = field_of(one.id) or None
    why = problem(Code.FILE_REFUSED, object=one.object, id=record_of(one.id), field=field, what=file_of)
    return NotTaken(one, file_of, why, here)


def _named(work: Work, tables: ObjectTables, one: Held) -> tuple[str, bool]:
    """What a person calls a file, its record's name and its field's label; and whether the record is here."""
    field, row, name, label = field_of(one.id), None, "", ""
    if one.object in tables:
        table = tables[one.object]
        row = read_row(work, table, record_of(one.id))
        name = str((row.values.get("Name") if row is not None else "") or table.type.label)
        label = (table.type.fields[field].label or "") if field in table.type.fields else ""
    what = ": ".join(part for part in (name or one.object, label or field) if part)
    return what, row is not None
