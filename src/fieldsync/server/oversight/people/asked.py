"""Who asked for a job, as he is when it runs: with the rights he has then, or no more."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import ClauseElement, MetaData, bindparam, select

from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Code, Refused, problem
from fieldsync.schema.access.rights import NOBODY
from fieldsync.server.org.runtime import Org
from fieldsync.server.postgres.compiled import compiled_once
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.postgres.work import transaction
from fieldsync.server.save.batch import Caller, Channel
from fieldsync.server.sync.session_statements import held_sets


@asynccontextmanager
async def as_who_asked(org: Org, user: RecordId, *, admin: bool = True) -> AsyncIterator[tuple[Database, Caller]]:
    """A transaction, and in it the person as he is now. Raises Refused(FORBIDDEN) for who may no more; `admin`: that
    is who is none."""
    async with transaction(org.pool) as database:
        row = await database.one(_person(org.metadata), user=user, now=org.world.clock.now())
        rights = org.rights.of(row[0], row[1] or ()) if row is not None else NOBODY
        if row is None or (admin and not rights.admin):
            who = "admin" if admin else "user"
            raise Refused(problem(Code.FORBIDDEN, reason=f"who asked for this is no {who} any more"))
        yield database, Caller(user, row[0], Channel.API, rights=rights)


@compiled_once
def _person(metadata: MetaData) -> ClauseElement:
    user, profile, head = (metadata.tables[name] for name in ("User", "Profile", "_user_head"))
    joined = user.join(profile, profile.c.Id == user.c.ProfileId).join(head, head.c.user_id == user.c.Id)
    query = select(profile.c.Name, held_sets(metadata.tables, user.c.Id)).select_from(joined)
    active = user.c.IsActive.is_(True) & user.c.IsDeleted.is_(False) & head.c.revoked.is_(False)
    return query.where(user.c.Id == bindparam("user"), active)
