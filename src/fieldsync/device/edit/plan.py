"""Which transactions a save becomes, and in which order they are queued. Pure.

A family's records travel as one transaction; any other record as one of its own (FEATURES B07, B08). What creates a
record comes before what refers to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from fieldsync.base.ids import RecordId
from fieldsync.protocol.upload import Item, Operation


@dataclass(frozen=True)
class Bundle:
    """Items of one transaction; `refers`: ids their new values point to."""

    root: RecordId
    items: tuple[Item, ...]
    refers: frozenset[str]

    @property
    def ids(self) -> frozenset[str]:
        """The records it changes."""
        return frozenset(i.id for i in self.items)

    @property
    def created(self) -> frozenset[str]:
        """The records it makes."""
        return frozenset(i.id for i in self.items if i.operation is Operation.CREATE)


def bundles(items: Iterable[tuple[RecordId, Item, frozenset[str]]]) -> list[Bundle]:
    """Items with their root and what they refer to, as transactions in queue order."""
    by_root: dict[RecordId, tuple[list[Item], set[str]]] = {}
    for root, item, refers in items:
        found = by_root.setdefault(root, ([], set()))
        found[0].append(item)
        found[1].update(refers)
    made = {root: Bundle(root, tuple(parts), frozenset(refers)) for root, (parts, refers) in by_root.items()}
    maker = {record_id: root for root, bundle in made.items() for record_id in bundle.created}
    return _makers_first(made, maker)


def _makers_first(made: Mapping[RecordId, Bundle], maker: Mapping[str, RecordId]) -> list[Bundle]:
    """In the order of the save, but never a reference before what it refers to. A circle stays as it came."""
    ordered: list[Bundle] = []
    begun: set[RecordId] = set()

    def visit(root: RecordId) -> None:
        if root in begun:
            return
        begun.add(root)
        for target in sorted(made[root].refers & maker.keys()):
            visit(maker[target])
        ordered.append(made[root])

    for root in made:
        visit(root)
    return ordered
