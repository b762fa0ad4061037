"""Whether somebody who looks at a person's view may still do so: asked with each request of a support session."""

from __future__ import annotations

from sqlalchemy import ClauseElement, MetaData, bindparam, select

from fieldsync.server.org.runtime import Org
from fieldsync.server.postgres.compiled import compiled_once
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.sync.session_statements import held_sets


async def may_still_look(org: Org, database: Database, admin: str) -> bool:
    """Whether he is an active person of the org, and an admin."""
    statement, known = _looks(org.metadata), {"user": admin, "now": org.world.clock.now()}
    row = await database.one(statement, **{name: known[name] for name in statement.given})
    return row is not None and org.rights.of(row[0], row[1] or ()).admin


@compiled_once
def _looks(metadata: MetaData) -> ClauseElement:
    user, profile, head = (metadata.tables[name] for name in ("User", "Profile", "_user_head"))
    joined = user.join(profile, profile.c.Id == user.c.ProfileId).join(head, head.c.user_id == user.c.Id)
    query = select(profile.c.Name, held_sets(metadata.tables, user.c.Id)).select_from(joined)
    active = (user.c.IsActive.is_(True), user.c.IsDeleted.is_(False), head.c.revoked.is_(False))
    return query.where(user.c.Id == bindparam("user"), *active)
