"""What an org needs every hour: the change log's parts made and dropped, the feed's floor moved, leftovers ended.

Any server may do it and all may try: each step is safe to repeat, and an advisory lock lets one at a time.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, func, select, update

from fieldsync.base import limits
from fieldsync.base.world import World
from fieldsync.server.org.directory import enter_org
from fieldsync.server.postgres.connect import admin_connection
from fieldsync.server.postgres.partitions import drop_expired, ensure_partitions
from fieldsync.server.postgres.tables import system_table


def keep_up(uri: str, name: str, world: World) -> None:
    """One round for one org. Does nothing when another server is at it."""
    now = world.clock.now()
    with admin_connection(uri) as connection:
        enter_org(connection, name)
        if not connection.execute(select(func.pg_try_advisory_xact_lock(func.hashtext(f"upkeep {name}")))).scalar():
            return
        ensure_partitions(connection, now.date())
        move_feed_floors(connection, now - timedelta(days=limits.FEED_RETENTION_DAYS))
        drop_stale_parts(connection, now - timedelta(days=limits.UPLOAD_PART_WAIT_DAYS))
        end_sessions(connection, now)
        drop_expired(connection, now.date())
        forget_recipes(connection, now - timedelta(days=limits.CHANGE_LOG_DAYS + 1))


def move_feed_floors(connection: Connection, before: datetime) -> None:
    """Entries older than this are no longer delivered (FEATURES C07): a cursor below the floor needs an incremental."""
    change, head = system_table("_change"), system_table("_user_head")
    old = (
        select(change.c.feed_user, func.max(change.c.feed_position).label("last"))
        .where(change.c.feed_user.is_not(None), change.c.at < before)
        .group_by(change.c.feed_user)
        .subquery()
    )
    moved = update(head).where(head.c.user_id == old.c.feed_user, head.c.floor < old.c.last)
    connection.execute(moved.values(floor=old.c.last))


def drop_stale_parts(connection: Connection, before: datetime) -> None:
    """Parts of a save whose rest never came. The device has the save still, and sends all of it again."""
    part = system_table("_part")
    connection.execute(delete(part).where(part.c.received_at < before))


def forget_recipes(connection: Connection, before: datetime) -> None:
    """What no checkpoint names any more that can still be compared with."""
    recipe = system_table("_recipe")
    connection.execute(delete(recipe).where(recipe.c.at < before))


def end_sessions(connection: Connection, now: datetime) -> None:
    """Sessions that nobody can renew any more."""
    session = system_table("_session")
    ended = func.coalesce(session.c.refresh_expires, session.c.access_expires) < now
    connection.execute(delete(session).where(ended))
