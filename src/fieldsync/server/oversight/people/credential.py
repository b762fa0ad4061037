"""A person's new password, set by an admin: every session of that person ends with it."""

from __future__ import annotations

import asyncio

from sqlalchemy import bindparam
from sqlalchemy.dialects.postgresql import insert

from fieldsync.base.ids import RecordId
from fieldsync.server.org.passwords import hashed
from fieldsync.server.org.runtime import Org
from fieldsync.server.postgres.compiled import compile_statement
from fieldsync.server.postgres.tables import system_table
from fieldsync.server.postgres.work import transaction
from fieldsync.server.sync.session import revoke_sessions

_CREDENTIAL = system_table("_credential")
_NEW = insert(_CREDENTIAL).values(
    user_id=bindparam("user"), password_hash=bindparam("hash"), changed_at=bindparam("now")
)
_KEEP = compile_statement(
    _NEW.on_conflict_do_update(
        index_elements=["user_id"],
        set_={"password_hash": _NEW.excluded.password_hash, "changed_at": _NEW.excluded.changed_at},
    )
)


async def set_password(org: Org, user_id: RecordId, username: str, password: str) -> None:
    """Raises Refused(WEAK_PASSWORD)."""
    made = await asyncio.to_thread(hashed, password, username, org.world.chance)
    async with transaction(org.pool) as database:
        await database.run(_KEEP, user=user_id, hash=made, now=org.world.clock.now())
        await revoke_sessions(org, database, user_id)
