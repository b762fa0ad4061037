"""Step 7: validation rules and defaults, evaluated in Python on the rows as they would be written."""

from __future__ import annotations

from dataclasses import replace

from fieldsync.base.problems import Code, Problem, problem
from fieldsync.formula import FormulaError, Surroundings
from fieldsync.formula.catalog import Rule, record_of, value_of
from fieldsync.formula.evaluate import Evaluation
from fieldsync.formula.problem import NoValue
from fieldsync.formula.record import Stored
from fieldsync.protocol.upload import Operation
from fieldsync.schema.fields import BadValue, canonical
from fieldsync.server.org.runtime import Org
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.save.batch import Edit, Wave
from fieldsync.server.save.logic.around import RowStore, fetch_related, surroundings
from fieldsync.server.save.logic.lookups import Lookups

LOOKUP_ROUNDS_MAX = 4
"""A formula may look up what it looked up; so often it is asked again."""


async def fill_defaults(org: Org, database: Database, wave: Wave) -> None:
    """Formula defaults of new records, for columns the save does not name."""
    edits = [
        e for e in wave.edits if e.item.operation is Operation.CREATE and org.logic.formulas[e.item.object].defaults
    ]
    if not edits:
        return
    store = RowStore(wave)
    await fetch_related(org, database, store, edits)
    around = await surroundings(org, database, wave)
    for edit in edits:
        assert edit.new is not None
        for name, default in org.logic.formulas[edit.item.object].defaults.items():
            if name in edit.item.changes or edit.new.get(name) is not None:
                continue
            record = record_of(org.logic.formulas, edit.item.object, edit.new, None, store, around)
            value = value_of(default.checked, default.field, record, around)
            edit.new[name] = _stored(edit, name, value)
            edit.changed.add(name)


def _stored(edit: Edit, name: str, value: Stored) -> object:
    """A default in canonical form; one that has no value, or none its field takes, leaves the field empty."""
    if value is None or isinstance(value, FormulaError | tuple):
        return None
    text = value.isoformat() if not isinstance(value, str | bool | int) and hasattr(value, "isoformat") else value
    try:
        return canonical(edit.object_type.column_fields[name], text)
    except BadValue:
        return None


async def run_rules(org: Org, database: Database, wave: Wave) -> None:
    """Refuse what breaks a rule; all rules a transaction breaks are told at once."""
    edits = [
        e
        for e in wave.edits
        if org.logic.formulas[e.item.object].rules and e.writes and e.item.operation is not Operation.DELETE
    ]
    if not edits:
        return
    store = RowStore(wave)
    await fetch_related(org, database, store, edits)
    around = await surroundings(org, database, wave)
    lookups = Lookups(org)
    found: dict[int, list[Problem]] = {}
    for _ in range(LOOKUP_ROUNDS_MAX):
        found = {id(e): _broken(org, e, store, replace(around, lookup=lookups)) for e in edits}
        if not await lookups.fetch(database):
            break
    for work in wave.works:
        problems = [p for edit in work.edits for p in found.get(id(edit), ())] if work.open else []
        if problems:
            work.reject(*problems)


def _broken(org: Org, edit: Edit, store: RowStore, around: Surroundings) -> list[Problem]:
    if edit.new is None:
        return []
    record = record_of(org.logic.formulas, edit.item.object, edit.new, edit.current, store, around)
    run = Evaluation(record, around)
    return [
        reason for rule in org.logic.formulas[edit.item.object].rules if (reason := _judge(edit, rule, run)) is not None
    ]


def _judge(edit: Edit, rule: Rule, run: Evaluation) -> Problem | None:
    try:
        if run.fresh().value(rule.checked.root) is not True:
            return None
        message = rule.declared.message
    except NoValue as fault:
        message = f"The rule {rule.declared.name} could not be checked: {fault}."
    return problem(
        Code.VALIDATION,
        object=edit.item.object,
        id=edit.item.id,
        field=rule.declared.field,
        message=message,
        rule=rule.declared.name,
    )
