"""What an org needs every hour: the change log's parts made and dropped, the feed's floor moved, leftovers ended.

Any server may do it and all may try: each step is safe to repeat, and an advisory lock lets one at a time.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import lru_cache

from sqlalchemy import Connection, Date, Integer, Table, Update, case, cast, delete, func, literal, select, update

from fieldsync.base import limits
from fieldsync.base.world import World
from fieldsync.schema.catalog import build
from fieldsync.schema.load import load_packs
from fieldsync.server.org.directory import enter_org
from fieldsync.server.postgres.connect import admin_connection
from fieldsync.server.postgres.deploy.levels import PLATFORM
from fieldsync.server.postgres.partitions import drop_expired, ensure_partitions
from fieldsync.server.postgres.tables import org_metadata, system_table
from fieldsync.server.scope.caps import setting_of


def keep_up(uri: str, name: str, world: World) -> None:
    """One round for one org; nothing where another server is at it. Each step is a transaction of its own, so that
    what one locks is free before the next waits for something."""
    now = world.clock.now()
    for step in STEPS:
        with admin_connection(uri) as connection:
            enter_org(connection, name)
            mine = func.pg_try_advisory_xact_lock(func.hashtext(f"upkeep {name}"))
            if connection.execute(select(mine)).scalar():
                step(connection, now)


def make_parts(connection: Connection, now: datetime) -> None:
    """The change log's parts for the days to come."""
    ensure_partitions(connection, now.date())


def drop_parts(connection: Connection, now: datetime) -> None:
    """The change log's parts that are older than it is kept."""
    drop_expired(connection, now.date())


def move_feed_floors(connection: Connection, now: datetime) -> None:
    """Entries older than the setting Feed_Days are no longer delivered (FEATURES C07): a cursor below the floor needs
    an incremental."""
    connection.execute(higher_floors(now))


def higher_floors(now: datetime) -> Update:
    """Each person's log is looked at from his floor to his first entry that stays."""
    tables = _setting_tables()
    change, head, user = system_table("_change"), system_table("_user_head"), tables["User"]
    setting = setting_of(tables["Sync_Setting"], user, "Feed_Days")
    days = case((setting.op("~")(r"^\d{1,3}$"), cast(setting, Integer)), else_=limits.FEED_RETENTION_DAYS)
    kept_since = literal(now, change.c.at.type) - func.make_interval(0, 0, 0, days)
    person = (
        select(head.c.user_id, head.c.floor, head.c.position, kept_since.label("since"))
        .join_from(head, user, user.c.Id == head.c.user_id)
        .where(head.c.floor < head.c.position)
        .cte("person")
        .prefix_with("MATERIALIZED")
    )
    one = (change.c.feed_user == person.c.user_id) & (change.c.feed_position > person.c.floor)
    stays = (change.c.day >= cast(person.c.since, Date)) & (change.c.at >= person.c.since)
    first = select(change.c.feed_position).where(one, stays).order_by(change.c.feed_position).limit(1)
    through = func.coalesce(first.correlate(person).scalar_subquery() - 1, person.c.position)
    wanted = select(person.c.user_id, through.label("floor")).cte("wanted").prefix_with("MATERIALIZED")
    locked = (
        select(head.c.user_id, wanted.c.floor)
        .join_from(head, wanted, wanted.c.user_id == head.c.user_id)
        .where(head.c.floor < wanted.c.floor)
        .order_by(head.c.user_id)
        .with_for_update(of=head)
        .cte("locked")
    )
    return update(head).where(head.c.user_id == locked.c.user_id).values(floor=locked.c.floor)


@lru_cache(maxsize=1)
def _setting_tables() -> Mapping[str, Table]:
    """The platform's tables that say what a setting is for a person."""
    return org_metadata(build(load_packs((PLATFORM,)))).tables


def drop_stale_parts(connection: Connection, now: datetime) -> None:
    """Parts of a save whose rest never came. The device has the save still, and sends all of it again."""
    part = system_table("_part")
    before = now - timedelta(days=limits.UPLOAD_PART_WAIT_DAYS)
    connection.execute(delete(part).where(part.c.received_at < before))


def forget_receipts(connection: Connection, now: datetime) -> None:
    """Confirmed receipts, when no image of a device that is so old can be expected to send the saves again."""
    receipt, device = system_table("_receipt"), system_table("_device_number")
    over = receipt.c.day < now.date() - timedelta(days=limits.RECEIPT_KEEP_DAYS)
    confirmed = (device.c.number == receipt.c.device) & (receipt.c.n <= device.c.confirmed_through)
    connection.execute(delete(receipt).where(over, confirmed))


def forget_recipes(connection: Connection, now: datetime) -> None:
    """What no checkpoint names any more that can still be compared with."""
    recipe = system_table("_recipe")
    connection.execute(delete(recipe).where(recipe.c.at < now - timedelta(days=limits.CHANGE_LOG_DAYS + 1)))


def end_sessions(connection: Connection, now: datetime) -> None:
    """Sessions that nobody can renew any more."""
    session = system_table("_session")
    ended = func.coalesce(session.c.refresh_expires, session.c.access_expires) < now
    connection.execute(delete(session).where(ended))


def forget_attempts(connection: Connection, now: datetime) -> None:
    """Counts of sign-ins whose time is over."""
    counted = system_table("_sign_in_attempt")
    over = counted.c.since < now - timedelta(seconds=limits.SIGN_IN_WINDOW_SECONDS)
    connection.execute(delete(counted).where(over))


def forget_device_logs(connection: Connection, now: datetime) -> None:
    """What devices logged, when it was kept for as long as the setting Device_Log_Days says."""
    log, tables = system_table("_device_log"), _setting_tables()
    user, device = tables["User"], tables["Device"]
    setting = setting_of(tables["Sync_Setting"], user, "Device_Log_Days")
    days = case((setting.op("~")(r"^\d{1,3}$"), cast(setting, Integer)), else_=limits.LOG_KEEP_DAYS)
    latest = literal(now, log.c.received_at.type)
    over = log.c.received_at < latest - func.make_interval(0, 0, 0, days)
    its_own = (device.c.Id == log.c.device_id) & (user.c.Id == device.c.UserId)
    connection.execute(delete(log).where(log.c.received_at < latest - timedelta(days=1), its_own, over))


STEPS = (
    *(make_parts, move_feed_floors, drop_stale_parts, end_sessions, drop_parts),
    *(forget_recipes, forget_receipts, forget_attempts, forget_device_logs),
)
"""What a round does, in this order."""
