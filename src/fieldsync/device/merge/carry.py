"""Moving into a new database: what the person has here and the server has not goes with him (DESIGN 9, FEATURES E10).

The new file holds the server's rows and nothing else. The queue, errors, open pages, drafts and reports are copied. A
family that anything is open, pending or failed on keeps the rows the person sees; the server's version of it is filed
by `apply`, as if it had just arrived: the same decisions as everywhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from fieldsync.base.faults import reach
from fieldsync.base.ids import RecordId
from fieldsync.device.merge.apply import Applied, apply
from fieldsync.device.merge.base import BaseState
from fieldsync.device.merge.image import Image, held_image
from fieldsync.device.merge.merged import follow_merges
from fieldsync.device.store.objects import ObjectTable, ObjectTables, quoted
from fieldsync.device.store.work import Work
from fieldsync.protocol.rows import RecordRef

_MINE = "(SELECT id FROM temp.mine)"


def carry_over(
    work: Work, tables: ObjectTables, *, forced: bool, merged: Iterable[tuple[RecordRef, RecordId]] = ()
) -> Applied:
    """`work` is a transaction in the new file, with the one that people work in attached as `old`.

    `forced`: versions may go back, because the server's own history did. `merged`: losers and winners; what the person
    has here may name records that are no more.
    """
    _copy_kept(work)
    reach("carry.before_families")
    _find_mine(work, tables)
    images = [image for table in tables for image in _server_versions(work, table)]
    for table in tables:
        work.run(f"DELETE FROM main.{table.name} WHERE Id IN {_MINE}")
        work.run(table.copy_from(f"FROM old.{table.name} s WHERE s.Id IN {_MINE}", forced=True))
    work.run("DROP TABLE temp.mine")
    reach("carry.before_images")
    done = apply(work, tables, images, forced=forced)
    done.changed.update(dict.fromkeys(follow_merges(work, tables, merged)))
    return done


def _copy_kept(work: Work) -> None:
    """The engine's own tables, all of them. Families came whole, so none is partial any more."""
    here = {name for (name,) in work.rows("SELECT name FROM main.sqlite_master WHERE type = 'table'")}
    for name, made_by in work.rows("SELECT name, sql FROM old.sqlite_master WHERE type = 'table'"):
        if not name.startswith("_"):
            continue
        if name not in here:
            work.run(made_by)
        columns = ", ".join(quoted(row[1]) for row in work.rows(f"PRAGMA main.table_info({quoted(name)})"))
        work.run(f"DELETE FROM main.{quoted(name)}")
        work.run(f"INSERT INTO main.{quoted(name)} ({columns}) SELECT {columns} FROM old.{quoted(name)}")
    work.run("DELETE FROM main._partial")
    work.run("DELETE FROM main._base WHERE root NOT IN (SELECT root FROM main._busy)")


def _find_mine(work: Work, tables: ObjectTables) -> None:
    """Every record of a family the person is busy with, here or on the server, masters before details."""
    work.run("CREATE TEMP TABLE mine (id TEXT PRIMARY KEY NOT NULL) WITHOUT ROWID")
    work.run("INSERT OR IGNORE INTO temp.mine SELECT root FROM main._busy UNION SELECT id FROM main._base")
    for table in tables:
        if table.way:
            master = quoted(table.way[0].column)
            for place in ("old", "main"):
                details = f"SELECT Id FROM {place}.{table.name} WHERE {master} IN {_MINE}"
                work.run(f"INSERT OR IGNORE INTO temp.mine {details}")


def _server_versions(work: Work, table: ObjectTable) -> Iterator[Image]:
    """What the server has of these records: rows, or that it has none."""
    for row in work.rows(f"{table.select} WHERE Id IN {_MINE}"):
        yield held_image(table, row)
    missing = work.rows(
        f"SELECT Id FROM old.{table.name} WHERE Id IN {_MINE} AND Id NOT IN (SELECT Id FROM main.{table.name})"
        f" UNION SELECT id FROM main._base WHERE object = ? AND id NOT IN (SELECT Id FROM main.{table.name})",
        table.type.name,
    )
    for (record_id,) in missing:
        yield Image(RecordRef(table.type.name, RecordId(record_id)), 0, None, BaseState.ABSENT)
