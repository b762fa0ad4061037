"""Step 3, second half: whether sharing lets the caller write these rows, asked in the save's own transaction.

A row he may not read is one that is not there. Only a device that proves it was once sent the row, by a version the row
really had, is told that it left his view. An import and a job are not asked.
"""

from __future__ import annotations

from collections import defaultdict

from sqlalchemy import any_, bindparam, select

from fieldsync.base.problems import Code, Problem, problem
from fieldsync.protocol.upload import Operation
from fieldsync.schema.model import Sharing
from fieldsync.schema.standard import STAMP
from fieldsync.server.org.runtime import Org
from fieldsync.server.postgres.compiled import compile_statement
from fieldsync.server.postgres.tables import system_table
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.save.batch import Edit, Wave
from fieldsync.server.scope.scope import Scope

Access = dict[str, bool]
"""Ids of rows he may read, and whether he may write them."""
_CHANGE = system_table("_change")
_HAD = compile_statement(
    select(_CHANGE.c.id, _CHANGE.c.version).where(
        _CHANGE.c.id == any_(bindparam("ids")), _CHANGE.c.version == any_(bindparam("versions"))
    )
)


async def check_sharing(org: Org, database: Database, wave: Wave) -> None:
    """Reject transactions with a row the caller may not write, or a new detail under a master he may not."""
    scope = wave.frame.scope
    if scope is None:
        return
    wanted: dict[str, set[str]] = defaultdict(set)
    for edit in wave.edits:
        for name, record_id in _asked(org, scope, wave, edit):
            wanted[name].add(record_id)
    if not wanted:
        return
    access: Access = {}
    for name, found in wanted.items():
        access.update(await database.rows(scope.access(name), ids=sorted(found)))
    once_sent = await _once_sent(database, wave, access)
    for work in wave.works:
        problems = [p for edit in work.edits for p in _problems(org, scope, wave, edit, access, once_sent)]
        if work.open and problems:
            work.reject(*problems)


def _asked(org: Org, scope: Scope, wave: Wave, edit: Edit) -> list[tuple[str, str]]:
    """The row itself, where it is there, and the master it is put under, where that says who may write it."""
    name, found = edit.item.object, []
    if edit.current is not None and edit.item.operation is not Operation.CREATE and not scope.is_public(name):
        found.append((name, str(edit.item.id)))
    master = _new_master(org, scope, edit)
    if master is not None and master[1] not in {other.item.id for other in wave.edits if _creates(other)}:
        found.append(master)
    return found


def _creates(edit: Edit) -> bool:
    return edit.item.operation is Operation.CREATE


def _new_master(org: Org, scope: Scope, edit: Edit) -> tuple[str, str] | None:
    field = org.catalog[edit.item.object].master
    if field is None or field.references is None or field.name not in edit.item.changes:
        return None
    if scope.cut.sharing[edit.item.object].sharing is not Sharing.BY_PARENT or scope.is_public(field.references):
        return None
    value = edit.item.changes[field.name].new
    return (field.references, value) if isinstance(value, str) else None


async def _once_sent(database: Database, wave: Wave, access: Access) -> set[str]:
    """Rows he may not read that the device edited in a version they had."""
    lost = [e for e in wave.edits if e.current is not None and e.item.id not in access and e.item.seen > 0]
    proved = {e.item.id for e in lost if e.current is not None and e.current[STAMP] == e.item.seen}
    if not lost:
        return set()
    rows = await database.rows(_HAD, ids=[e.item.id for e in lost], versions=[e.item.seen for e in lost])
    versions = set(rows)
    return {*proved, *(e.item.id for e in lost if (e.item.id, e.item.seen) in versions)}


def _problems(org: Org, scope: Scope, wave: Wave, edit: Edit, access: Access, once_sent: set[str]) -> list[Problem]:
    item = edit.item
    for name, record_id in _asked(org, scope, wave, edit):
        if access.get(record_id):
            continue
        if record_id != item.id:
            field = org.catalog[item.object].master
            assert field is not None
            return [problem(Code.INVALID_REF, object=item.object, id=item.id, field=field.name, value=record_id)]
        if record_id in access:
            return [problem(Code.PERMISSION, object=name, id=record_id, operation=item.operation.value)]
        code = Code.VISIBILITY_LOST if record_id in once_sent else Code.NOT_FOUND
        return [problem(code, object=name, id=record_id)]
    return []
