"""What a device does to a record that was deleted elsewhere, cancelled where a setting says so (FEATURES G24, J08).

Off by default: then a delete of what is deleted counts as done, and a change of what is gone is refused.
"""

from __future__ import annotations

from sqlalchemy import bindparam as bound
from sqlalchemy import or_, select

from fieldsync.base.problems import Code
from fieldsync.protocol.upload import Canceled, Operation, Rejected
from fieldsync.server.org.runtime import Org
from fieldsync.server.postgres.compiled import compile_statement
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.save.batch import Wave, Work

DELETES, UPDATES = "Cancel_Deletes_Of_Deleted", "Cancel_Updates_Of_Missing"
REASONS = {DELETES: "What it deletes was deleted already.", UPDATES: "What it changes is not there any more."}
_GONE = frozenset({Code.NOT_FOUND, Code.ENTITY_DELETED})


async def cancel_by_rule(org: Org, database: Database, wave: Wave) -> None:
    """Cancel whole transactions that only meet what is gone; one that does anything else beside it stays as it is."""
    if wave.caller.number is None:
        return
    found = [(work, rule) for work in wave.works if (rule := _rule_of(work)) is not None]
    if not found:
        return
    rules = await _switched_on(org, database, wave.caller.profile)
    for work, rule in found:
        if rule in rules:
            work.outcome = Canceled(f"the rule {rule}", REASONS[rule])
            work.touched = [edit.ref for edit in work.edits]


def _rule_of(work: Work) -> str | None:
    """The rule that would cancel it. Pure."""
    operations = {edit.item.operation for edit in work.edits}
    if work.open and operations == {Operation.DELETE} and all(edit.new is None for edit in work.edits):
        return DELETES
    refused = work.outcome.problems if isinstance(work.outcome, Rejected) else ()
    gone = {one.id for one in refused if one.code in _GONE}
    only_gone = bool(refused) and all(one.code in _GONE for one in refused)
    if only_gone and operations == {Operation.UPDATE} and gone >= {edit.item.id for edit in work.edits}:
        return UPDATES
    return None


async def _switched_on(org: Org, database: Database, profile: str) -> set[str]:
    """The rules that are on for this profile: its own value counts before the org's."""
    setting, profiles = org.metadata.tables["Sync_Setting"], org.metadata.tables["Profile"]
    joined = setting.outerjoin(profiles, profiles.c.Id == setting.c.ProfileId)
    here = or_(setting.c.ProfileId.is_(None), profiles.c.Name == bound("profile"))
    named = or_(setting.c.Setting == DELETES, setting.c.Setting == UPDATES)
    query = select(setting.c.Setting, setting.c.Value).select_from(joined).where(here, named)
    ordered = query.where(setting.c.IsDeleted.is_(False)).order_by(setting.c.ProfileId.nulls_first(), setting.c.Id)
    values = dict(await database.rows(compile_statement(ordered), profile=profile))
    return {rule for rule, value in values.items() if value == "true"}
