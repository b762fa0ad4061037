"""Sync rules are judged when they are saved: one that would not work is refused, with the place (FEATURES A12, A24).

So are rules of how long transactions are kept (J22).
"""

from __future__ import annotations

from sqlalchemy import func, select

from fieldsync.base.problems import Problem
from fieldsync.schema.sync_rule import SyncRule, rule_of
from fieldsync.server.configuration.retention import problems_of
from fieldsync.server.org.begin.retention import OBJECT as RETENTION
from fieldsync.server.org.runtime import Org
from fieldsync.server.postgres.compiled import compile_statement
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.save.batch import Edit, Wave, Work
from fieldsync.server.scope.rules import OBJECT, Fault, check_required, check_rule, check_together, problem_of

_JUDGED = (OBJECT, RETENTION)
_ONE_AT_A_TIME = compile_statement(select(func.pg_advisory_xact_lock(func.hashtext("fieldsync sync rules"))))


async def check_sync_rules(org: Org, database: Database, wave: Wave) -> None:
    """Reject rules that do not fit the catalog, or each other; note on the others what is to be warned of.

    One that the field app needs is neither switched off nor deleted (FEATURES A39).
    """
    found = [(work, edit) for work in wave.works if work.open for edit in work.edits if edit.item.object in _JUDGED]
    if not found:
        return
    for work, edit in found:
        if edit.item.object != OBJECT and edit.new is not None and not edit.new["IsDeleted"]:
            _refuse(work, tuple(problems_of(org.catalog, edit.new)))
    found = [(work, edit) for work, edit in found if edit.item.object == OBJECT]
    for work, edit in found:
        _keep_required(work, edit)
    judged = [(w, edit, rule_of(edit.new)) for w, edit in found if w.open and edit.new and not edit.new["IsDeleted"]]
    if not judged:
        return
    await database.rows(_ONE_AT_A_TIME)
    gone = {edit.item.id for _, edit in found}
    others = [rule for rule_id, rule in await org.scopes.rules_by_id(database) if rule_id not in gone]
    together = check_together(org.catalog, [*others, *(rule for *_, rule in judged)])
    for work, edit, rule in judged:
        faults = [*check_rule(org.catalog, rule), *(fault for known, fault in together if known is rule)]
        _judge(work, edit, rule, faults, wave.frame.now)


def _refuse(work: Work, problems: tuple[Problem, ...]) -> None:
    if problems:
        work.reject(*problems)


def _keep_required(work: Work, edit: Edit) -> None:
    if edit.current is None or edit.current["IsDeleted"]:
        return
    after = None if edit.new is None or edit.new["IsDeleted"] else rule_of(edit.new)
    for fault in check_required(rule_of(edit.current), after):
        work.reject(problem_of(fault, edit.item.id))


def _judge(work: Work, edit: Edit, rule: SyncRule, faults: list[Fault], now: str) -> None:
    wrong = [fault for fault in faults if not fault.warning]
    if wrong:
        work.reject(*(problem_of(fault, edit.item.id) for fault in wrong))
        return
    assert edit.new is not None
    warnings = " ".join(fault.sentence for fault in faults) or None
    edit.new |= {"Modified_Date": now, "Validation_Status": "Valid", "Validation_Errors": warnings}
    edit.changed |= {"Modified_Date", "Validation_Status", "Validation_Errors"}
