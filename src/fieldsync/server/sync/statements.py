"""Statements of the read side that are the same for everybody: snapshot, epochs, feed, and what changed at all."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import (
    BigInteger,
    ClauseElement,
    MetaData,
    Table,
    Text,
    any_,
    bindparam,
    case,
    cast,
    false,
    func,
    literal_column,
    select,
)
from sqlalchemy.dialects.postgresql import ARRAY, aggregate_order_by

from fieldsync.server.configuration import mobile
from fieldsync.server.postgres.compiled import compile_statement
from fieldsync.server.scope.caps import setting_of
from fieldsync.server.scope.delta.past import is_new, is_written

LINEAGE_EPOCHS = 8
"""So many epochs are told with a checkpoint. A server that was restored from a backup older than all of them cannot
tell how much a device shares with it."""


class ReadStatements:
    """The read side's statements that are the same for everybody; those about rows are the scope's."""

    def __init__(self, metadata: MetaData) -> None:
        change = metadata.tables["_change"]
        self.place = compile_statement(_place(metadata.tables["_epoch"]))
        self.epochs = compile_statement(_epochs(metadata.tables["_epoch"]))
        self.head = compile_statement(_head(metadata.tables))
        self.feed = compile_statement(_feed(change))
        self.told_later = compile_statement(_told_later(change))
        self.receipts = compile_statement(_receipts(metadata.tables["_receipt"], metadata.tables["_device_number"]))
        self.stirred = compile_statement(_stirred(change))
        self.fed = compile_statement(_fed(change))
        self.wished = compile_statement(_wished(metadata.tables))


def _wished(tables: Mapping[str, Table]) -> ClauseElement:
    """What an admin wants of a person's devices: whether errors are to go (FEATURES G08), whether they log in detail
    (I14: the person's, or of everybody with the profile), and settings (J23)."""
    user, profile = tables["User"], tables["Profile"]
    values = (setting_of(tables["Sync_Setting"], user, name) for name in mobile.NAMES)
    by_profile = select(profile.c.Debug_Logging).where(profile.c.Id == user.c.ProfileId).scalar_subquery()
    detailed = func.coalesce(user.c.Debug_Logging, false()) | func.coalesce(by_profile, false())
    return select(user.c.Clear_Errors, detailed, *values).where(user.c.Id == bindparam("user"))


def _place(epoch: Table) -> ClauseElement:
    """The snapshot of this transaction, the newest epoch, and it with those before it: nonces and first stamps."""
    snapshot = cast(func.pg_current_snapshot(), Text)
    last = select(epoch).order_by(epoch.c.number.desc()).limit(literal_column(str(LINEAGE_EPOCHS))).subquery("last")
    pair = func.json_build_array(last.c.nonce, last.c.first_stamp)
    lineage = select(func.json_agg(aggregate_order_by(pair, last.c.number))).scalar_subquery()
    return (
        select(snapshot, epoch.c.nonce, epoch.c.offset, lineage)
        .order_by(epoch.c.number.desc())
        .limit(literal_column("1"))
    )


def _epochs(epoch: Table) -> ClauseElement:
    names = ("number", "nonce", "first_stamp", "offset", "cluster", "server_number")
    return select(*[epoch.c[name] for name in names]).order_by(epoch.c.number)


def _head(tables: Mapping[str, Table]) -> ClauseElement:
    """Where a person's feed stands, and how long his devices wait between two looks for news (FEATURES C08)."""
    head, user = tables["_user_head"], tables["User"]
    poll = setting_of(tables["Sync_Setting"], user, "Poll_Seconds")
    found = select(head.c.position, head.c.floor, head.c.revoked, poll)
    return found.join_from(head, user, user.c.Id == head.c.user_id).where(head.c.user_id == bindparam("user"))


def _feed(change: Table) -> ClauseElement:
    columns = ("feed_position", "kind", "transaction_id", "root_object", "root_id", "device", "object", "id", "beside")
    mine = (change.c.feed_user == bindparam("user")) & (change.c.feed_position > bindparam("after"))
    of_days = (change.c.day >= bindparam("since")) & (change.c.day <= bindparam("until"))
    told = case((change.c.kind == "outcome", change.c.old))
    query = select(*[change.c[name] for name in columns], told).where(mine, of_days)
    return query.order_by(change.c.feed_position).limit(bindparam("limit"))


def _told_later(change: Table) -> ClauseElement:
    """(transaction, outcome) of what was told on a person's feed of these transactions, in the order it was told."""
    mine = (change.c.feed_user == bindparam("user")) & (change.c.device == any_(bindparam("numbers")))
    named = (change.c.kind == "outcome") & (change.c.transaction_id == any_(bindparam("ids")))
    return select(change.c.transaction_id, change.c.old).where(mine, named).order_by(change.c.feed_position)


def _receipts(receipt: Table, device: Table) -> ClauseElement:
    """(transaction, outcome) of receipts that these devices have not confirmed."""
    named = receipt.c.transaction_id == any_(bindparam("ids"))
    mine = receipt.c.device == any_(bindparam("numbers"))
    joined = receipt.join(device, device.c.number == receipt.c.device)
    open_there = receipt.c.n > device.c.confirmed_through
    return select(receipt.c.transaction_id, receipt.c.result).select_from(joined).where(named, mine, open_there)


def _stirred(change: Table) -> ClauseElement:
    """Which of these objects have changes that are not visible in the snapshot: one look at the end of the index for
    each. The newest is asked for without saying how new: PostgreSQL believes that there are few as new as that, and
    would read them all and sort."""
    wanted = func.unnest(bindparam("objects", type_=ARRAY(Text))).table_valued("name").render_derived(name="wanted")
    of_day = (change.c.day >= bindparam("since")) & (change.c.day <= bindparam("until"))
    written = select(change.c.stamp).where(change.c.object == wanted.c.name, is_written(change), of_day)
    newest = written.correlate(wanted).order_by(change.c.stamp.desc()).limit(literal_column("1")).lateral("newest")
    late = written.where(change.c.stamp == any_(bindparam("running", type_=ARRAY(BigInteger)))).correlate(wanted)
    found = select(wanted.c.name).select_from(wanted.join(newest, literal_column("true")))
    return found.where((newest.c.stamp >= bindparam("xmax", type_=BigInteger)) | late.exists())


def _fed(change: Table) -> ClauseElement:
    """Objects, and roots of families, that the person's feed named since."""
    mine = (change.c.feed_user == bindparam("user")) & is_new(change) & (change.c.kind != "outcome")
    return select(change.c.object, change.c.root_object).where(mine).distinct()
