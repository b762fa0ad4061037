"""Step 4 carried out: every open transaction of a wave, in order, against the rows that were locked.

What an edit means is decided in `conflict.py`; here its row is looked up, waiting for earlier transactions is found
out, and the new row is put together.
"""

from __future__ import annotations

from fieldsync.protocol.upload import Held, Operation, Rejected
from fieldsync.schema.catalog import Catalog
from fieldsync.schema.model import ConflictPolicy
from fieldsync.server.save import conflict
from fieldsync.server.save.batch import Edit, Row, Wave, Work
from fieldsync.server.save.conflict import Chain
from fieldsync.server.save.elsewhere.again import ForkedAt
from fieldsync.server.save.signed import check_signed


def hold(wave: Wave) -> None:
    """Hold back what builds on a rejected or held save of this device; everything else goes on (law L7).

    Also what was rejected itself in the same look at the rows: what is wrong with it is for when it has its turn.
    """
    blocked = wave.facts.blocked
    for work in wave.works:
        if work.open or (isinstance(work.outcome, Rejected) and not work.refused_for_good):
            waiting = _waits_for(work, wave)
            if waiting:
                work.outcome = Held(tuple(sorted(waiting)))
        if isinstance(work.outcome, Rejected | Held):
            for edit in work.edits:
                blocked.setdefault(edit.item.id, work.incoming.n)


def _waits_for(work: Work, wave: Wave) -> set[int]:
    waiting: set[int] = set()
    for edit in work.edits:
        own = wave.facts.blocked.get(edit.item.id)
        if own is not None and own < work.incoming.n:
            waiting.add(own)
        for _, reference in edit.references:
            blocker = wave.facts.blocked.get(reference)
            if blocker is not None and blocker < work.incoming.n and reference not in wave.facts.references:
                waiting.add(blocker)
        predecessor = wave.facts.predecessors.get(edit.item.after) if edit.item.after is not None else None
        if predecessor is not None and not predecessor.saved and edit.item.after is not None:
            waiting.add(edit.item.after)
    return waiting


def resolve(catalog: Catalog, wave: Wave) -> None:
    """Compute the new row of every edit, or reject its transaction."""
    for work in wave.works:
        if not work.open:
            continue
        override = conflict.overrides(catalog, work.edits[0].item.object)
        for edit in work.edits:
            _resolve_edit(work, edit, override=override, chain=_chain(wave, edit))
    check_signed(catalog, wave)


def _chain(wave: Wave, edit: Edit) -> Chain:
    after = edit.item.after
    if after is None:
        return _UNCHAINED
    return Chain(wave.facts.predecessors.get(after), wave.facts.since.get(edit.item.id))


_UNCHAINED = Chain()


def _resolve_edit(work: Work, edit: Edit, *, override: bool, chain: Chain) -> None:
    item, row = edit.item, edit.current
    match item.operation:
        case Operation.CREATE:
            if row is not None:
                raise ForkedAt(work.incoming.n)
            edit.new = dict.fromkeys(edit.object_type.columns)
            edit.new |= {column: change.new for column, change in item.changes.items()} | {"Id": item.id}
            edit.changed = set(item.changes)
        case Operation.UPDATE if row is not None:
            _update(work, edit, row, override=override, chain=chain)
        case Operation.DELETE if row is not None:
            if row["IsDeleted"]:
                edit.new = None
                return
            wins = override or edit.object_type.declared.conflict is ConflictPolicy.DEVICE
            reason = conflict.decide_delete(item, row, override=wins, chain=chain)
            if reason is not None:
                work.reject(reason)
            _mark(edit, deleted=True)
        case Operation.UNDELETE if row is not None:
            _mark(edit, deleted=False)
        case Operation.DELETE if edit.once_sent:
            edit.new = None
        case _:
            work.reject(conflict.missing(item))


def _update(work: Work, edit: Edit, row: Row, *, override: bool, chain: Chain) -> None:
    if edit.recreates:
        verdict = conflict.decide_recreation(edit.object_type, edit.item, row)
    else:
        verdict = conflict.decide_update(edit.object_type, edit.item, row, override=override, chain=chain)
    edit.new = row | verdict.values
    edit.changed, edit.overridden = set(verdict.values), verdict.overridden
    if verdict.problems:
        work.reject(*verdict.problems)


def _mark(edit: Edit, *, deleted: bool) -> None:
    assert edit.current is not None
    if edit.current["IsDeleted"] == deleted:
        return
    edit.new = edit.current | {"IsDeleted": deleted}
    edit.changed = {"IsDeleted"}
