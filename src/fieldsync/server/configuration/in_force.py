"""Which value of a sync setting counts: a profile's own before the org's (FEATURES J23)."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sqlalchemy import ClauseElement, MetaData, any_, or_, select
from sqlalchemy import bindparam as bound

from fieldsync.server.org.runtime import Org
from fieldsync.server.postgres.compiled import compiled_once
from fieldsync.server.postgres.work import Work as Database


async def values_in_force(org: Org, database: Database, profile: str, names: Collection[str]) -> Mapping[str, str]:
    """The values of those of these settings that have one for this profile, by name, or for the whole org."""
    rows = await database.rows(_values(org.metadata), profile=profile, names=sorted(names))
    return {name: value for name, value in rows if value}


@compiled_once
def _values(metadata: MetaData) -> ClauseElement:
    setting, profiles = metadata.tables["Sync_Setting"], metadata.tables["Profile"]
    joined = setting.outerjoin(profiles, profiles.c.Id == setting.c.ProfileId)
    here = or_(setting.c.ProfileId.is_(None), profiles.c.Name == bound("profile"))
    query = select(setting.c.Setting, setting.c.Value).select_from(joined)
    chosen = query.where(here, setting.c.Setting == any_(bound("names")), setting.c.IsDeleted.is_(False))
    # the first of two of one kind counts, as everywhere: so it is read last
    return chosen.order_by(setting.c.ProfileId.nulls_first(), setting.c.Id.desc())
