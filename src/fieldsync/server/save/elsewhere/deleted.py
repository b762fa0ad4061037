"""What a device does to a record that was deleted elsewhere, cancelled where a setting says so (FEATURES G24, J08).

Off by default: then a delete of what is deleted counts as done, and a change of what is gone is refused.
"""

from __future__ import annotations

from fieldsync.base.problems import Code
from fieldsync.protocol.upload import Canceled, Operation, Rejected
from fieldsync.server.configuration.in_force import values_in_force
from fieldsync.server.org.runtime import Org
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
    values = await values_in_force(org, database, wave.caller.profile, (DELETES, UPDATES))
    for work, rule in found:
        if values.get(rule) == "true":
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
