"""Step 3, second half: whether sharing lets the caller read and write these rows, asked in the save's own transaction.

What he names and may not read is taken out of the facts before anything is decided: to every later step it is not
there, so no refusal, order of refusals or waiting can tell it from an id that nobody has (THREATS T15, T19). Only a
device that proves it was once sent a row, by a version the row really had, is told that it left his view. An import and
a job are not asked.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator

from sqlalchemy import any_, bindparam, select

from fieldsync.base.problems import Code, Problem, problem
from fieldsync.protocol.upload import Operation
from fieldsync.schema.model import Sharing
from fieldsync.schema.standard import STAMP
from fieldsync.server.org.runtime import Org
from fieldsync.server.postgres.compiled import compile_statement
from fieldsync.server.postgres.tables import system_table
from fieldsync.server.postgres.work import Question
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.save.batch import Edit, Wave
from fieldsync.server.scope.scope import Scope

_CHANGE = system_table("_change")
_HAD = compile_statement(
    select(_CHANGE.c.id, _CHANGE.c.version).where(
        _CHANGE.c.id == any_(bindparam("ids")), _CHANGE.c.version == any_(bindparam("versions"))
    )
)


async def hide(org: Org, database: Database, wave: Wave) -> None:
    """Take what the caller may not read out of the facts: records he edits, and records his fields point to."""
    scope, facts = wave.frame.scope, wave.facts
    if scope is None:
        return
    wanted = _to_ask(org, scope, wave)
    for statement, given in access_questions(org, wave):
        facts.access.update(await database.rows(statement, **given))
    hidden = {record_id for found in wanted.values() for record_id in found} - facts.access.keys()
    for edit in wave.edits:
        edit.was_there = edit.current is not None and edit.item.id in hidden and not _creates(edit)
    await _look_up_once_sent(database, wave)
    for edit in wave.edits:
        edit.current = None if edit.was_there else edit.current
    for record_id in hidden:
        facts.rows.pop(record_id, None)
        facts.references.pop(record_id, None)


def access_questions(org: Org, wave: Wave) -> Iterator[Question]:
    """Which of the records that a wave names its caller may read and write, where that is asked row by row."""
    scope = wave.frame.scope
    if scope is None:
        return
    for name, ids in _to_ask(org, scope, wave).items():
        if _is_readable(org, scope, name):
            yield scope.access(name), {"ids": sorted(ids)}


def _to_ask(org: Org, scope: Scope, wave: Wave) -> dict[str, set[str]]:
    wanted: dict[str, set[str]] = defaultdict(set)
    for edit in wave.edits:
        for name, record_id in _named(edit):
            if not _is_open(org, scope, name):
                wanted[name].add(record_id)
    return wanted


def _named(edit: Edit) -> Iterator[tuple[str, str]]:
    """Records that an edit names. A new record's id is its device's own, and says so by itself."""
    if not _creates(edit):
        yield edit.item.object, edit.item.id
    yield from edit.references


def _creates(edit: Edit) -> bool:
    return edit.item.operation is Operation.CREATE


def _is_open(org: Org, scope: Scope, name: str) -> bool:
    return _is_readable(org, scope, name) and scope.is_public(name)


def _is_readable(org: Org, scope: Scope, name: str) -> bool:
    """Whether a person may point to records of an object: all he may read, and the platform's own."""
    return scope.may_read(name) or org.catalog[name].system


async def _look_up_once_sent(database: Database, wave: Wave) -> None:
    """Which of the rows that are not there for him the device edits in a version they had."""
    named = [e for e in wave.edits if e.item.seen > 0 and (e.was_there or e.current is None)]
    if not named:
        return
    rows = await database.rows(_HAD, ids=[e.item.id for e in named], versions=[e.item.seen for e in named])
    had = set(rows)
    for edit in named:
        present = edit.current is not None and edit.current[STAMP] == edit.item.seen
        edit.once_sent = present or (edit.item.id, edit.item.seen) in had


def check_sharing(org: Org, wave: Wave) -> None:
    """Reject transactions with a row the caller may not write, or a new detail under a master he may not. Pure."""
    scope = wave.frame.scope
    if scope is None:
        return
    created = {edit.item.id for edit in wave.edits if _creates(edit)}
    for work in wave.works:
        found = [_problem(org, scope, wave, edit, created) for edit in work.edits] if work.open else []
        problems = [one for one in found if one is not None]
        if problems:
            work.reject(*problems)


def _problem(org: Org, scope: Scope, wave: Wave, edit: Edit, created: Collection[str]) -> Problem | None:
    item, access = edit.item, wave.facts.access
    if edit.was_there and edit.once_sent:
        return problem(Code.VISIBILITY_LOST, object=item.object, id=item.id)
    if access.get(item.id) is False:
        return problem(Code.PERMISSION, object=item.object, id=item.id, operation=item.operation.value)
    master = _new_master(org, scope, edit)
    if master is not None and master[1] not in created and not access.get(master[1]):
        return problem(Code.INVALID_REF, object=item.object, id=item.id, field=master[0], value=master[1])
    return None


def _new_master(org: Org, scope: Scope, edit: Edit) -> tuple[str, str] | None:
    """The field and the record it is put under, where that says who may write it."""
    field = org.catalog[edit.item.object].master
    if field is None or field.references is None or field.name not in edit.item.changes:
        return None
    if scope.cut.sharing[edit.item.object].sharing is not Sharing.BY_PARENT or _is_open(org, scope, field.references):
        return None
    value = edit.item.changes[field.name].new
    return (field.name, value) if isinstance(value, str) else None
