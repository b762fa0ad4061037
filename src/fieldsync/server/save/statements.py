"""Every statement the save pipeline runs, built from the catalog's tables and compiled once.

All of them work on sets: ids come as one array, rows as one JSON document that PostgreSQL unpacks. So a batch of 500
records costs as many statements as a batch of one.
"""

from __future__ import annotations

from functools import lru_cache

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ClauseElement,
    ColumnElement,
    MetaData,
    Select,
    Table,
    Text,
    any_,
    bindparam,
    cast,
    delete,
    func,
    insert,
    literal,
    literal_column,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.dialects.postgresql import insert as upsert

from fieldsync.schema.catalog import Catalog
from fieldsync.server.postgres.compiled import Statement, compile_statement
from fieldsync.server.postgres.json_rows import merged, unpacked
from fieldsync.server.postgres.names import RECORD_COUNTER, auto_number_sequence

DEFERRED, GROUPED, STEP_LOG = ON_ARRIVAL = ["Deferred_Processing", "Group_Items", "Step_Log"]
"""Settings that say how what devices send is processed."""


def insert_rows(table: Table) -> ClauseElement:
    """Insert the bound rows into every column of `table`."""
    values = merged((c.name, c.type) for c in table.c)
    return insert(table).from_select(list(values), select(*values.values()))


def ids_in(target: ColumnElement[str], name: str = "ids") -> ColumnElement[bool]:
    """`target` is one of the ids bound as an array."""
    return target == any_(bindparam(name))


class SaveStatements:
    """The pipeline's statements for one catalog."""

    def __init__(self, catalog: Catalog, metadata: MetaData) -> None:
        self._catalog = catalog
        self._tables = metadata.tables
        self.lock_head = compile_statement(_lock_head(self._tables))
        self.move_head = compile_statement(_move_head(self._tables["_user_head"]))
        self.receipts = compile_statement(_receipts(self._tables["_receipt"]))
        self.device_heads = compile_statement(_device_heads(self._tables))
        self.move_device = compile_statement(_move_device(self._tables["_device_number"]))
        self.blocked = compile_statement(_blocked(self._tables["_blocked"]))
        self.add_blocked = compile_statement(insert_rows(self._tables["_blocked"]))
        self.add_receipts = compile_statement(_add_receipts(self._tables["_receipt"]))
        self.add_changes = compile_statement(insert_rows(self._tables["_change"]))
        self.unblock = compile_statement(_unblock(self._tables["_blocked"]))
        self.keep_undecided = compile_statement(_keep_undecided(self._tables["_undecided"]))
        undecided, journaled = self._tables["_undecided"], self._tables["Sync_Transaction_Record"]
        mine = (undecided.c.device == bindparam("device")) & ids_in(undecided.c.n, "ns")
        self.forget_undecided = compile_statement(delete(undecided).where(mine))
        self.drop_undecided = compile_statement(delete(undecided).where(ids_in(undecided.c.record_id)))
        self.drop_journaled = compile_statement(delete(journaled).where(ids_in(journaled.c.Sync_TransactionId)))
        self.parts = compile_statement(_parts(self._tables["_part"]))
        self.add_part = compile_statement(_add_part(self._tables["_part"]))
        self.drop_parts = compile_statement(_drop_parts(self._tables["_part"]))
        self.server_ids = compile_statement(_next_values(RECORD_COUNTER))
        self.wake = compile_statement(select(func.pg_notify(bindparam("channel"), bindparam("payload"))))
        self._cached = lru_cache(maxsize=4_096)(self._build)

    def lock(self, object_name: str) -> Statement:
        """Rows of an object by id, in id order, locked against other writers."""
        return self._cached("lock", object_name)

    def lock_to_delete(self, object_name: str) -> Statement:
        """As `lock`, also against new references."""
        return self._cached("lock_to_delete", object_name)

    def read(self, object_name: str) -> Statement:
        """Rows of an object by id; nothing is locked."""
        return self._cached("read", object_name)

    def read_name(self, object_name: str) -> Statement:
        """The names of these records."""
        return self._cached("read_name", object_name)

    def share(self, object_name: str) -> Statement:
        """Which of these ids exist, and whether deleted, locked so that they stay."""
        return self._cached("share", object_name)

    def insert(self, object_name: str) -> Statement:
        return self._cached("insert", object_name)

    def update(self, object_name: str, columns: frozenset[str]) -> Statement:
        """Write exactly these columns and the stamps."""
        return self._cached("update", object_name, columns)

    def children(self, object_name: str, reference: str) -> Statement:
        """Locked rows of a detail object whose master is among these ids and whose deletion mark is as bound."""
        return self._cached("children", object_name, reference)

    def taken(self, object_name: str, unique_column: str) -> Statement:
        """Who has these values of a unique column."""
        return self._cached("taken", object_name, unique_column)

    def numbers(self, object_name: str, field: str) -> Statement:
        """The next values of an auto-number, as many as bound."""
        return self._cached("numbers", object_name, field)

    def _build(self, kind: str, object_name: str, detail: str | frozenset[str] = "") -> Statement:
        table = self._tables[object_name]
        if isinstance(detail, frozenset):
            return compile_statement(_update(table, detail))
        match kind:
            case "lock" | "lock_to_delete":
                return compile_statement(_lock(table, delete=kind == "lock_to_delete"))
            case "read":
                return compile_statement(json_rows(table).where(ids_in(table.c.Id)))
            case "read_name":
                return compile_statement(select(func.coalesce(table.c.Name, table.c.Id)).where(ids_in(table.c.Id)))
            case "share":
                rows = select(table.c.Id, table.c.IsDeleted).where(ids_in(table.c.Id)).order_by(table.c.Id)
                return compile_statement(rows.with_for_update(read=True, key_share=True))
            case "insert":
                return compile_statement(insert_rows(table))
            case "children":
                return compile_statement(_children(table, detail))
            case "taken":
                target = table.c[detail]
                return compile_statement(select(cast(target, Text), table.c.Id).where(ids_in(target, "values")))
            case "numbers":
                return compile_statement(_next_values(auto_number_sequence(object_name, detail)))
            case _:
                raise AssertionError(kind)


def json_rows(table: Table) -> Select[str]:
    """Whole rows of a table, each as one JSON text."""
    return select(func.row_to_json(literal_column(f'"{table.name}"')).cast(Text)).select_from(table)


def locked_rows(table: Table, condition: ColumnElement[bool]) -> ClauseElement:
    """Rows that fulfil a condition, in id order, locked against other writers."""
    return json_rows(table).where(condition).order_by(table.c.Id).with_for_update(key_share=True, of=table)


def _lock(table: Table, *, delete: bool) -> ClauseElement:
    ordered = json_rows(table).where(ids_in(table.c.Id)).order_by(table.c.Id)
    return ordered.with_for_update(key_share=not delete, of=table)


def _children(table: Table, reference: str) -> ClauseElement:
    chosen = json_rows(table).where(ids_in(table.c[reference]), table.c.IsDeleted == bindparam("deleted"))
    return chosen.order_by(table.c.Id).with_for_update(of=table)


def _update(table: Table, columns: frozenset[str]) -> ClauseElement:
    written = [c.name for c in table.c if c.name in columns]
    given = merged((name, table.c[name].type) for name in ("Id", *written))
    return update(table).where(table.c.Id == given.pop("Id")).values(given)


def _lock_head(tables: dict[str, Table]) -> ClauseElement:
    """The user's head row, and the stamp and server number of this transaction (DESIGN 5, 6)."""
    head, epoch = tables["_user_head"], tables["_epoch"]
    newest = select(epoch.c.offset, epoch.c.server_number).order_by(epoch.c.number.desc()).limit(1).subquery()
    stamp = cast(cast(func.pg_current_xact_id(), Text), BigInteger) + newest.c.offset
    return (
        select(head.c.position, head.c.revoked, stamp, newest.c.server_number, head.c.rights_version)
        .select_from(head.join(newest, literal_column("true")))
        .where(head.c.user_id == bindparam("user"))
        .with_for_update(of=head)
    )


def _move_head(head: Table) -> ClauseElement:
    return update(head).where(head.c.user_id == bindparam("user")).values(position=bindparam("to"))


def _receipts(receipt: Table) -> ClauseElement:
    by_number = (receipt.c.device == bindparam("device")) & ids_in(receipt.c.n, "ns")
    by_id = ids_in(receipt.c.transaction_id, "transactions")
    columns = (
        receipt.c.device,
        receipt.c.n,
        receipt.c.transaction_id,
        receipt.c.hash,
        receipt.c.stamp,
        receipt.c.result,
    )
    return select(*columns).where(by_number | by_id)


def _device_heads(tables: dict[str, Table]) -> ClauseElement:
    """How far a device is, whether its saves are processed later, and whether some are to come that all are behind."""
    device, user, setting, undecided = (tables[n] for n in ("_device_number", "User", "Sync_Setting", "_undecided"))
    here = or_(setting.c.ProfileId == user.c.ProfileId, setting.c.ProfileId.is_(None))
    in_order = (setting.c.ProfileId.nulls_first(), setting.c.Id.desc())  # the last of a name counts
    said = func.array_agg(aggregate_order_by(func.concat(setting.c.Setting, "=", setting.c.Value), *in_order))
    named = setting.c.Setting == any_(literal(ON_ARRIVAL, ARRAY(Text)))
    value = select(said).where(named, here, setting.c.IsDeleted.is_(False)).scalar_subquery()
    to_come = (undecided.c.due_at.is_not(None), undecided.c.locked_times == 0)
    due = select(undecided.c.n).where(undecided.c.device == device.c.number, *to_come)
    columns = (device.c.high_n, device.c.confirmed_through, value, due.exists())
    joined = device.outerjoin(user, user.c.Id == device.c.user_id)
    return select(*columns).select_from(joined).where(device.c.number == bindparam("device"))


def _move_device(device: Table) -> ClauseElement:
    values = {
        "high_n": func.greatest(device.c.high_n, bindparam("high")),
        "confirmed_through": func.greatest(device.c.confirmed_through, bindparam("through")),
    }
    return update(device).where(device.c.number == bindparam("device")).values(values)


def _blocked(blocked: Table) -> ClauseElement:
    rows = select(blocked.c.record_id, func.min(blocked.c.n))
    return rows.where(blocked.c.device == bindparam("device"), ids_in(blocked.c.record_id)).group_by(
        blocked.c.record_id
    )


def _unblock(blocked: Table) -> ClauseElement:
    return delete(blocked).where(blocked.c.device == bindparam("device"), ids_in(blocked.c.n, "ns"))


def _add_receipts(receipt: Table) -> ClauseElement:
    names = ("device", "n", "transaction_id", "hash", "stamp", "day")
    given = merged([*((name, receipt.c[name].type) for name in names), ("result", Text)])
    given["result"] = func.convert_to(given["result"], "UTF8")
    added = upsert(receipt).from_select(list(given), select(*given.values()))
    decided_anew = {"stamp": added.excluded.stamp, "result": added.excluded.result}
    same = receipt.c.transaction_id == added.excluded.transaction_id
    return added.on_conflict_do_update(index_elements=["device", "n"], set_=decided_anew, where=same)


def _keep_undecided(undecided: Table) -> ClauseElement:
    names = [c.name for c in undecided.c]
    source = unpacked(undecided, names)
    kept = upsert(undecided).from_select(names, select(*[source.c[name] for name in names]))
    changed = {name: kept.excluded[name] for name in ("hash", "items", "due_at", "locked_times")}
    return kept.on_conflict_do_update(index_elements=["record_id"], set_=changed)


def _parts(part: Table) -> ClauseElement:
    columns = (part.c.n, part.c.part, part.c.parts, part.c.transaction_id, part.c.hash, part.c["items"])
    mine = (part.c.device == bindparam("device")) & ids_in(part.c.n, "ns")
    return select(*columns).where(mine).order_by(part.c.n, part.c.part)


def _add_part(part: Table) -> ClauseElement:
    return upsert(part).values({c.name: bindparam(c.name) for c in part.c}).on_conflict_do_nothing()


def _drop_parts(part: Table) -> ClauseElement:
    return delete(part).where(part.c.device == bindparam("device"), ids_in(part.c.n, "ns"))


def _next_values(sequence: str) -> ClauseElement:
    numbers = func.generate_series(1, bindparam("count")).table_valued("i")
    return select(func.nextval(literal_column(f"'\"{sequence}\"'"))).select_from(numbers)
