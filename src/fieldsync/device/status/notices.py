"""What a person is told of saves that ended otherwise than he meant, and asks nothing of him: submitted elsewhere.

Errors, which do ask something of him, are in the queue; a notice stays with the copy of what he had saved.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from fieldsync.base.problems import CATALOGUE, Code, Problem, problem
from fieldsync.device.queue.entry import decode_outcome
from fieldsync.device.store.work import Work
from fieldsync.protocol.rows import RecordRef
from fieldsync.protocol.upload import Discarded, Duplicated, Linked, Outcome

NOTICES_MAX = 100


@dataclass(frozen=True)
class Notice:
    """A save that was discarded, or became a duplicate or a link. `record`: where to look: the duplicate, or the record
    that was there."""

    n: int
    at: str
    problem: Problem
    record: RecordRef

    @property
    def remedy(self) -> str:
        """What the person can do."""
        return CATALOGUE[self.problem.code].remedy


def notices(work: Work, tables: Any) -> list[Notice]:
    """The newest notices, newest first."""
    rows = work.rows(
        "SELECT n, at, outcome FROM _undone WHERE outcome IS NOT NULL ORDER BY number DESC LIMIT ?", NOTICES_MAX
    )
    return [Notice(n, at, *found) for n, at, raw in rows for found in _told(decode_outcome(raw), tables)]


def _told(outcome: Outcome | None, tables: Any) -> Iterator[tuple[Problem, RecordRef]]:
    match outcome:
        case Discarded(reason=reason) if reason.object is not None and reason.id is not None:
            yield reason, RecordRef(reason.object, reason.id)  # type: ignore[arg-type]
        case Duplicated(original=original, duplicate=duplicate):
            known = tables is not None and original.object in tables
            label = tables[original.object].type.label if known else original.object
            yield problem(Code.DUPLICATED_ELSEWHERE, object=original.object, id=original.id, label=label), duplicate
        case Linked(existing=existing) if tables is not None:
            for sent, there in existing.items():
                found = tables.catalog.by_prefix[sent[:3]]
                reason = problem(Code.LINKED, object=found.name, id=sent, label=found.label)
                yield reason, RecordRef(found.name, there)
        case _:
            return
