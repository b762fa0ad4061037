"""Steps 5 to 7 for rows about to be written, whoever wrote them: defaults, triggers, checks, validation rules."""

from __future__ import annotations

from fieldsync.server.org.runtime import Org
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.save import check
from fieldsync.server.save.batch import Wave
from fieldsync.server.save.logic import rules, triggered
from fieldsync.server.save.logic.locks import check_locks
from fieldsync.server.save.logic.record_types import check_record_types, fill_record_types
from fieldsync.server.save.logic.sync_rules import check_sync_rules


async def judge(org: Org, database: Database, wave: Wave) -> None:
    """What is refused becomes the transaction's outcome. Raises Late when a trigger fails."""
    fill_record_types(org, wave)
    await rules.fill_defaults(org, database, wave)
    await triggered.before(org, database, wave)
    check.validate(wave)
    await check_sync_rules(org, database, wave)
    check_record_types(org, wave)
    await check_locks(org, database, wave)
    await rules.run_rules(org, database, wave)
