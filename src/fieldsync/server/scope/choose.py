"""Which of an org's rules count for one device of one person: the most particular ones of each object. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby

from fieldsync.base import ids
from fieldsync.protocol.media import carries_file
from fieldsync.schema.access.permissions import Access
from fieldsync.schema.access.rights import Rights
from fieldsync.schema.catalog import Catalog
from fieldsync.schema.sync_rule import EVERY_DEVICE, RuleType, SyncRule


@dataclass(frozen=True)
class ForWhom:
    """A device type and the profiles of the person who holds it."""

    device: str
    profile: str
    profile_id: str
    application_profile: str | None = None


def choose(rules: Iterable[SyncRule], who: ForWhom) -> dict[str, tuple[SyncRule, ...]]:
    """The rules that count, by object. Several of one object differ in their parent; a row needs one of them.

    An application profile's rule counts before the profile's, that before the blank one (FEATURES A14, A15); among
    equals the device type's own before that for all.
    """
    ranked = sorted(
        ((rule.object, rank, number, rule) for number, rule in enumerate(rules) if (rank := _rank(rule, who))),
        key=lambda found: (found[0], (-found[1][0], -found[1][1]), found[2]),
    )
    chosen = {}
    for name, found in groupby(ranked, key=lambda one: one[0]):
        best, *others = found
        chosen[name] = tuple(rule for _, rank, _, rule in (best, *others) if rank == best[1])
    return chosen


def _rank(rule: SyncRule, who: ForWhom) -> tuple[int, int] | None:
    """How particular a rule is; None when it does not count."""
    if not rule.active or rule.device not in (EVERY_DEVICE, who.device):
        return None
    own_device = int(rule.device != EVERY_DEVICE)
    if rule.application_profile:
        return (3, own_device) if rule.application_profile == who.application_profile else None
    if rule.profile_id or rule.profile:
        return (2, own_device) if _is_profile(rule, who) else None
    return (1, own_device)


def _is_profile(rule: SyncRule, who: ForWhom) -> bool:
    if rule.profile_id:
        return complete_id(rule.profile_id) == who.profile_id
    return rule.profile == who.profile


def complete_id(text: str) -> str | None:
    """The 18 characters of an id of 15 or 18 (FEATURES A13); None for what is none."""
    try:
        return ids.parse(text)
    except ids.BadId:
        return None


def complete(
    catalog: Catalog, rights: Rights, chosen: Mapping[str, tuple[SyncRule, ...]]
) -> dict[str, tuple[SyncRule, ...]]:
    """The rules of objects the person may read, and those that others bring with them (FEATURES A07, A08)."""
    found = {name: rules for name, rules in chosen.items() if name in catalog and rights.may(name, Access.READ)}
    for rule in [rule for rules in found.values() for rule in rules if rule.include_related]:
        for candidate in catalog:
            lists = any(f.references == rule.object and f.children for f in candidate.references)
            if lists and candidate.name not in chosen and rights.may(candidate.name, Access.READ):
                found[candidate.name] = (SyncRule(object=candidate.name, device=rule.device),)
    for name, brought in _with_files(catalog, found):
        if name not in chosen and rights.may(name, Access.READ):
            found[name] = (*found.get(name, ()), brought)
    for rule in list(brings_along(found)):
        parent = parent_of(catalog, rule)
        if parent is not None and parent not in found and rights.may(parent, Access.READ):
            found[parent] = ()
    return found


def _with_files(catalog: Catalog, found: Mapping[str, tuple[SyncRule, ...]]) -> list[tuple[str, SyncRule]]:
    """Objects whose records are files on those of rules that include attachments, each with what selects them."""
    rules = [rule for those in found.values() for rule in those]
    including = {rule.object for rule in rules if rule.include_attachments and not rule.without_rows}
    return [
        (
            candidate.name,
            SyncRule(
                object=candidate.name,
                type=RuleType.RELATED,
                parent_object=field.references,
                relationship_field=field.name,
            ),
        )
        for candidate in catalog
        if carries_file(candidate) and not candidate.system
        for field in candidate.references
        if field.children and field.references in including and field.references != candidate.name
    ]


def brings_along(chosen: Mapping[str, tuple[SyncRule, ...]]) -> Iterable[SyncRule]:
    """Rules whose rows bring their parents."""
    rules = (rule for found in chosen.values() for rule in found)
    return (rule for rule in rules if rule.type is RuleType.CHILD_AND_PARENT and not rule.without_rows)


def parent_of(catalog: Catalog, rule: SyncRule) -> str | None:
    """The object that a rule's `relationship_field` leads to."""
    field = catalog[rule.object].fields.get(rule.relationship_field or "")
    return field.references if field is not None else None


def in_order(catalog: Catalog, chosen: Mapping[str, tuple[SyncRule, ...]]) -> tuple[str, ...]:
    """The chosen objects as they are sent: masters first, and among them those with an order number first (A35)."""
    last = 10**9
    order = {n: min((r.order for r in rules if r.order is not None), default=last) for n, rules in chosen.items()}
    return tuple(sorted((name for name in catalog.objects if name in chosen), key=lambda name: order[name]))
