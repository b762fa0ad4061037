"""Steps 5 to 7 for rows that are about to be written, whoever wrote them: triggers, checks, validation rules."""

from __future__ import annotations

from fieldsync.server.org.runtime import Org
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.save import check
from fieldsync.server.save.batch import Wave
from fieldsync.server.save.logic import triggered


async def judge(org: Org, database: Database, wave: Wave) -> None:
    """What is refused becomes the transaction's outcome. Raises Late when a trigger fails."""
    await triggered.before(org, database, wave)
    check.validate(wave)
