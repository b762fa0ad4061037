"""Signed records: refused is what would change them, unless the same save takes the signature back (FEATURES L02).

Who takes it back must have seen it: the save names it as the old value, and so the journal keeps it. What the org's own
logic does because of a save, what jobs do and what is imported is no edit of a person's and is not asked.
"""

from __future__ import annotations

from fieldsync.base.problems import Code, problem
from fieldsync.protocol.upload import Operation
from fieldsync.schema.catalog import Catalog, ObjectType
from fieldsync.schema.family import signing
from fieldsync.schema.family.declaration import Submit
from fieldsync.server.save.batch import Channel, Edit, Row, Wave, Work
from fieldsync.server.save.elsewhere.roots import deciding


def check_signed(catalog: Catalog, wave: Wave) -> None:
    """Refuse what changes signed records."""
    if wave.caller.channel not in (Channel.DEVICE, Channel.API):
        return
    for work in wave.works:
        for edit in work.edits if work.open else ():
            if edit.writes and not edit.by_platform and not _may(catalog, wave, work, edit):
                work.reject(problem(Code.SIGNED, object=edit.item.object, id=edit.item.id))


def _may(catalog: Catalog, wave: Wave, work: Work, edit: Edit) -> bool:
    family = deciding(catalog, edit.item.object)
    submit = family.declaration.submit if family is not None else None
    is_root = family is not None and edit.item.object == family.root
    if not _leaves(edit, submit if is_root else None):
        return False
    if family is None or is_root or not signing.covered(edit.object_type):
        return True
    root = wave.facts.rows.get(work.root.id) if work.root is not None else None
    return root is None or _taken_back(work, catalog[family.root], root, submit)


def _leaves(edit: Edit, submit: Submit | None) -> bool:
    """Whether the record's own signature is left what it was given for, or taken back."""
    row = edit.current
    if row is None or edit.item.operation is Operation.UNDELETE or not signing.is_open(row, submit):
        return True
    if not signing.given(edit.object_type, row) or _takes_back(edit):
        return True
    if edit.new is None or edit.item.operation is Operation.DELETE:
        return bool(row["IsDeleted"])
    return not signing.breaking(edit.object_type, row, edit.new, edit.changed, submit)


def _takes_back(edit: Edit) -> bool:
    """Whether it says of every signature it replaces what that was, and replaces one."""
    assert edit.current is not None
    replaced = [name for name in signing.given(edit.object_type, edit.current) if name in edit.changed]
    return bool(replaced) and all(edit.item.changes[n].old == edit.current[n] for n in replaced)


def _taken_back(work: Work, root_type: ObjectType, root: Row, submit: Submit | None) -> bool:
    """Whether a detail may change: its root is not signed, or the same save takes its signature back."""
    if not signing.is_open(root, submit) or not signing.given(root_type, root):
        return True
    header = next((edit for edit in work.edits if edit.item.id == root["Id"]), None)
    return header is not None and header.current is not None and _takes_back(header)
