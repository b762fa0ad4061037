"""Step 12: the change log, and in it the feed (DESIGN 5, 8).

Every written row adds one entry: the same log serves incremental download, feed, tombstones and audit. What a device
uploaded is also fed: its entries, and one for each master that was not itself written (FEATURES C05), get the next
positions of the uploading user's feed. The user's head row is locked, so positions have no gap and commit in order.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import compress
from operator import ne

from fieldsync.base import ids
from fieldsync.base.ids import DeviceNumber
from fieldsync.protocol.rows import RecordRef
from fieldsync.schema.catalog import Catalog, ObjectType
from fieldsync.schema.standard import STAMP
from fieldsync.server.org.runtime import Org
from fieldsync.server.postgres.json_rows import as_rows
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.save.access.authorise import master_of
from fieldsync.server.save.batch import UNLOGGED, Caller, Frame, Row, Wave, Work, encode_rows
from fieldsync.server.save.write import Written
from fieldsync.server.scope.delta.routes import route_of


def log(org: Org, database: Database, wave: Wave, written: list[Written], position: int) -> int:
    """Write the log entries of a wave and note what each transaction touched. Returns the feed's new last position."""
    entries: list[Row] = []
    by_work: dict[int, list[Written]] = {}
    once: dict[RecordRef, Written] = {}
    for entry in written:
        once.setdefault(entry.ref, entry)
    for entry in once.values():
        by_work.setdefault(id(entry.work), []).append(entry)
    for work in wave.works:
        if not work.open:
            continue
        mine = by_work.get(id(work), [])
        named = (*(edit.ref for edit in work.edits), *linked_refs(org.catalog, work))
        work.touched = list(dict.fromkeys((*(entry.ref for entry in mine), *named)))
        own = [_entry(org, wave, work, e.ref, e.kind, e) for e in mine]
        if wave.caller.feeds:
            caused = [row for e, row in zip(mine, own, strict=True) if e.causes]
            beside = (*unwritten(work, mine), *untouched_masters(org.catalog, wave, work))
            own += [_entry(org, wave, work, ref, "fed", None) for ref in beside]
            _mark_beside(org.catalog, wave, work, own if wave.caller.job_feeds else caused)
            position = _feed(own, wave, position)
        entries += own
    if entries:
        database.later(org.save.add_changes, **as_rows(entries))
    return position


def linked_refs(catalog: Catalog, work: Work) -> Iterator[RecordRef]:
    """Records that others became, and the ids of those that became them. Pure."""
    for sent, there in work.linked.items():
        name = catalog.by_prefix[ids.prefix_of(there)].name
        yield from (RecordRef(name, there), RecordRef(name, sent))


def _feed(entries: list[Row], wave: Wave, position: int) -> int:
    for entry in entries:
        position += 1
        entry["feed_user"], entry["feed_position"] = wave.caller.user_id, position
    return position


def _mark_beside(catalog: Catalog, wave: Wave, work: Work, entries: list[Row]) -> None:
    """Mark what the transaction changed and nobody uploaded: it goes along only where rules select it (C15)."""
    if not entries:
        return
    edits = () if wave.caller.job_feeds else work.edits
    named = {edit.ref for edit in edits} | ({work.becomes.original} if work.becomes is not None else set())
    named |= {above for edit in edits for above in _masters(catalog, wave, work, edit.ref)}
    for entry in entries:
        own, root = (RecordRef(entry[o], entry[i]) for o, i in (("object", "id"), ("root_object", "root_id")))
        if own not in named and root not in named:
            entry["beside"] = True


def unwritten(work: Work, written: Iterable[Written]) -> Iterable[RecordRef]:
    """Records that were uploaded and already were as the upload wants them."""
    known = {entry.ref for entry in written}
    return dict.fromkeys(edit.ref for edit in work.edits if edit.ref not in known)


def untouched_masters(catalog: Catalog, wave: Wave, work: Work) -> Iterable[RecordRef]:
    """Masters of the uploaded records, and theirs, that the transaction did not write; each once."""
    seen = set(work.touched) | {edit.ref for edit in work.edits}
    for edit in work.edits:
        for place in _masters(catalog, wave, work, edit.ref):
            if place not in seen:
                seen.add(place)
                yield place


def _masters(catalog: Catalog, wave: Wave, work: Work, ref: RecordRef) -> Iterator[RecordRef]:
    """The way up from a record."""
    place = master_of(catalog, wave.facts, work, ref)
    while place is not None and place != ref:
        yield place
        place = master_of(catalog, wave.facts, work, place)


def log_shown(
    org: Org, database: Database, caller: Caller, frame: Frame, refs: Iterable[tuple[str, RecordRef]]
) -> None:
    """Note records that an answer shows though nothing was written, with the transaction they are shown for.

    They are on no feed; the next download takes those away that no rule selects.
    """
    entries = [
        change_row(frame=frame, ref=ref, kind="fed", root=ref, transaction_id=txn, device=caller.number, old=None)
        | {"feed_user": caller.user_id}
        for txn, ref in refs
    ]
    if entries:
        database.later(org.save.add_changes, rows=encode_rows(entries))


def _entry(org: Org, wave: Wave, work: Work, ref: RecordRef, kind: str, entry: Written | None) -> Row:
    family, above = org.catalog.family_of(ref.object), (entry and entry.root) or work.root
    root = above if family is not None and above is not None and above.object == family.root else ref
    return change_row(
        frame=wave.frame,
        ref=ref,
        kind=kind,
        root=root,
        transaction_id=work.incoming.id,
        device=wave.caller.number,
        routes=_routes(org, ref.object, entry),
        old=None if entry is None else old_values(org.catalog[ref.object], entry.before, entry.after),
        version=None if entry is None else entry.after[STAMP],
    )


def change_row(
    *,
    frame: Frame,
    ref: RecordRef,
    kind: str,
    root: RecordRef,
    transaction_id: str | None,
    device: DeviceNumber | None,
    old: Row | None,
    version: int | None = None,
    routes: tuple[str | None, str | None] = (None, None),
) -> Row:
    """One row of `_change`, not on any feed."""
    return {
        "day": frame.now[:10],
        "stamp": frame.stamp,
        "version": frame.stamp if version is None else version,
        "seq": next(frame.entries),
        "object": ref.object,
        "id": ref.id,
        "kind": kind,
        "transaction_id": transaction_id,
        "old": old,
        "route": routes[0],
        "route_before": routes[1],
        "root_object": root.object,
        "root_id": root.id,
        "device": device,
        "at": frame.now,
    }


def _routes(org: Org, name: str, entry: Written | None) -> tuple[str | None, str | None]:
    """The row's route, and the one before where the write changed it."""
    if entry is None or org.catalog[name].declared.route is None:
        return None, None
    before, after = (route_of(org.catalog[name], row) for row in (entry.before, entry.after))
    return after, before if entry.before is not None and before != after else None


def old_values(object_type: ObjectType, before: Row | None, after: Row) -> Row | None:
    """What the changed columns held before: with it a download knows what a row was at its checkpoint (DESIGN 5)."""
    if before is None:
        return None
    fields = object_type.column_fields
    differing = compress(before, map(ne, before.values(), map(after.get, before)))
    return {c: before[c] for c in differing if c in after and c in fields and fields[c].type not in UNLOGGED}
