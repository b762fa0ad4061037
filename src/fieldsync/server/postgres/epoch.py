"""Epochs: what keeps stamps growing, and checkpoints honest, when PostgreSQL starts anew or is restored (DESIGN 5).

A stamp is the epoch's offset plus PostgreSQL's transaction id. Whenever a server finds a database that has started
anew it adds an epoch: a new nonce, a new number for the ids the server mints, and an offset that puts new stamps above
every stored one. `begin` decides; `current_epoch` asks the database and writes the row.

*First stamp* is where a checkpoint of an earlier epoch stops being proof. After a mere restart, a restored file copy,
or when a standby took over, transaction ids go on from the last one kept. What was in progress then has an earlier one:
it ended as aborted here, and where the copy was left behind it may have been committed. So the first stamp is that of
the first aborted among the last transactions, and the next one where there is none. After a dump was restored,
everything later than the dump is gone, whatever the new transaction ids are, so it is the first stamp it may lack.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import (
    BigInteger,
    BindParameter,
    ColumnElement,
    Connection,
    MetaData,
    Text,
    bindparam,
    cast,
    column,
    func,
    insert,
    select,
    table,
    text,
    update,
)

from fieldsync.base.ids import DEVICE_CHARS, DEVICE_NUMBERS, DeviceNumber, base62
from fieldsync.base.world import Chance, World
from fieldsync.schema.standard import STAMP
from fieldsync.server.postgres.tables import system_tables

_TABLES = MetaData()
system_tables(_TABLES)
_EPOCH, _DEVICE_NUMBER, _SESSION = (_TABLES.tables[name] for name in ("_epoch", "_device_number", "_session"))

CLUSTER_SQL = """
SELECT concat_ws(' ', c.system_identifier, d.oid, '_epoch'::regclass::oid,
    extract(epoch FROM pg_postmaster_start_time()))
FROM pg_control_system() c, pg_database d WHERE d.datname = current_database()
"""
"""Which running database this is: the cluster, the database and table in it, and when PostgreSQL started, last.

A dump that is restored, even into the cluster it came from, makes a new table; a restart changes the time alone.
"""
DUMP_MARGIN_MINUTES = 10
"""Twice as long as any transaction may run. A dump may lack younger ones, which were still running then."""
LATE_TRANSACTIONS_MAX = 1_000_000
"""So far back it is looked for transactions that were in progress: more than any server does in that time."""
FIRST_ABORTED_SQL = """
SELECT min(x) FROM generate_series(greatest(CAST(:low AS bigint), 3), CAST(:own AS bigint) - 1) x
WHERE pg_xact_status(CAST(CAST(x AS text) AS xid8)) = 'aborted'
"""
"""3: the first id that PostgreSQL gives to a transaction."""


@dataclass(frozen=True)
class Epoch:
    """One row of `_epoch`."""

    number: int
    nonce: str
    first_stamp: int
    offset: int
    cluster: str
    server_number: DeviceNumber


@dataclass(frozen=True)
class Stored:
    """What a database that may have started anew says of itself.

    `stamp_max`: the greatest stored stamp (0 if none); `sure_below`: every transaction with a smaller stamp is there
    even if the data came out of a dump; `next_transaction`: PostgreSQL's transaction id of the asking transaction;
    `first_aborted`: the first one of late that was not committed here, perhaps because it was in progress when the copy
    was made that this is; None where there is none.
    """

    last: Epoch | None
    cluster: str
    stamp_max: int
    sure_below: int
    next_transaction: int
    first_aborted: int | None = None


def started_anew(last: Epoch | None, cluster: str) -> bool:
    """Whether the running database is another than the one the last epoch was begun for."""
    return last is None or last.cluster != cluster


def begin(stored: Stored, nonce: str, server_number: DeviceNumber) -> Epoch:
    """The epoch that begins now. The offset never goes down, so stamps only grow."""
    last = stored.last
    offset = last.offset if last else 0
    if offset + stored.next_transaction <= stored.stamp_max:
        offset = stored.stamp_max + 1 - stored.next_transaction
    first_stamp = offset + (stored.first_aborted or stored.next_transaction)
    if last is not None and _place(last.cluster) != _place(stored.cluster):
        first_stamp = min(first_stamp, stored.sure_below)
    return Epoch(last.number + 1 if last else 1, nonce, first_stamp, offset, stored.cluster, server_number)


def _place(cluster: str) -> str:
    """The cluster text without the time of its start."""
    return cluster.rpartition(" ")[0]


Lineage = Sequence[tuple[str, int]]
"""Nonce and first stamp of a checkpoint's epoch, the last, and of some before it."""


def checkpoint_fork(epochs: Sequence[Epoch], lineage: Lineage, xmax_stamp: int) -> int | None:
    """None if a checkpoint whose snapshot ends before `xmax_stamp` is still proof.

    Otherwise the stamp from which the device's rows must be looked at again (DESIGN 5, `FORK at stamp S`): the two
    histories are one up to the first epoch that only one of them had. 0, all rows, when none of its epochs is known
    here. `epochs` in the order of their numbers.
    """
    known = {epoch.nonce: place for place, epoch in enumerate(epochs)}
    shared = next((place for place in reversed(range(len(lineage))) if lineage[place][0] in known), None)
    if shared is None:
        return 0
    here = [epoch.first_stamp for epoch in epochs[known[lineage[shared][0]] + 1 :]]
    there = [first_stamp for _, first_stamp in lineage[shared + 1 :]]
    fork = min((*here, *there), default=None)
    return fork if fork is not None and xmax_stamp > fork else None


def of_epoch(nonce: str) -> Lineage:
    """An epoch of which nothing but its nonce is told."""
    return ((nonce, 0),)


def current_stamp_sql(offset: int | None = None) -> ColumnElement[int]:
    """The stamp of the transaction that runs this expression; without `offset` a parameter named `epoch_offset`."""
    base: BindParameter[int] = bindparam("epoch_offset", offset, type_=BigInteger, required=offset is None)
    return base + cast(cast(func.pg_current_xact_id(), Text), BigInteger)


def current_epoch(connection: Connection, schema: str, world: World) -> Epoch:
    """The running epoch of the org in `schema`; begins one if the database has started anew.

    Servers that start together wait for each other here. An epoch that is begun lasts when the caller commits.
    """
    connection.execute(select(func.pg_advisory_xact_lock(func.hashtext(f"fieldsync epoch {schema}"))))
    cluster: str = connection.execute(text(CLUSTER_SQL)).scalar_one()
    known = read_epochs(connection)
    last = known[-1] if known else None
    if last is not None and not started_anew(last, cluster):
        return last
    new = begin(_stored(connection, last, cluster), world.chance.bytes(16).hex(), draw_number(connection, world.chance))
    values = {c.name: getattr(new, c.name) for c in _EPOCH.c if c.name != "begun_at"}
    connection.execute(insert(_EPOCH).values(**values, begun_at=world.clock.now()))
    of_devices = _SESSION.c.device.is_not(None)  # who renews is told of the epoch: see `server/recovery`
    connection.execute(update(_SESSION).where(of_devices).values(access_expires=world.clock.now()))
    connection.execute(insert(_DEVICE_NUMBER).values(number=new.server_number, issued_at=world.clock.now()))
    return new


def read_epochs(connection: Connection) -> list[Epoch]:
    """Every epoch, the first one first."""
    columns = [c for c in _EPOCH.c if c.name != "begun_at"]
    return [Epoch(**row) for row in connection.execute(select(*columns).order_by(_EPOCH.c.number)).mappings()]


def draw_number(connection: Connection, chance: Chance) -> DeviceNumber:
    """A device number nobody has; the caller inserts it in this transaction."""
    while True:
        number = DeviceNumber(base62(chance.below(DEVICE_NUMBERS), DEVICE_CHARS))
        taken = select(_DEVICE_NUMBER.c.number).where(_DEVICE_NUMBER.c.number == number)
        if connection.execute(taken).first() is None:
            return number


def _stored(connection: Connection, last: Epoch | None, cluster: str) -> Stored:
    logged = connection.execute(text("SELECT stamp, at FROM _change ORDER BY stamp DESC LIMIT 1")).first()
    if logged is None:
        stamp_max = max(_data_stamp_max(connection), last.first_stamp - 1 if last else 0)
        sure_below = stamp_max + 1
    else:
        stamp_max = max(logged.stamp, last.first_stamp - 1 if last else 0)
        older = text(
            "SELECT stamp FROM _change WHERE at < CAST(:at AS timestamptz) - make_interval(mins => :margin) "
            "ORDER BY stamp DESC LIMIT 1"
        )
        found = connection.execute(older, {"at": logged.at, "margin": DUMP_MARGIN_MINUTES}).scalar()
        sure_below = (found or 0) + 1
    own = connection.execute(select(cast(cast(func.pg_current_xact_id(), Text), BigInteger))).scalar_one()
    return Stored(last, cluster, stamp_max, sure_below, own, _first_aborted(connection, last, sure_below, own))


def _first_aborted(connection: Connection, last: Epoch | None, sure_below: int, own: int) -> int | None:
    """What was in progress when the last epoch began ended with what was before it."""
    if last is None:
        return None
    low = max(max(sure_below, last.first_stamp) - last.offset, own - LATE_TRANSACTIONS_MAX)
    found: int | None = connection.execute(text(FIRST_ABORTED_SQL), {"low": low, "own": own}).scalar()
    return found


def _data_stamp_max(connection: Connection) -> int:
    """The greatest stamp of the data tables themselves: asked only when the change log is empty."""
    found = text(
        "SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid "
        "WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r' AND a.attname = :stamp"
    )
    greatest = 0
    for name in connection.execute(found, {"stamp": STAMP}).scalars().all():
        highest = connection.execute(select(func.max(column(STAMP))).select_from(table(name))).scalar()
        greatest = max(greatest, highest or 0)
    return greatest
