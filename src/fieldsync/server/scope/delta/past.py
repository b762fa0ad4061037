"""The rows as they were at a checkpoint, put together from the rows of now and the change log.

What no change since has touched is as it is; what was touched gets back the values its columns held before its first
change. A condition that is compiled with `PastWriter` says what a device was to have then, exactly, also where several
objects take part.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import (
    CTE,
    BigInteger,
    FromClause,
    Select,
    Table,
    any_,
    bindparam,
    func,
    literal,
    literal_column,
    or_,
    select,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY, TEXT, aggregate_order_by

from fieldsync.soql.sql.writer import PostgresWriter, Row
from fieldsync.soql.values import Slot

Route = list[str] | Slot
"""Keys of routes (`route_key`), or a slot for them."""


def is_new(change: Any) -> Any:
    """Not visible in the snapshot bound as xmin, xmax and those in progress (DESIGN 5)."""
    stamp, xmin, xmax = change.c.stamp, bindparam("xmin", type_=BigInteger), bindparam("xmax", type_=BigInteger)
    not_seen = (stamp >= xmin) & ((stamp >= xmax) | (stamp == any_(bindparam("running", type_=ARRAY(BigInteger)))))
    return not_seen & (change.c.day >= bindparam("since")) & (change.c.day <= bindparam("until"))


def is_written(change: Any) -> Any:
    """A row was written; the other entries only announce. Literally what the log's index by object is made of."""
    return (change.c.kind != literal_column("'fed'")) & (change.c.kind != literal_column("'outcome'"))


def _announces(change: Any) -> Any:
    """The contrary of `is_written`, said so that the log's index by object does not serve."""
    return func.coalesce(change.c.kind == any_(literal(["fed", "outcome"], ARRAY(TEXT))), literal_column("false"))


def written(change: Table, name: str, label: str, columns: Sequence[str], route: Route | None) -> list[Any]:
    """Queries of these columns of the entries that tell of a written row of an object, none twice.

    `route`: only of rows whose route has one of these keys, or had; None: of any row. A route is asked for without
    the object beside it, so that nothing but its index serves, whatever PostgreSQL believes of the newest entries.
    """
    if route is None:
        log = change.alias(f"log_{label}")
        return [_entries(log, columns).where(log.c.object == name)]
    keys = literal(route, ARRAY(TEXT))
    is_on, was_on = (change.alias(f"log_{label}_{which}") for which in ("on", "left"))
    is_known = func.coalesce(was_on.c.route == any_(keys), literal_column("false"))
    return [
        _entries(is_on, columns).where(is_on.c.route == any_(keys)),
        _entries(was_on, columns).where(was_on.c.route_before == any_(keys), ~is_known),
    ]


def written_behind(change: Table, label: str, columns: Sequence[str], route: Route) -> Select[Any]:
    """What happened to rows after they left the route: the entries of theirs that `written` does not name.

    Mostly there are none: only the index by row may serve, else all that others wrote is looked through for them.
    """
    keys = literal(route, ARRAY(TEXT))
    later, left = change.alias(f"log_{label}_behind"), change.alias(f"log_{label}_gone")
    gone = select(left.c.id).where(is_new(left), ~_announces(left), left.c.route_before == any_(keys))
    named = (
        func.coalesce(column == any_(keys), literal_column("false")) for column in (later.c.route, later.c.route_before)
    )
    of_those = later.c.id == any_(func.array(gone.scalar_subquery()))
    found = select(*[later.c[column] for column in columns]).where(is_new(later), ~_announces(later), of_those)
    return found.where(*(~one for one in named))


def _entries(log: Any, columns: Sequence[str]) -> Select[Any]:
    return select(*[log.c[column] for column in columns]).where(is_new(log), is_written(log))


def touched(change: Table, name: str, columns: Iterable[str], label: str, route: Route | None = None) -> CTE:
    """(id, born, old): records of which one of these columns was written, with what the row's columns held."""
    read = ("id", "kind", "version", "stamp", "seq", "old")
    parts = written(change, name, label, read, route)
    if route is not None:
        parts.append(written_behind(change, label, read, route))
    entries: Any = union_all(*parts).subquery(f"entries_{label}")
    each = func.jsonb_each(entries.c.old).table_valued("key", "value").render_derived(name=f"each_{label}").lateral()
    # The version of an older transaction that came late may be the stamp of the one that wrote next.
    newest = (entries.c.version.desc(), entries.c.stamp.desc(), entries.c.seq.desc())
    held = func.jsonb_object_agg(each.c.key, aggregate_order_by(each.c.value, *newest))
    found = select(
        entries.c.id.label("id"),
        func.bool_or(entries.c.kind == "created").label("born"),
        func.coalesce(held.filter(each.c.key.is_not(None)), literal_column("'{}'::jsonb")).label("old"),
    ).select_from(entries.outerjoin(each, literal_column("true")))
    watched = literal(sorted({*columns, "IsDeleted"}), ARRAY(TEXT))
    found = found.where(or_(entries.c.kind == "created", entries.c.kind == "purged", entries.c.old.op("?|")(watched)))
    return found.group_by(entries.c.id).cte(label)


def route_key(object_name: str, value: str) -> str:
    """How the change log names the route of a row: its object, and the folded value of its route field."""
    return f"{object_name}:{value}"


@dataclass(frozen=True)
class PastWriter(PostgresWriter):
    """Writes for the tables as they were; `changes` are those that were touched since, with how."""

    tables: Mapping[str, Table] = field(default_factory=dict)
    changes: Mapping[str, CTE] = field(default_factory=dict)
    columns: Mapping[str, Collection[str]] | None = None
    """What is read of each object beside id and mark of deletion, where that is known."""

    def row(self, object_name: str, alias: str) -> Row:
        if object_name not in self.changes:
            return super().row(object_name, alias)
        return self.past(object_name).subquery(alias)  # type: ignore[no-any-return,attr-defined]

    def past(self, object_name: str) -> FromClause:
        """Every row of an object as it was."""
        return union_all(self._untouched(object_name), self.changed(object_name))  # type: ignore[return-value]

    def changed(self, object_name: str) -> Any:
        """The rows that were touched, as they were."""
        names, change = self._names(object_name), self.changes[object_name]
        now = self.tables[object_name].alias(f"now_{object_name}")
        whole: Any = literal_column(f'"{now.name}"')
        was = func.jsonb_populate_record(whole, change.c.old).table_valued(*names, name=f"was_{object_name}").lateral()
        joined = change.outerjoin(now, now.c.Id == change.c.id).join(was, literal_column("true"))
        columns = [change.c.id.label("Id") if name == "Id" else was.c[name].label(name) for name in names]
        return select(*columns).select_from(joined).where(change.c.born.is_(False))

    def _names(self, object_name: str) -> list[str]:
        names = self.catalog[object_name].columns
        if self.columns is None:
            return list(names)
        read = {"Id", "IsDeleted", *self.columns.get(object_name, ())}
        return [name for name in names if name in read]

    def _untouched(self, object_name: str) -> Any:
        names, change = self._names(object_name), self.changes[object_name]
        table = self.tables[object_name].alias(f"same_{object_name}")
        return select(*[table.c[name].label(name) for name in names]).where(table.c.Id.not_in(select(change.c.id)))
