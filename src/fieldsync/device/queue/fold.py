"""Folding a later edit of a record into an entry that was never sent (FEATURES B10, B11). Pure.

The first old value and the first seen version stay: they are what the server may still have. A value that went back to
where it began is no change any more; a create that is deleted again never was.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from fieldsync.protocol.upload import Change, Item, Operation


def fold(earlier: Item, later: Item) -> Item | None:
    """Two edits of one record as one; None when nothing is left of them."""
    match earlier.operation, later.operation:
        case Operation.CREATE, Operation.UPDATE:
            changes = {**earlier.changes, **{c: Change(None, x.new) for c, x in later.changes.items()}}
            return msgspec.structs.replace(earlier, changes=changes)
        case Operation.CREATE, Operation.DELETE:
            return None
        case Operation.UPDATE, Operation.UPDATE:
            changes = _folded(earlier, later)
            return msgspec.structs.replace(earlier, changes=changes) if changes else None
        case Operation.UPDATE, Operation.DELETE:
            return msgspec.structs.replace(earlier, operation=Operation.DELETE, changes={})
        case _:
            raise AssertionError(f"{later.operation} after {earlier.operation} on one record")


def _folded(earlier: Item, later: Item) -> dict[str, Change]:
    changes = dict(earlier.changes)
    for column, change in later.changes.items():
        first = changes[column].old if column in changes else change.old
        changes[column] = Change(first, change.new)
    return {c: x for c, x in changes.items() if x.old != x.new}


def fold_all(earlier: Iterable[Item], later: Iterable[Item]) -> tuple[Item, ...]:
    """The items of an entry with those of a later save folded in; order of first appearance.

    A record that an earlier item named keeps that item's place. Masters come before details either way, since a
    detail cannot be made before its master.
    """
    items: dict[str, Item | None] = {i.id: i for i in earlier}
    for item in later:
        known = items.get(item.id)
        items[item.id] = item if known is None else fold(known, item)
    return tuple(i for i in items.values() if i is not None)


def references_of(item: Item, reference_columns: frozenset[str]) -> Iterator[str]:
    """Ids of records that an item's new values point to."""
    for column in item.changes.keys() & reference_columns:
        target = item.changes[column].new
        if isinstance(target, str):
            yield target
