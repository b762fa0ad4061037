"""One load: the order of its steps. All lines or none; what is there already is left alone, unlogged."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from sqlalchemy import text

from fieldsync.base.problems import Code, Refused, problem
from fieldsync.schema.catalog import ObjectType
from fieldsync.server.bulk import staging as kinds
from fieldsync.server.bulk.lines import Fault, Faults, Lines, Values, read_lines, targets_of
from fieldsync.server.bulk.staging import Staging
from fieldsync.server.org.seed import Seeding, mint_ids, number_names
from fieldsync.server.postgres.connect import copy_in
from fieldsync.server.postgres.names import quoted

Told = Callable[[int], None]
"""Hears how many lines are read, every so often."""
TELL_EVERY_LINES = 1_000


@dataclass(frozen=True)
class Asked:
    """What to load, and how. `periods` are first days of months whose other rows go; `check` writes nothing."""

    object_name: str
    periods: Sequence[str] = ()
    check: bool = False


@dataclass(frozen=True)
class Loaded:
    """What became of a file; with faults, nothing did."""

    lines: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    removed: int = 0
    fault_count: int = 0
    faults: tuple[Fault, ...] = field(default=())


def load(seeding: Seeding, asked: Asked, source: Iterable[str], told: Told = lambda _: None) -> Loaded:
    """Load the lines of a file in the seeding's transaction, which the caller commits.

    Raises Refused: UNKNOWN_OBJECT, UNUSABLE for an object that is not loaded from files and for what is no CSV.
    """
    object_type, faults = _bulk_object(seeding, asked.object_name), Faults()
    try:
        lines = csv.reader(source, strict=True)
        targets = targets_of(seeding.catalog, object_type, next(iter(lines), []), faults)
        if faults.told:
            return _refused(0, faults)
        staging = Staging(seeding, object_type, targets)
        count = _receive(staging, lines, faults, told)
    except (csv.Error, UnicodeDecodeError) as wrong:
        raise Refused(problem(Code.UNUSABLE, what="The file", reason=str(wrong))) from None
    _lock(staging)
    _check(staging, faults)
    if faults.told:
        return _refused(count, faults)
    _compare(staging, asked)
    if not asked.check:
        _write(staging)
    return _told(staging, count)


def _bulk_object(seeding: Seeding, name: str) -> ObjectType:
    if name not in seeding.catalog:
        raise Refused(problem(Code.UNKNOWN_OBJECT, object=name))
    found = seeding.catalog[name]
    if found.declared.bulk is None:
        reason = "its records are saved, not loaded from files"
        raise Refused(problem(Code.UNUSABLE, what=name, reason=reason))
    return found


def _receive(staging: Staging, lines: Lines, faults: Faults, told: Told) -> int:
    """Stream the lines into the staging table; how many there were without a fault."""
    connection = staging.seeding.connection
    staging.staged.create(connection)
    counted = _Counted(told)
    copy_in(connection, staging.received, counted.rows(read_lines(lines, staging.targets, faults)))
    connection.execute(text("ANALYZE _staged"))
    return counted.count


@dataclass
class _Counted:
    told: Told
    count: int = 0

    def rows(self, lines: Iterable[tuple[int, Values]]) -> Iterator[tuple[object, ...]]:
        for line, values in lines:
            self.count += 1
            if self.count % TELL_EVERY_LINES == 0:
                self.told(self.count)
            yield (line, *values)


def _lock(staging: Staging) -> None:
    """One load of an object at a time; saves never write it, deletes of masters wait."""
    name = quoted(staging.object_type.name)
    staging.seeding.connection.execute(text(f"LOCK TABLE {name} IN SHARE ROW EXCLUSIVE MODE"))


def _check(staging: Staging, faults: Faults) -> None:
    """References and repeated keys, for all lines at once."""
    connection = staging.seeding.connection
    for number, target in enumerate(staging.targets):
        if target.external is not None:
            connection.execute(staging.find(number))
        if target.field.references is not None:
            connection.execute(staging.keep_referred(target))
            for line, said in connection.execute(staging.missing(number)):
                missing = problem(Code.INVALID_REF, field=target.heading, value=said)
                faults.add(line, target.heading, missing.message)
    for line, first in connection.execute(staging.repeated()):
        faults.add(line, "", f"It is about the same as line {first}.")


def _compare(staging: Staging, asked: Asked) -> None:
    connection = staging.seeding.connection
    connection.execute(staging.compare())
    if asked.periods:
        periods = list(asked.periods)
        there = {day.isoformat() for day in connection.execute(staging.periods(), {"periods": periods}).scalars()}
        for period in periods:
            if period not in there:
                what, reason = f"The period {period}", "the file has no line of it"
                raise Refused(problem(Code.UNUSABLE, what=what, reason=reason))
        connection.execute(staging.leave_out(), {"periods": periods})


def _write(staging: Staging) -> None:
    """New rows get their ids in chunks; everything else is one statement each."""
    seeding, name = staging.seeding, staging.object_type.name
    while lines := list(seeding.connection.execute(staging.new_lines()).scalars()):
        ids, names = mint_ids(seeding, name, len(lines)), number_names(seeding, name, len(lines))
        seeding.connection.execute(staging.name_new(), {"lines": lines, "ids": ids, "names": names})
    for statement in (staging.create(), staging.change(), staging.delete(), staging.log()):
        seeding.connection.execute(statement)


def _told(staging: Staging, lines: int) -> Loaded:
    found: dict[str | None, int] = {
        kind: int(count) for kind, count in staging.seeding.connection.execute(staging.counts())
    }
    return Loaded(
        lines=lines,
        created=found.get(kinds.CREATED, 0) + found.get(None, 0),
        updated=found.get(kinds.UPDATED, 0) + found.get(kinds.REVIVED, 0),
        unchanged=found.get(kinds.SAME, 0),
        removed=found.get(kinds.DELETED, 0),
    )


def _refused(lines: int, faults: Faults) -> Loaded:
    told = sorted(faults.told, key=lambda fault: (fault.line, fault.column))
    return Loaded(lines=lines, fault_count=faults.count, faults=tuple(told))
