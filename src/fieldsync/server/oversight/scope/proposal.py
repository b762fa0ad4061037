"""Rules as they would be: new, edited, switched off or deleted. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from fieldsync.base.problems import Refused
from fieldsync.schema.catalog import Catalog
from fieldsync.schema.sync_rule import SyncRule
from fieldsync.server.scope.rules import Fault, check_required, check_rule, check_together, problem_of


@dataclass(frozen=True)
class Proposal:
    """One rule as it would be. `id` is that of its record, None for a new one; without a `rule` it is deleted."""

    id: str | None
    rule: SyncRule | None


def as_they_would_be(rules: Mapping[str, SyncRule], proposals: Iterable[Proposal]) -> tuple[SyncRule, ...]:
    """All rules of the org once these were saved. An id that is not there is passed over."""
    left: dict[str, SyncRule | None] = dict(rules)
    new = []
    for proposal in proposals:
        if proposal.id is not None and proposal.id in left:
            left[proposal.id] = proposal.rule
        elif proposal.rule is not None:
            new.append(proposal.rule)
    return tuple(rule for rule in (*left.values(), *new) if rule is not None)


def faults_of(
    catalog: Catalog, rules: Mapping[str, SyncRule], proposals: Iterable[Proposal]
) -> Iterator[tuple[Proposal, Fault]]:
    """Everything that would be refused or warned of when these were saved."""
    known = tuple(proposals)
    together = check_together(catalog, as_they_would_be(rules, known))
    for proposal in known:
        before = rules.get(proposal.id or "")
        faults = [*check_required(before, proposal.rule)] if before is not None else []
        if proposal.rule is not None:
            faults += check_rule(catalog, proposal.rule)
            faults += [fault for rule, fault in together if rule is proposal.rule]
        yield from ((proposal, fault) for fault in faults)


def judged(catalog: Catalog, rules: Mapping[str, SyncRule], proposals: Iterable[Proposal]) -> tuple[Fault, ...]:
    """What is to be warned of. Raises Refused(SYNC_RULE) with the first thing that would be refused when saved."""
    found = tuple(faults_of(catalog, rules, proposals))
    for proposal, fault in found:
        if not fault.warning:
            raise Refused(problem_of(fault, proposal.id))
    return tuple(fault for _, fault in found)
