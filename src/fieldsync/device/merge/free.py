"""Which families a person is busy with; of those nobody is busy with any more the base images become the rows."""

from __future__ import annotations

from collections.abc import Iterable

from fieldsync.device.merge.base import release
from fieldsync.device.merge.decide import FamilyFacts, Fate, family_fate
from fieldsync.device.queue.states import REFUSED
from fieldsync.device.store.objects import ObjectTables
from fieldsync.device.store.work import Work, listed
from fieldsync.protocol.rows import RecordRef

_REFUSED = frozenset(s.value for s in REFUSED)
_OPEN, _PARTIAL = "open", "partial"


def busy_roots(work: Work, roots: Iterable[str]) -> set[str]:
    """Those of these families whose news has to wait."""
    return {root for root, facts in family_facts(work, roots).items() if family_fate(facts) is Fate.STAGE}


def family_facts(work: Work, roots: Iterable[str]) -> dict[str, FamilyFacts]:
    """Facts of the families of which anything is to be said; the others are complete, closed and clean."""
    said: dict[str, set[str]] = {}
    for root, word in work.rows(
        "SELECT root, state FROM _queue WHERE root IN (SELECT value FROM json_each(?1)) UNION"
        f" SELECT root, '{_OPEN}' FROM _lease WHERE root IN (SELECT value FROM json_each(?1)) UNION"
        f" SELECT root, '{_PARTIAL}' FROM _partial WHERE root IN (SELECT value FROM json_each(?1)) UNION"
        " SELECT t.id, q.state FROM _touch t JOIN _queue q ON q.n = t.n"
        " WHERE t.kind < 2 AND t.id IN (SELECT value FROM json_each(?1))",
        listed(set(roots)),
    ):
        said.setdefault(root, set()).add(word)
    return {root: _facts(words) for root, words in said.items()}


def _facts(words: set[str]) -> FamilyFacts:
    states = words - {_OPEN, _PARTIAL}
    return FamilyFacts(
        complete=_PARTIAL not in words,
        open=_OPEN in words,
        pending=bool(states - _REFUSED),
        failed=bool(states & _REFUSED),
    )


def free_families(work: Work, tables: ObjectTables, roots: Iterable[str]) -> list[RecordRef]:
    """Release those of the families that are free. Returns the records that may have changed."""
    asked = set(roots)
    free = asked - busy_roots(work, asked)
    return release(work, tables, sorted(free)).changed if free else []


def free_left(work: Work, tables: ObjectTables) -> list[RecordRef]:
    """Release what was kept of families that nobody is busy with, and of which a download said nothing."""
    roots = work.rows("SELECT DISTINCT root FROM _base WHERE root NOT IN (SELECT root FROM _busy)")
    return free_families(work, tables, (root for (root,) in roots))
