"""Applying a staged download: families in slices, each slice one short transaction, busy families to base images.

The same decisions as `apply`, as sets: what is in `_busy` waits, everything else becomes the rows. A slice holds whole
families, so nobody sees a part of one. Stopped anywhere and begun again, the end is the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from fieldsync.base.faults import reach
from fieldsync.base.ids import RecordId
from fieldsync.device.merge.apply import Applied, apply
from fieldsync.device.merge.base import BaseState
from fieldsync.device.merge.image import Image, Written, held_image
from fieldsync.device.store.objects import ObjectTable, ObjectTables, quoted
from fieldsync.device.store.staging import GONE, ROOT
from fieldsync.device.store.work import Work
from fieldsync.protocol.rows import RecordRef
from fieldsync.schema.standard import STAMP

WRITING_SECONDS_MAX = 0.05
"""How long one slice may hold the writing connection; the size of slices follows it."""
SLICE_ROOTS_FIRST, SLICE_ROOTS_MIN, SLICE_ROOTS_MAX = 200, 20, 5_000

_NOT_TAKEN_BACK = (
    f"NOT EXISTS (SELECT 1 FROM main._passed p WHERE p.id = s.Id AND p.gone AND (p.stamp = 0 OR p.stamp >= s.{STAMP}))"
)
"""Not a row that was removed since it was staged; empty unless an update lay ready for a while."""


@dataclass(frozen=True)
class Slice:
    """Families of one object whose root's id lies in `above` < id <= `through`; `through` None: to the end."""

    family: tuple[ObjectTable, ...]
    above: str
    through: str | None

    def within(self, expression: str) -> str:
        """A condition on a root's id; parameters `:above`, `:through` are written in as literals of base 62."""
        upper = "" if self.through is None else f" AND {expression} <= '{self.through}'"
        return f"{expression} > '{self.above}'{upper}"


def families(tables: ObjectTables) -> Iterator[tuple[ObjectTable, ...]]:
    """Every family, and every object without one as a family of its own; masters first."""
    for table in tables:
        if not table.way:
            yield tables.family(table.type.name)


def find_roots(work: Work, tables: ObjectTables) -> None:
    """Complete the staged rows' roots, where only the rows held here lead to them."""
    for table in tables:
        if len(table.way) > 1:
            parent, column = tables[table.way[0].parent], quoted(table.way[0].column)
            above = f"(SELECT {parent.root_of('p')} FROM main.{parent.name} p WHERE p.Id = {column})"
            work.run(f"UPDATE staging.{table.name} SET {ROOT} = coalesce({above}, Id) WHERE {ROOT} IS NULL")


def next_size(roots: int, seconds: float) -> int:
    """How many families the next slice may hold, so that it stays within its time. Pure."""
    if seconds > WRITING_SECONDS_MAX:
        return max(roots // 2, SLICE_ROOTS_MIN)
    if seconds < WRITING_SECONDS_MAX / 4:
        return min(roots * 2, SLICE_ROOTS_MAX)
    return roots


def next_slice(work: Work, family: tuple[ObjectTable, ...], above: str, roots: int) -> Slice:
    """The next families behind `above`, at most `roots` of them; `through` is None in the last slice."""
    parts = [f"SELECT {ROOT} AS r FROM staging.{t.name} WHERE {ROOT} > ?1" for t in family]
    union = " UNION ".join(parts)
    through = work.value(f"SELECT r FROM ({union}) ORDER BY r LIMIT 1 OFFSET ?2", above, roots - 1)
    return Slice(family, above, through)


def apply_slice(work: Work, tables: ObjectTables, part: Slice, *, forced: bool = False) -> Applied:
    """Carry out one slice. `forced`: versions may go back, because what is here was found to be wrong."""
    staged = list(_busy_images(work, part))
    reach("bulk.before_slice")
    done = apply(work, tables, staged, forced=forced, counted=True)
    for table in part.family:
        _copy(work, table, part, done, forced=forced)
    for table in part.family:
        done.written.removed += _remove_gone(work, table, part, forced=forced)
    reach("bulk.before_commit")
    return done


def _counted(work: Work, table: ObjectTable, source: str, which: str, *, forced: bool) -> Written:
    """What copying staged rows will come to. `source`: FROM, alias `s`; `which`: WHERE."""
    newer = "<>" if forced else ">"
    created, updated = work.rows(
        f"SELECT count(*) FILTER (WHERE t.Id IS NULL), count(*) FILTER (WHERE s.{STAMP} {newer} t.{STAMP})"
        f" {source} LEFT JOIN main.{table.name} t ON t.Id = s.Id {which}"
    )[0]
    return Written(created, updated)


def _copy(work: Work, table: ObjectTable, part: Slice, done: Applied, *, forced: bool) -> None:
    free = f"s.{ROOT} NOT IN (SELECT root FROM main._busy) AND s.Id NOT IN (SELECT id FROM main._base)"
    which = f"WHERE {part.within(f's.{ROOT}')} AND {free} AND {_NOT_TAKEN_BACK}"
    done.written.add(_counted(work, table, f"FROM staging.{table.name} s", which, forced=forced))
    source = f"FROM staging.{table.name} s {which}"
    work.run(table.copy_from(source, forced=forced).replace("INSERT INTO ", "INSERT INTO main.", 1))


def _remove_gone(work: Work, table: ObjectTable, part: Slice, *, forced: bool) -> int:
    """How many rows went."""
    root = table.root_of("t")
    older = "1" if forced else f"(g.{STAMP} = 0 OR t.{STAMP} <= g.{STAMP})"
    work.run(
        f"DELETE FROM main.{table.name} WHERE Id IN (SELECT t.Id FROM staging.{GONE} g"
        f" JOIN main.{table.name} t ON t.Id = g.Id WHERE g.object = ? AND {older}"
        f" AND {part.within(root)} AND {root} NOT IN (SELECT root FROM main._busy)"
        " AND g.Id NOT IN (SELECT id FROM main._passed WHERE NOT gone))",
        table.type.name,
    )
    removed: int = work.value("SELECT changes()")
    return removed


def _busy_images(work: Work, part: Slice) -> Iterator[Image]:
    """What a slice says about families that have to wait."""
    for table in part.family:
        columns = ", ".join(f"s.{quoted(c)}" for c in table.columns)
        waits = f"(s.{ROOT} IN (SELECT root FROM main._busy) OR s.Id IN (SELECT id FROM main._base))"
        busy = f"{waits} AND {part.within(f's.{ROOT}')}"
        for row in work.rows(f"SELECT {columns}, s.{STAMP} FROM staging.{table.name} s WHERE {busy}"):
            yield held_image(table, row)
        yield from _busy_gone(work, table, part)


def _busy_gone(work: Work, table: ObjectTable, part: Slice) -> Iterator[Image]:
    root = f"coalesce((SELECT b.root FROM main._base b WHERE b.id = g.Id), {_held_root(table)})"
    rows = work.rows(
        f"SELECT g.Id, g.{STAMP}, g.deleted FROM staging.{GONE} g WHERE g.object = ? AND {part.within(root)}"
        f" AND {root} IN (SELECT root FROM main._busy)",
        table.type.name,
    )
    for record_id, stamp, deleted in rows:
        state = BaseState.DELETED if deleted else BaseState.ABSENT
        yield Image(RecordRef(table.type.name, RecordId(record_id)), stamp, None, state)


def _held_root(table: ObjectTable) -> str:
    return f"(SELECT {table.root_of('t')} FROM main.{table.name} t WHERE t.Id = g.Id)"
