"""The step between rights and conflicts: saves of a family that was submitted elsewhere, unseen by their maker.

A Call's edits become a duplicate Call, one for each device and original; an Order's or Inventory Monitoring's are
discarded, told, and kept in the journal. What was made knowing of the submit, and every delete, is left to the lock
check, which refuses it.
"""

from __future__ import annotations

from collections import defaultdict

from fieldsync.base import ids
from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Code, problem
from fieldsync.protocol.rows import RecordRef
from fieldsync.protocol.upload import Change, Discarded, Duplicated, Item, Operation
from fieldsync.schema.catalog import Family
from fieldsync.schema.family.declaration import EditedElsewhere, Submit
from fieldsync.server.org.runtime import Org
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.save.batch import Caller, Channel, Edit, Row, Wave, Work, decode_row
from fieldsync.server.save.elsewhere.duplicate import Duplicate, Rewriter
from fieldsync.server.save.elsewhere.known import Submitted, duplicates_of, remember, submitted_since
from fieldsync.server.save.elsewhere.roots import submittable
from fieldsync.server.save.logic.follow import save_derived
from fieldsync.server.save.logic.late import Late
from fieldsync.server.save.prefetch import lock_masters, share_references
from fieldsync.server.save.write import Derived, Written


async def look_up_duplicates(org: Org, database: Database, wave: Wave) -> None:
    """Duplicates this device caused earlier, of the submitted roots of this wave and by themselves."""
    if wave.caller.channel is not Channel.DEVICE or wave.caller.device_id is None:
        return
    families = {edit.item.object: submittable(org.catalog, edit.item.object) for edit in wave.edits}
    submits = {org.catalog[f.root].prefix: f.declaration.submit for f in families.values() if f is not None}
    rows = [(row, submits.get(ids.prefix_of(row["Id"]))) for row in wave.facts.rows.values()]
    roots = [(row, submit) for row, submit in rows if submit is not None]
    if any(_makes_duplicates(submit) and row.get(submit.field) == submit.value for row, submit in roots):
        refs = [RecordRef(org.catalog.by_prefix[ids.prefix_of(row["Id"])].name, row["Id"]) for row, _ in roots]
        found = await duplicates_of(database, wave.caller.device_id, refs)
        wave.facts.duplicates.update({one.original.id: one for one in found})


def _makes_duplicates(submit: Submit) -> bool:
    return submit.when_edited_elsewhere is EditedElsewhere.DUPLICATE


async def redirect(org: Org, database: Database, wave: Wave) -> None:
    """Discard, or rewrite as edits of a duplicate, what was made without having seen the submit. Raises Late."""
    if wave.caller.channel is not Channel.DEVICE or wave.caller.device_id is None:
        return
    meant: dict[str, list[Work]] = defaultdict(list)
    for work in wave.works:
        if work.open and not work.linked and _edits_submitted(org, wave, work):
            assert work.root is not None
            meant[work.root.object].append(work)
    for name, works in meant.items():
        family = org.catalog.families[name]
        submit = family.declaration.submit
        assert submit is not None
        since = await submitted_since(database, submit, {work.root.id for work in works if work.root})
        unseen = [w for w in works if w.root and not _knows(w, since.get(w.root.id), wave.caller)]
        if submit.when_edited_elsewhere is EditedElsewhere.DISCARD:
            _discard(org, family, unseen)
        else:
            await _duplicate(org, database, wave, submit, unseen)


def _edits_submitted(org: Org, wave: Wave, work: Work) -> bool:
    """Whether the root is locked as submitted and the save is more than deletes, and takes no lock off. Pure."""
    family = submittable(org.catalog, work.edits[0].item.object)
    row = wave.facts.rows.get(work.root.id) if work.root is not None else None
    if family is None or family.declaration.submit is None or row is None or row["IsDeleted"]:
        return False
    submit = family.declaration.submit
    if row.get(submit.field) != submit.value or row.get(submit.unlocked or ""):
        return False
    header = next((edit.item for edit in work.edits if work.root and edit.item.id == work.root.id), None)
    if header is not None and (header.operation is Operation.DELETE or _judged_by_lock(header, submit)):
        return False
    return any(edit.item.operation in (Operation.CREATE, Operation.UPDATE) for edit in work.edits)


def _judged_by_lock(header: Item, submit: Submit) -> bool:
    return any(name in header.changes for name in (submit.unlocked, submit.override) if name is not None)


def _knows(work: Work, submitted: Submitted | None, caller: Caller) -> bool:
    """Whether the person had seen the submit: his device made it, or what he edited is not older. What is no more in
    the change log was submitted before any device could still have edits from."""
    if submitted is None or submitted.device in caller.numbers:
        return True
    return max(max(edit.item.seen, edit.item.root_seen) for edit in work.edits) >= submitted.version


def _discard(org: Org, family: Family, works: list[Work]) -> None:
    for work in works:
        assert work.root is not None
        label = org.catalog[family.root].label
        reason = problem(Code.SUBMITTED_ELSEWHERE, object=family.root, id=work.root.id, label=label)
        work.outcome = Discarded(reason)
        work.touched = list(dict.fromkeys((work.root, *(edit.ref for edit in work.edits))))


async def _duplicate(org: Org, database: Database, wave: Wave, submit: Submit, works: list[Work]) -> None:
    originals = [work.root.id for work in works if work.root is not None]
    if len(set(originals)) < len(originals):  # each must see what the one before it made
        raise Late([(list(wave.works), ())])
    for work in works:
        await _rewrite(org, database, wave, submit, work)


async def _rewrite(org: Org, database: Database, wave: Wave, submit: Submit, work: Work) -> None:
    assert work.root is not None
    fresh_ids = await _fresh_ids(org, database, wave, work)
    duplicate = wave.facts.duplicates.get(work.root.id)
    if duplicate is None:
        duplicate = Duplicate(work.root, fresh_ids(work.root.object), fresh=True)
    await _lock_copies(org, database, wave, duplicate, work)
    before = wave.facts.rows[work.root.id]
    rewriter = Rewriter(org.catalog, duplicate, submit, wave.facts.rows, fresh_ids, _why(org, work, before))
    work.asked, work.edits = work.edits, rewriter.rewrite(work.edits)
    if not work.edits:  # all of it was there already
        work.edits, work.asked = work.asked, None
        work.becomes = Duplicated(work.root, duplicate.ref, duplicate.copied)
        return
    original, work.root = work.root, duplicate.ref
    work.becomes = Duplicated(original, duplicate.ref, duplicate.copied)
    inner = Wave(wave.caller, wave.frame, [work], wave.facts)
    await lock_masters(org, database, inner)
    await share_references(org, database, inner)
    wave.facts.duplicates[original.id] = duplicate


async def link(org: Org, database: Database, wave: Wave) -> list[Written]:
    """After the write: keep which duplicate it was, and let the original name it. Raises Late."""
    derived: list[Derived] = []
    for work in wave.works:
        if not work.open or work.becomes is None:
            continue
        original = work.becomes.original
        duplicate = wave.facts.duplicates[original.id]
        assert wave.caller.device_id is not None, "only a device's save is redirected"
        await remember(database, wave.caller.device_id, duplicate)
        submit = org.catalog.families[original.object].declaration.submit
        if duplicate.fresh and submit is not None and submit.duplicate is not None:
            derived.append(Derived(_link(org, wave, duplicate, submit), [work]))
    return await save_derived(org, database, wave, derived) if derived else []


def _link(org: Org, wave: Wave, duplicate: Duplicate, submit: Submit) -> Edit:
    assert submit.duplicate is not None
    object_type, row = org.catalog[duplicate.original.object], wave.facts.rows[duplicate.original.id]
    reason = f"It was edited on another device before its submit was seen there; those edits are in {duplicate.id}."
    values = {submit.duplicate.link: duplicate.id, submit.duplicate.reason: reason}
    changes = {column: Change(row[column], value) for column, value in values.items()}
    item = Item(object_type.name, duplicate.original.id, Operation.UPDATE, changes)
    return Edit(item, object_type, row, row | values, set(values), by_platform=True)


def _why(org: Org, work: Work, original: Row) -> str:
    label = org.catalog[work.root.object].label if work.root else ""
    return f"{label} {original['Name']} had been submitted on another device when these edits arrived."


async def _fresh_ids(org: Org, database: Database, wave: Wave, work: Work) -> _Ids:
    """As many as this save may need: its edits, the masters between, and the header."""
    count = 2 * len(work.edits) + 1
    return _Ids(org, wave, [value for (value,) in await database.rows(org.save.server_ids, count=count)])


class _Ids:
    """Mints ids of the server's number."""

    def __init__(self, org: Org, wave: Wave, counters: list[int]) -> None:
        self._org, self._wave, self._counters = org, wave, counters

    def __call__(self, object_name: str) -> RecordId:
        prefix = self._org.catalog[object_name].prefix
        return ids.mint(prefix, self._wave.frame.server_number, self._counters.pop(0))


async def _lock_copies(org: Org, database: Database, wave: Wave, duplicate: Duplicate, work: Work) -> None:
    """The duplicate that is there already, and the copies that are to be edited again."""
    wanted: dict[str, set[str]] = defaultdict(set)
    if not duplicate.fresh:
        wanted[duplicate.original.object].add(duplicate.id)
    for edit in work.edits:
        if edit.item.id in duplicate.copied:
            wanted[edit.item.object].add(duplicate.copied[edit.item.id])
    for name in sorted(wanted, key=lambda one: org.catalog[one].prefix):
        for (text,) in await database.rows(org.save.lock(name), ids=sorted(wanted[name])):
            row = decode_row(text)
            wave.facts.rows[row["Id"]] = row
