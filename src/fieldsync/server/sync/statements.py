"""Every statement the read side runs: response images, feed, downloads. Built from the catalog, compiled once.

Rows leave PostgreSQL as JSON arrays in wire order, so that no row is touched on its way to a device.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    ClauseElement,
    ColumnElement,
    FromClause,
    MetaData,
    Table,
    Text,
    any_,
    bindparam,
    cast,
    func,
    or_,
    select,
)

from fieldsync.formula.catalog import CatalogFormulas
from fieldsync.schema.catalog import Catalog
from fieldsync.schema.standard import STAMP
from fieldsync.server.postgres.compiled import Statement, compile_statement
from fieldsync.server.postgres.formulas import FormulaColumns


class ReadStatements:
    """The read side's statements for one catalog."""

    def __init__(self, catalog: Catalog, metadata: MetaData, formulas: CatalogFormulas) -> None:
        self._catalog = catalog
        self._tables = metadata.tables
        self._formulas = FormulaColumns(formulas, metadata)
        self.place = compile_statement(_place(self._tables["_epoch"]))
        self.epochs = compile_statement(_epochs(self._tables["_epoch"]))
        self.head = compile_statement(_head(self._tables["_user_head"]))
        self.feed = compile_statement(_feed(self._tables["_change"]))
        self.changes = compile_statement(_changes(self._tables["_change"]))
        self.readers = tuple(_reader(self._tables["_change"], *found) for found in self._formulas.readers())
        """(object, query): its records whose formulas read what was written and is not visible in the snapshot."""
        self._cached = lru_cache(maxsize=4_096)(self._build)

    def wire_columns(self, object_name: str) -> tuple[str, ...]:
        """Columns of an object on the wire: stamp, id, the rest, and the formula fields that travel."""
        return (STAMP, *self._catalog[object_name].columns, *self._formulas.names(object_name))

    def rows(self, object_name: str) -> Statement:
        """(id, deleted, stamp, wire row) of these ids."""
        return self._cached("rows", object_name)

    def all_rows(self, object_name: str) -> Statement:
        """Wire rows of every record that is not deleted."""
        return self._cached("all_rows", object_name)

    def rows_behind(self, object_name: str) -> Statement:
        """As `all_rows`, in order of ids, from behind the id `after`: one that is cut can be continued."""
        return self._cached("rows_behind", object_name)

    def details(self, object_name: str, reference: str) -> Statement:
        """(id, master id, wire row) of the present details of these masters."""
        return self._cached("details", object_name, reference)

    def _build(self, kind: str, object_name: str, reference: str = "") -> Statement:
        computed = self._formulas.of(object_name)
        table, stamp = computed.table, computed.stamp
        held = [table.c[name] for name in self._catalog[object_name].columns]
        row = cast(func.json_build_array(stamp, *held, *computed.columns.values()), Text)
        match kind:
            case "rows":
                query = select(table.c.Id, table.c.IsDeleted, stamp, row).select_from(computed.source)
                return compile_statement(query.where(table.c.Id == any_(bindparam("ids"))).order_by(table.c.Id))
            case "all_rows":
                present = select(row).select_from(computed.source).where(table.c.IsDeleted.is_(False))
                return compile_statement(present)
            case "rows_behind":
                behind = (table.c.Id > bindparam("after", type_=Text)) & table.c.IsDeleted.is_(False)
                return compile_statement(select(row).select_from(computed.source).where(behind).order_by(table.c.Id))
            case "details":
                master = table.c[reference]
                found = select(table.c.Id, master, row).select_from(computed.source)
                details = found.where(master == any_(bindparam("ids")), table.c.IsDeleted.is_(False))
                return compile_statement(details.order_by(table.c.Id))
            case _:
                raise AssertionError(kind)


def _place(epoch: Table) -> ClauseElement:
    """The snapshot of this transaction, and the newest epoch."""
    snapshot = cast(func.pg_current_snapshot(), Text)
    return select(snapshot, epoch.c.number, epoch.c.nonce, epoch.c.offset).order_by(epoch.c.number.desc()).limit(1)


def _epochs(epoch: Table) -> ClauseElement:
    names = ("number", "nonce", "first_stamp", "offset", "cluster", "server_number")
    return select(*[epoch.c[name] for name in names]).order_by(epoch.c.number)


def _head(head: Table) -> ClauseElement:
    return select(head.c.position, head.c.floor, head.c.revoked).where(head.c.user_id == bindparam("user"))


def _feed(change: Table) -> ClauseElement:
    columns = ("feed_position", "kind", "transaction_id", "root_object", "root_id", "device")
    mine = (change.c.feed_user == bindparam("user")) & (change.c.feed_position > bindparam("after"))
    query = select(*[change.c[name] for name in columns]).where(mine)
    return query.order_by(change.c.feed_position).limit(bindparam("limit"))


def _changes(change: Table) -> ClauseElement:
    """What was written and is not visible in the snapshot (xmin, xmax, those in progress): see DESIGN 5."""
    return select(change.c.object, change.c.id).where(_is_new(change)).distinct()


def _is_new(change: Table) -> ColumnElement[bool]:
    stamp, xmin, xmax = change.c.stamp, bindparam("xmin", type_=BigInteger), bindparam("xmax", type_=BigInteger)
    not_seen = (stamp >= xmin) & ((stamp >= xmax) | (stamp == any_(bindparam("running"))))
    written = (change.c.kind != "fed") & (change.c.kind != "outcome")
    return not_seen & written & (change.c.day >= bindparam("since"))


def _reader(
    change: Table, reader: str, target: str, source: FromClause, table: Table, above: Any, columns: tuple[str, ...]
) -> tuple[str, Statement]:
    """Ids of the reader's records above which a change wrote one of these columns."""
    joined = source.join(change, (change.c.object == target) & (change.c.id == above.c.Id))
    changed = [change.c.old.has_key(c) for c in columns]
    rows = select(table.c.Id).select_from(joined).where(_is_new(change), or_(*changed))
    return reader, compile_statement(rows.distinct())
